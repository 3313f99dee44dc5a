// Package account is whom a command runs as where root starts it.
package account

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

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

// Lookup reads one from the system's database, by the name or the number of user.Lookup and user.LookupId.
func Lookup(key string, look func(string) (*user.User, error)) (*User, error) {
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

// Environ is our environment as the user would have it: what names a place of ours, or tells of sudo, is not theirs.
func (u *User) Environ(ours *environ.Env) *environ.Env {
	env := ours.Clone()
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
	if dir := "/run/user/" + strconv.FormatUint(uint64(u.UID), 10); u.Owns(dir) {
		env.Set("XDG_RUNTIME_DIR", dir)
	}
	if dir := env.Get("TMPDIR"); dir != "" && !u.MayWrite(dir) {
		env.Unset("TMPDIR")
	}
	return env
}

// MayWrite says whether the user may make files in a directory.
func (u *User) MayWrite(dir string) bool { return u == nil || u.may(dir, mayEnter|mayWrite) }

// MayEnter says whether the user may look for files in a directory.
func (u *User) MayEnter(dir string) bool { return u == nil || u.may(dir, mayEnter) }
