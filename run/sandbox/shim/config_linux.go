package shim

import (
	"bytes"
	"errors"
	"strconv"
	"syscall"
)

// Config is what the shim gives up, and what it then executes. Process group, terminal and the descriptors 0, 1 and 2 are given by who forks it (syscall.ProcAttr).
type Config struct {
	Path      string // of the command, as execve takes it
	Argv, Env []string

	Keyring  bool             // join a new, empty session keyring: the user's crosses even a user namespace
	User     *User            // become somebody else; nil: stay
	Keep     uint64           // capabilities that the child keeps where it has them: 1<<CAP_...; all others go, from every set
	Core     *syscall.Rlimit  // the child's limit on core files; nil: unchanged
	Slack    uint64           // by how many nanoseconds the child's timers may be late; 0: unchanged
	Landlock *Landlock        // nil: none
	Ignore   []syscall.Signal // that the child finds ignored
	Seccomp  []byte           // the filter of system calls; nil: none
}

// User is whom a child of root is to run as.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary ones
}

// Landlock is a ruleset: of what is handled, only what a rule grants is allowed (linux/landlock.h).
type Landlock struct {
	FS, Net, Scoped uint64 // what is handled: LANDLOCK_ACCESS_FS_*, LANDLOCK_ACCESS_NET_*, LANDLOCK_SCOPE_*
	Paths           []PathRule
	Ports           []PortRule
	Begun           int // the descriptor of a ruleset of these that grants something already; 0: none. Encode leaves it out
}

// PathRule grants access to a file, or to a directory and all below it. The path holds no symbolic link. One that is not
// there grants nothing.
type PathRule struct {
	Access uint64
	Path   string
}

// PortRule grants access to a TCP port, of every address.
type PortRule struct {
	Access uint64
	Port   uint16
}

// maxConfig bounds what the shim reads: the system takes less of arguments and environment together (execve(2)).
const maxConfig = 32 << 20

// Encode writes a line for each value: a key and a quoted string.
func (c *Config) Encode() []byte {
	var b lines
	b.say("path", c.Path)
	b.say("arg", c.Argv...)
	b.say("env", c.Env...)
	if c.Keyring {
		b.say("keyring", "")
	}
	if u := c.User; u != nil {
		b.say("user", number(uint64(u.UID))+" "+number(uint64(u.GID)))
		for _, g := range u.Groups {
			b.say("member", number(uint64(g)))
		}
	}
	b.say("keep", number(c.Keep))
	if c.Core != nil {
		b.say("core", number(c.Core.Cur)+" "+number(c.Core.Max))
	}
	if c.Slack != 0 {
		b.say("slack", number(c.Slack))
	}
	if l := c.Landlock; l != nil {
		b.say("landlock", number(l.FS)+" "+number(l.Net)+" "+number(l.Scoped))
		for _, p := range l.Paths {
			b.say("allow", number(p.Access)+" "+p.Path)
		}
		for _, p := range l.Ports {
			b.say("port", number(p.Access)+" "+number(uint64(p.Port)))
		}
	}
	for _, s := range c.Ignore {
		b.say("ignore", number(uint64(s)))
	}
	if c.Seccomp != nil {
		b.say("seccomp", string(c.Seccomp))
	}
	b.say("end", "")
	return b
}

// lines are a configuration as text: a key and a quoted value each.
type lines []byte

//go:noinline
func (b *lines) say(key string, values ...string) {
	for _, v := range values {
		*b = append(strconv.AppendQuote(append(append(*b, key...), ' '), v), '\n')
	}
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// Decode reads what Encode wrote, to its last line; anything else is an error.
func Decode(text []byte) (*Config, error) {
	if len(text) > maxConfig {
		return nil, errors.New("the configuration is too large")
	}
	c, ended := &Config{}, false
	for line := range bytes.Lines(text) {
		key, quoted, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		value, err := strconv.Unquote(string(quoted))
		if err != nil || ended || !c.set(string(key), value, &ended) {
			return nil, errors.New("the configuration is not one: " + strconv.Quote(string(key)))
		}
	}
	switch {
	case !ended:
		return nil, errors.New("the configuration is cut off")
	case len(c.Seccomp)%8 != 0 || len(c.Seccomp)/8 > maxFilter:
		return nil, errors.New("the configuration has no whole filter")
	}
	return c, nil
}

// maxFilter is BPF_MAXINSNS (linux/bpf_common.h).
const maxFilter = 4096

// set takes one line, and says whether it is one.
func (c *Config) set(key, value string, ended *bool) bool {
	switch key {
	case "path":
		c.Path = value
	case "arg":
		c.Argv = append(c.Argv, value)
	case "env":
		c.Env = append(c.Env, value)
	case "seccomp":
		c.Seccomp = []byte(value)
	case "keyring":
		c.Keyring = value == ""
		return c.Keyring
	case "end":
		*ended = value == ""
		return *ended
	case "allow":
		access, path, ok := bytes.Cut([]byte(value), []byte(" "))
		n, err := strconv.ParseUint(string(access), 10, 64)
		if !ok || err != nil || c.Landlock == nil {
			return false
		}
		c.Landlock.Paths = append(c.Landlock.Paths, PathRule{n, string(path)})
	default:
		return c.setNumbers(key, value)
	}
	return true
}

func (c *Config) setNumbers(key, value string) bool {
	var n []uint64
	for _, word := range bytes.Split([]byte(value), []byte(" ")) {
		one, err := strconv.ParseUint(string(word), 10, 64)
		if err != nil {
			return false
		}
		n = append(n, one)
	}
	switch {
	case key == "user" && len(n) == 2 && n[0] == uint64(uint32(n[0])) && n[1] == uint64(uint32(n[1])):
		c.User = &User{UID: uint32(n[0]), GID: uint32(n[1])}
	case key == "member" && len(n) == 1 && c.User != nil && n[0] == uint64(uint32(n[0])):
		c.User.Groups = append(c.User.Groups, uint32(n[0]))
	case key == "keep" && len(n) == 1:
		c.Keep = n[0]
	case key == "core" && len(n) == 2:
		c.Core = &syscall.Rlimit{Cur: n[0], Max: n[1]}
	case key == "slack" && len(n) == 1 && n[0] != 0:
		c.Slack = n[0]
	case key == "landlock" && len(n) == 3 && c.Landlock == nil:
		c.Landlock = &Landlock{FS: n[0], Net: n[1], Scoped: n[2]}
	case key == "port" && len(n) == 2 && c.Landlock != nil && n[1] == uint64(uint16(n[1])):
		c.Landlock.Ports = append(c.Landlock.Ports, PortRule{n[0], uint16(n[1])})
	case key == "ignore" && len(n) == 1 && n[0] > 0 && n[0] <= 64:
		c.Ignore = append(c.Ignore, syscall.Signal(n[0]))
	default:
		return false
	}
	return true
}
