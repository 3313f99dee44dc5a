package action

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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
	case strings.HasPrefix(c.ref, "refs/heads/"):
		kind = "branch"
	case strings.HasPrefix(c.ref, "refs/tags/"):
		kind = "tag"
	}
	switch {
	case kind != "" && zeroID(c.new):
		return []string{"delete_" + kind}
	case kind != "" && zeroID(c.old):
		return []string{"create_" + kind}
	}
	return []string{"push", "force_push"}
}

// moves says that the command gives an existing branch another commit: what can be a fast-forward.
func (c command) moves() bool {
	return strings.HasPrefix(c.ref, "refs/heads/") && !zeroID(c.old) && !zeroID(c.new)
}

func (h *pushHead) can(capability string) bool { return slices.Contains(h.capabilities, capability) }

// sha1 says that the ids of the push are those that the pack is read by.
func (h *pushHead) sha1() bool {
	for _, c := range h.capabilities {
		if format, ok := strings.CutPrefix(c, "object-format="); ok && format != "sha1" {
			return false
		}
	}
	return len(h.commands[0].new) == 40
}

// readPush says for each command why it counts as forced, "" where it does not.
func readPush(r *Request, h *pushHead) ([]string, error) {
	forced := make([]string, len(h.commands))
	var updates []update
	var of []int // the command of each update
	for i, c := range h.commands {
		switch names := c.actions(); {
		case len(names) == 1:
		case !c.moves():
			forced[i] = "only branches can be fast-forwarded"
		default:
			updates, of = append(updates, update{old: c.old, new: c.new}), append(of, i)
		}
	}
	if len(updates) == 0 {
		return forced, nil
	}
	why, err := prove(r, h, updates)
	for k, i := range of {
		forced[i] = why
		if why == "" {
			forced[i] = updates[k].reason()
		}
	}
	return forced, err
}

// prove reads the pack. It says why none of the updates can be proven, "" where each has its own answer.
func prove(r *Request, h *pushHead, updates []update) (string, error) {
	switch {
	case !h.sha1():
		return "in repositories of another object format than sha1 it cannot be told from the pack whether it is forced", nil
	case r.Stream == nil:
		return "the pack was not read, which alone tells whether it is forced", nil
	}
	body, err := r.Stream()
	if err != nil {
		return "the pack, which alone tells whether it is forced, could not be held: " + err.Error(), nil
	}
	defer body.Close()
	if _, err := io.CopyN(io.Discard, body, int64(h.size)); err != nil {
		return "", err
	}
	return "", readPack(body, h.shallow, updates)
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
	if whole && h.can("push-options") {
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
	h.capabilities = append(h.capabilities, strings.Fields(capabilities)...)
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

// pktLength reads the four hexadecimal digits of a pkt-line's length; 0 is the flush. The delimiters of protocol v2 have
// no place in a push.
func pktLength(b []byte) (int, error) {
	n := 0
	for _, c := range b[:4] {
		if !isHex(c) {
			return 0, errors.New("a malformed pkt-line")
		}
		n = n<<4 | int(unhex(c))
	}
	if n != 0 && n <= 4 || n > maxPkt {
		return 0, errors.New("a pkt-line of impossible length")
	}
	return n, nil
}

func objectID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

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
