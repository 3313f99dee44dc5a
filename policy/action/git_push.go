package action

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"agentguard/policy/pack"
)

// maxPushHead bounds what stands before the pack of a push.
const maxPushHead = 1 << 20

// pushHead is what stands before the pack of a push (gitprotocol-pack, "Reference Update Request").
type pushHead struct {
	commands     []command
	capabilities []string
	shallow      []string // commits whose parents the client does not have
	size         int      // in bytes
}

// command is one ref of a push.
type command struct{ old, new, ref string }

// actions are the names for what a command does; the second of an update does not hold when it is a fast-forward.
func (c command) actions() []string {
	kind := ""
	switch {
	case strings.HasPrefix(c.ref, heads):
		kind = "branch"
	case strings.HasPrefix(c.ref, "refs/tags/"):
		kind = "tag"
	}
	switch {
	case kind != "" && zeroID(c.new):
		return []string{"delete_" + kind}
	case kind != "" && zeroID(c.old):
		return []string{"create_" + kind}
	case zeroID(c.old) && !strings.HasPrefix(c.ref, "refs/replace/"): // which puts other commits in the place of some
		return []string{"push"}
	}
	return []string{"push", "force_push"}
}

// moves says that the command gives an existing ref another commit: what can be a fast-forward. Tags are not meant to move.
func (c command) moves() bool {
	return !strings.HasPrefix(c.ref, "refs/tags/") && !zeroID(c.old) && !zeroID(c.new)
}

// can says whether the client named a capability, as git looks for it (connect.c, parse_feature_value).
func (h *pushHead) can(capability string) bool {
	return slices.ContainsFunc(h.capabilities, func(c string) bool {
		name, _, _ := strings.Cut(c, "=")
		return name == capability
	})
}

// width is the length of the ids in bytes.
func (h *pushHead) width() int { return len(h.commands[0].new) / 2 }

// sameFormat holds the ids to the object format that the client names.
func (h *pushHead) sameFormat() error {
	format := "sha1"
	for _, c := range h.capabilities {
		if f, ok := strings.CutPrefix(c, "object-format="); ok {
			format = f
		}
	}
	if len(h.commands) > 0 && (format != "sha1" || h.width() != sha1.Size) && (format != "sha256" || h.width() != sha256.Size) {
		return fmt.Errorf("its ids are not of the object format %q", clip(format))
	}
	return nil
}

const notRead = "the pack was not read, which alone tells whether it is forced"

// pushReading is what is known of a push.
type pushReading struct {
	head    *pushHead
	base    Action        // what the actions share
	forced  []string      // for each command why it counts as forced, "" where it does not
	updates []pack.Update // those that the pack or the server may show to be fast-forwards
	of      []int         // the command of each update
}

// actions are those of all commands, and why one counts as forced.
func (p *pushReading) actions() (list []Action, reason string) {
	list = make([]Action, 0, len(p.forced))
	for i, c := range p.head.commands {
		names := c.actions()
		if c.moves() && p.forced[i] == "" {
			names = names[:1]
		}
		if len(names) > 1 && reason == "" {
			why := p.forced[i]
			if why == "" {
				why = "only a ref that is no tag, and stays, can be fast-forwarded"
			}
			reason = fmt.Sprintf("the update of %s counts as push and force_push: %s", clip(c.ref), why)
		}
		for n, name := range names {
			a := p.base
			a.Name, a.Ref, a.Also = name, c.ref, n > 0
			list = append(list, a)
		}
	}
	return list, reason
}

// find lists the updates that are in doubt.
func (p *pushReading) find() {
	for i, c := range p.head.commands {
		if c.moves() {
			p.updates, p.of = append(p.updates, pack.Update{Old: c.old, New: c.new}), append(p.of, i)
		}
	}
}

// settle reads the pack, and asks the server about what that leaves open.
func (p *pushReading) settle(r *Request) ([]Action, string, error) {
	for k, u := range p.updates {
		p.updates[k] = pack.Update{Old: u.Old, New: u.New}
	}
	why, err := p.prove(r)
	for k, i := range p.of {
		if p.forced[i] = why; why == "" {
			p.forced[i] = p.updates[k].Reason()
		}
	}
	list, reason := p.actions()
	if err != nil {
		err = fmt.Errorf("the push could not be read: %w", err)
	}
	return list, reason, err
}

// prove says why none of the updates can be proven, "" where each has its own answer. The error is ErrHeld where some have
// none yet.
func (p *pushReading) prove(r *Request) (string, error) {
	if r.Stream == nil {
		return notRead, nil
	}
	body, err := r.Stream()
	if err != nil {
		return "the pack, which alone tells whether it is forced, could not be held: " + err.Error(), nil
	}
	defer body.Close()
	if _, err := io.CopyN(io.Discard, body, int64(p.head.size)); err != nil {
		return "", err
	}
	h := pack.NewHistory(p.head.width(), p.head.shallow)
	if err := h.Read(body, p.updates); err != nil {
		if h.Judge(p.updates) && errors.Is(err, ErrHeld) {
			return "", nil
		}
		return err.Error(), err
	}
	(&resolver{request: r, about: p.base, history: h}).resolve(p.updates)
	return "", nil
}

// peekPush looks at more and more of the body until what stands before the pack is whole, so that the pack is not
// waited for where it does not matter.
func peekPush(r *Request) (*pushHead, error) {
	if r.Peek == nil {
		return nil, errors.New("it has no body")
	}
	for n := 4 << 10; ; n *= 4 {
		b, err := r.Peek(n)
		if err != nil {
			return nil, err
		}
		h, whole, err := readPushHead(b)
		switch {
		case err != nil || whole:
			return h, err
		case len(b) < n:
			return nil, errors.New("it ends within its commands")
		case n >= maxPushHead:
			return nil, fmt.Errorf("its commands take more than %d bytes", maxPushHead)
		}
	}
}

// readPushHead reads pkt-lines up to the flush, and the push options up to theirs. It says whole when it saw the end.
func readPushHead(b []byte) (h *pushHead, whole bool, err error) {
	h = &pushHead{}
	seen := map[string]bool{}
	whole, err = h.section(b, func(line string) error {
		if id, ok := strings.CutPrefix(line, "shallow "); ok && len(h.commands) == 0 {
			if !objectID(id) {
				return errors.New("a malformed shallow line")
			}
			h.shallow = append(h.shallow, id)
			return nil
		}
		c, err := h.command(line)
		if err != nil {
			return err
		}
		if seen[c.ref] {
			return fmt.Errorf("the ref %q stands there twice", clip(c.ref))
		}
		seen[c.ref] = true
		h.commands = append(h.commands, c)
		return nil
	})
	if err == nil {
		err = h.sameFormat()
	}
	if err == nil && whole && h.can("push-options") {
		whole, err = h.section(b, func(string) error { return nil })
	}
	return h, whole, err
}

// section reads the pkt-lines of b from h.size on up to a flush, which it consumes.
func (h *pushHead) section(b []byte, line func(string) error) (whole bool, err error) {
	for len(b)-h.size >= 4 {
		rest := b[h.size:]
		n, err := pktLength(rest)
		switch {
		case err != nil:
			return false, err
		case n == 0:
			h.size += 4
			return true, nil
		case n > len(rest):
			return false, nil
		}
		if err := line(strings.TrimSuffix(string(rest[4:n]), "\n")); err != nil {
			return false, err
		}
		h.size += n
	}
	return false, nil
}

// command reads "old new ref"; capabilities follow the first command's ref behind a NUL.
func (h *pushHead) command(line string) (command, error) {
	text, capabilities, given := strings.Cut(line, "\x00")
	switch {
	case strings.HasPrefix(text, "push-cert"):
		return command{}, errors.New("signed pushes (push certificates) are not understood")
	case given && len(h.commands) > 0:
		return command{}, errors.New("capabilities behind another than the first command")
	}
	h.capabilities = append(h.capabilities, strings.FieldsFunc(capabilities, func(c rune) bool {
		return c == ' ' || c == '\t' || c == '\n' || c == '\r' // git's own isspace
	})...)
	f := strings.SplitN(text, " ", 3)
	if len(f) != 3 || !objectID(f[0]) || !objectID(f[1]) || len(f[0]) != len(f[1]) ||
		len(h.commands) > 0 && len(f[0]) != len(h.commands[0].old) {
		return command{}, errors.New("a malformed command")
	}
	if err := refName(f[2]); err != nil {
		return command{}, err
	}
	if zeroID(f[0]) && zeroID(f[1]) {
		return command{}, errors.New("a command that neither creates nor deletes")
	}
	return command{f[0], f[1], f[2]}, nil
}

// pktLength reads the length of a pkt-line; 0 is the flush. The delimiters of protocol v2 have no place in a push.
func pktLength(b []byte) (int, error) {
	n, err := pktPrefix(b)
	if err == nil && n != 0 && n <= 4 {
		err = errors.New("a pkt-line of impossible length")
	}
	return n, err
}

// pktPrefix reads the four hexadecimal digits before a pkt-line: its length, or less than 4 for what is no line.
func pktPrefix(b []byte) (int, error) {
	n := 0
	for _, c := range b[:4] {
		if !isHex(c) {
			return 0, errors.New("a malformed pkt-line")
		}
		n = n<<4 | int(unhex(c))
	}
	if n > maxPkt {
		return 0, errors.New("a pkt-line of impossible length")
	}
	return n, nil
}

func objectID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// zeroID says whether an id stands for no object.
func zeroID(s string) bool { return strings.Trim(s, "0") == "" }

// refName holds a ref against git-check-ref-format, so that no two readers take it for different refs.
func refName(ref string) error {
	bad := !strings.HasPrefix(ref, "refs/") || strings.ContainsAny(ref, " ~^:?*[\\\x7f") || strings.Contains(ref, "..") ||
		strings.Contains(ref, "//") || strings.Contains(ref, "@{") || strings.Contains(ref, "/.") ||
		strings.Contains(ref, ".lock/") || strings.HasSuffix(ref, ".lock") || strings.HasSuffix(ref, "/") ||
		strings.HasSuffix(ref, ".")
	for i := 0; i < len(ref); i++ {
		bad = bad || ref[i] < ' '
	}
	if bad {
		return fmt.Errorf("%q is no name of a ref", clip(ref))
	}
	return nil
}
