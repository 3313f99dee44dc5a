package run

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"agentguard/policy"
	"agentguard/run/environ"
	"agentguard/run/sandbox"
)

// User is whom the command of root's run runs as, in the place of root. A nil *User is whoever we are.
//
// It has the user's own group and no other one, also where the user is a member of some: what they give (docker, disk, sudo)
// may be as much as root has. All else of a run stays root's.
type User struct {
	sandbox.User
	Name, Home, Shell string
}

func (u *User) String() string { return fmt.Sprintf("%s (uid %d)", u.Name, u.UID) }

// Boxed is the user as package sandbox takes it.
func (u *User) Boxed() *sandbox.User {
	if u == nil {
		return nil
	}
	return &u.User
}

// As says for a person whom a command runs as: u, or root. It is "" where that is nobody's question.
func As(u *User) string {
	switch {
	case u != nil:
		return u.String()
	case os.Geteuid() == 0:
		return "root"
	}
	return ""
}

// ChildUser finds whom a run's command runs as: whom the policy names, else who called root by sudo. Nobody but root can
// choose: there, and where it is who we are, it is nil. The error says what to do.
func ChildUser(p *policy.Policy, ours []string) (*User, error) {
	us := os.Geteuid()
	if named := p.Isolation.User; named.Line > 0 {
		return namedUser(p.Source, named, us)
	}
	env := environ.Of(ours)
	caller := env.Get("SUDO_UID")
	if us != 0 || caller == "" || caller == "0" || runtime.GOOS != "linux" { // root needs no account, which a small container lacks
		return nil, nil
	}
	u, err := account(caller, user.LookupId)
	if err != nil {
		return nil, failure(fmt.Errorf("SUDO_UID is %q, whose account cannot be found: %w", caller, err),
			"user under [isolation] in the policy says whom the command runs as; \"root\" is one")
	}
	if u.UID == 0 {
		return nil, nil
	}
	return u, nil
}

func namedUser(file string, named policy.User, us int) (*User, error) {
	fail := func(hint, format string, args ...any) error {
		return failure(policy.Error{File: file, Line: named.Line, Message: "isolation.user " + fmt.Sprintf(format, args...)}, hint)
	}
	look := user.Lookup
	if named.Name == "" {
		look = user.LookupId
	}
	u, err := account(named.String(), look)
	switch {
	case err != nil:
		return nil, fail("", "%s: %v", named, err)
	case int(u.UID) == us:
		return nil, nil
	case us != 0:
		return nil, fail("sudo -u "+u.Name+" agentguard run does the same", "is %s, and only root can run a command as somebody else", u)
	case runtime.GOOS != "linux":
		return nil, fail("sudo -u "+u.Name+" agentguard run does the same", "is there on Linux alone")
	}
	return u, nil
}

// account reads one from the system's database.
func account(key string, look func(string) (*user.User, error)) (*User, error) {
	a, err := look(key)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(a.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(a.Gid, 10, 32)
	if err1 != nil || err2 != nil || !filepath.IsAbs(a.HomeDir) {
		return nil, fmt.Errorf("the account of %s has no number, or no home directory", a.Username)
	}
	return &User{sandbox.User{UID: uint32(uid), GID: uint32(gid)}, a.Username, filepath.Clean(a.HomeDir), shellOf(a.Username)}, nil
}

// shellOf reads the last field of passwd(5), which package user does not give.
func shellOf(name string) string {
	text, _ := os.ReadFile("/etc/passwd")
	for line := range bytes.Lines(text) {
		if f := strings.Split(strings.TrimSpace(string(line)), ":"); len(f) == 7 && f[0] == name && filepath.IsAbs(f[6]) {
			return f[6]
		}
	}
	return "/bin/sh"
}

// environ is our environment as the user would have it: what names a place of ours, or tells of sudo, is not theirs.
func (u *User) environ(ours []string) []string {
	env := environ.Of(ours)
	home := env.Get("HOME")
	for _, name := range env.Names() {
		value := env.Get(name)
		ofOurs := home != u.Home && filepath.IsAbs(home) && filepath.Dir(home) != home && strings.HasPrefix(value+"/", home+"/") && !strings.Contains(value, string(filepath.ListSeparator))
		if ofOurs || strings.HasPrefix(name, "SUDO_") {
			env.Unset(name)
		}
	}
	for _, name := range []string{"MAIL", "XDG_RUNTIME_DIR", "XAUTHORITY"} {
		env.Unset(name)
	}
	for name, value := range map[string]string{"HOME": u.Home, "USER": u.Name, "LOGNAME": u.Name, "SHELL": u.Shell} {
		env.Set(name, value)
	}
	if dir := "/run/user/" + strconv.FormatUint(uint64(u.UID), 10); u.owns(dir) {
		env.Set("XDG_RUNTIME_DIR", dir)
	}
	if dir := env.Get("TMPDIR"); dir != "" && !u.MayWrite(dir) {
		env.Unset("TMPDIR")
	}
	return env.List()
}

// become makes the session one whose command runs as its User.
func (s *session) become() error {
	s.ownHome = environ.Of(s.Environ).Get("HOME")
	u := s.User
	if u == nil {
		return nil
	}
	if err := u.Do(func() error { return nil }); err != nil {
		return failure(err, "it takes CAP_SETUID and CAP_SETGID, and a user that this container has")
	}
	s.Environ = u.environ(s.Environ)
	for dir := s.StateHome; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if u.owns(dir) {
			return failure(fmt.Errorf("audit logs and limits would be in %s, where %s belongs to %s, as whom the command runs", s.StateHome, dir, u.Name),
				"sudo -H, or XDG_STATE_HOME in a directory of root's")
		}
	}
	if dir := cmp.Or(s.workDir(), "."); !u.may(dir, mayEnter) {
		return failure(fmt.Errorf("working directory %s: %s, as whom the command runs, may not enter it", dir, u.Name), "cd to a directory of theirs")
	}
	return nil
}

// MayWrite says whether the user may make files in a directory.
func (u *User) MayWrite(dir string) bool { return u == nil || u.may(dir, mayEnter|mayWrite) }
