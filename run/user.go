package run

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"

	"agentguard/policy"
	"agentguard/run/account"
	"agentguard/run/environ"
)

// ChildUser finds whom a run's command runs as: whom the policy names, else who called root by sudo. Nobody but root can
// choose: there, and where it is who we are, it is nil. The error says what to do.
func ChildUser(p *policy.Policy, ours []string) (*account.User, error) {
	us := os.Geteuid()
	if named := p.Isolation.User; named.Line > 0 {
		return namedUser(p.Source, named, us)
	}
	env := environ.Of(ours)
	caller := env.Get("SUDO_UID")
	if us != 0 || caller == "" || caller == "0" || runtime.GOOS != "linux" { // root needs no account, which a small container lacks
		return nil, nil
	}
	u, err := account.Lookup(caller, user.LookupId)
	if err != nil {
		return nil, failure(fmt.Errorf("SUDO_UID is %q, whose account cannot be found: %w", caller, err),
			"user under [isolation] in the policy says whom the command runs as; \"root\" is one")
	}
	if u.UID == 0 {
		return nil, nil
	}
	return u, nil
}

func namedUser(file string, named policy.User, us int) (*account.User, error) {
	fail := func(hint, format string, args ...any) error {
		return failure(policy.Error{File: file, Line: named.Line, Message: "isolation.user " + fmt.Sprintf(format, args...)}, hint)
	}
	look := user.Lookup
	if named.Name == "" {
		look = user.LookupId
	}
	u, err := account.Lookup(named.String(), look)
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

// become makes the session one whose command runs as its User.
func (s *session) become() error {
	s.ownHomes = []string{s.env.Get("HOME")}
	if ours, err := user.Current(); err == nil { // the variable may name another, and the secrets are there all the same
		s.ownHomes = append(s.ownHomes, ours.HomeDir)
	}
	u := s.User
	if u == nil {
		return nil
	}
	if err := u.Do(func() error { return nil }); err != nil {
		return failure(err, "it takes CAP_SETUID and CAP_SETGID, and a user that this container has")
	}
	s.env = u.Environ(s.env)
	for dir := s.StateHome; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if u.Owns(dir) {
			return failure(fmt.Errorf("audit logs and limits would be in %s, where %s belongs to %s, as whom the command runs", s.StateHome, dir, u.Name),
				"sudo -H, or XDG_STATE_HOME in a directory of root's")
		}
	}
	if dir := cmp.Or(s.workDir(), "."); !u.MayEnter(dir) {
		return failure(fmt.Errorf("working directory %s: %s, as whom the command runs, may not enter it", dir, u.Name), "cd to a directory of theirs")
	}
	return nil
}
