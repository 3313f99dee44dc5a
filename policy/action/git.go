package action

import (
	"errors"
	"fmt"
	"strings"
)

// maxCommands bounds the commands of a push, which stand before its pack.
const maxCommands = 1 << 20

// refineGit reads git's smart HTTP protocol (gitprotocol-http, gitprotocol-pack) and the batch requests of LFS.
func refineGit(r *Request, m *Match) {
	var err error
	switch m.Actions[0].Operation {
	case "git/info-refs":
		err = refineInfoRefs(r, m)
	case "git/receive-pack":
		err = refineReceivePack(r, m)
	case "lfs/batch":
		err = refineBatch(r, m)
	}
	if err != nil {
		m.deny(err.Error())
	}
}

// refineInfoRefs takes the service from the query. Asking for the refs before a push moves nothing, but it is of no use
// to who may not push: refusing it here stops a push before its pack is made.
func refineInfoRefs(r *Request, m *Match) error {
	a := &m.Actions[0]
	switch r.Query {
	case "service=git-upload-pack":
		a.Name, a.Operation, a.Class = "clone", "git/upload-pack", Read
	case "service=git-receive-pack":
		a.Name, a.Operation, a.Class = "push", "git/receive-pack", Write
	default:
		return errors.New("the query of info/refs is neither service=git-upload-pack nor service=git-receive-pack")
	}
	return nil
}

const forcedUnknown = "whether the update of %s is forced cannot be told before the pack is read, " +
	"so it counts as push and force_push: for now, both need to be allowed to update what exists"

// refineReceivePack makes one action of each ref: what is created or deleted has its own name, what is updated counts as
// forced too.
func refineReceivePack(r *Request, m *Match) error {
	if kind, err := contentType(r); err != nil || kind != "application/x-git-receive-pack-request" {
		return errors.New("the Content-Type is not that of a git push")
	}
	commands, err := peekCommands(r)
	if err != nil {
		return fmt.Errorf("the push could not be read: %w", err)
	}
	base := m.Actions[0]
	if len(commands) == 0 {
		return nil // a flush alone: git's probe whether it may speak, before a large push
	}
	m.Actions = nil
	for _, c := range commands {
		for _, name := range c.actions() {
			a := base
			a.Name = name
			m.Actions = append(m.Actions, a)
			if name == "force_push" {
				m.Reason = fmt.Sprintf(forcedUnknown, clip(c.ref))
			}
		}
	}
	return nil
}

// peekCommands looks at more and more of the body until the commands are whole, so that the pack is not waited for.
func peekCommands(r *Request) ([]command, error) {
	if r.Peek == nil {
		return nil, errors.New("it has no body")
	}
	for n := 4 << 10; ; n *= 4 {
		b, err := r.Peek(n)
		if err != nil {
			return nil, err
		}
		commands, whole, err := readCommands(b)
		switch {
		case err != nil || whole:
			return commands, err
		case len(b) < n:
			return nil, errors.New("it ends within its commands")
		case n >= maxCommands:
			return nil, fmt.Errorf("its commands take more than %d bytes", maxCommands)
		}
	}
}

// command is one ref of a push.
type command struct{ old, new, ref string }

// actions are the names for what a command does.
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

// readCommands reads pkt-lines up to the flush. It says whole when the flush was seen.
func readCommands(b []byte) (commands []command, whole bool, err error) {
	seen := map[string]bool{}
	for len(b) >= 4 {
		n, err := pktLength(b)
		if err != nil {
			return nil, false, err
		}
		if n == 0 {
			return commands, true, nil
		}
		if n > len(b) {
			return nil, false, nil
		}
		line := strings.TrimSuffix(string(b[4:n]), "\n")
		b = b[n:]
		if strings.HasPrefix(line, "shallow ") && len(commands) == 0 {
			if !objectID(line[len("shallow "):]) {
				return nil, false, errors.New("a malformed shallow line")
			}
			continue
		}
		c, err := readCommand(line, len(commands) == 0)
		if err != nil {
			return nil, false, err
		}
		if seen[c.ref] {
			return nil, false, fmt.Errorf("the ref %q stands there twice", clip(c.ref))
		}
		seen[c.ref] = true
		commands = append(commands, c)
	}
	return nil, false, nil
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
	if n != 0 && n <= 4 || n > 65520 {
		return 0, errors.New("a pkt-line of impossible length")
	}
	return n, nil
}

// readCommand reads "old new ref"; capabilities follow the first command's ref behind a NUL.
func readCommand(line string, first bool) (command, error) {
	text, _, capabilities := strings.Cut(line, "\x00")
	switch {
	case strings.HasPrefix(text, "push-cert"):
		return command{}, errors.New("signed pushes (push certificates) are not understood")
	case capabilities && !first:
		return command{}, errors.New("capabilities behind another than the first command")
	}
	f := strings.SplitN(text, " ", 3)
	if len(f) != 3 || !objectID(f[0]) || !objectID(f[1]) || len(f[0]) != len(f[1]) {
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

// refineBatch tells downloads from uploads of LFS objects (git-lfs docs/api/batch.md).
func refineBatch(r *Request, m *Match) error {
	body, err := jsonObject(r, "operation")
	if err != nil {
		return err
	}
	a := &m.Actions[0]
	switch textOf(body["operation"]) {
	case "download":
		a.Name, a.Class = "lfs_download", Read
	case "upload":
		a.Name, a.Class = "lfs_upload", Write
	default:
		return errors.New(`the batch's "operation" is neither "download" nor "upload"`)
	}
	return nil
}
