package account

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/run/environ"
	"agentguard/run/sandbox"
)

// nobody has no rights to what root makes for itself.
func nobody(t *testing.T) *User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root works as somebody else")
	}
	return &User{sandbox.User{UID: 65534, GID: 65534}, "nobody", "/nonexistent", "/bin/sh"}
}

// TestEnviron: a user is told of no place of root's, and of nobody who called sudo.
func TestEnviron(t *testing.T) {
	u := &User{sandbox.User{UID: 12345, GID: 12345}, "amy", "/home/amy", "/bin/zsh"}
	env := u.Environ(environ.Of([]string{
		"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "MAIL=/var/mail/root", "XDG_RUNTIME_DIR=/run/user/0", "XAUTHORITY=/tmp/x",
		"SUDO_UID=1000", "SUDO_COMMAND=/bin/sh", "NPM_CONFIG_CACHE=/root/.npm", "ROOT=/root", "NEIGHBOUR=/rooted/x", "PATH=/root/bin:/usr/bin", "LANG=C", "TMPDIR=/nowhere",
	}))
	want := "HOME=/home/amy LANG=C LOGNAME=amy NEIGHBOUR=/rooted/x PATH=/root/bin:/usr/bin SHELL=/bin/zsh USER=amy"
	if got := strings.Join(env.List(), " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestRights: what may be done is asked as the user, and back as who we are afterwards.
func TestRights(t *testing.T) {
	u := nobody(t)
	ours := t.TempDir()
	if err := os.Chmod(ours, 0o700); err != nil {
		t.Fatal(err)
	}
	if u.MayEnter(ours) || u.MayWrite(ours) || u.Owns(ours) {
		t.Error("nobody may enter, write or owns what root has for itself")
	}
	if !u.MayEnter("/") || u.MayWrite("/") || !u.MayWrite("/tmp") {
		t.Error("nobody may not enter /, or write there, or not in /tmp")
	}
	if err := u.Do(func() error { return os.WriteFile(filepath.Join(ours, "x"), nil, 0o600) }); !os.IsPermission(err) {
		t.Errorf("written as nobody: %v", err)
	}
	if err := os.WriteFile(filepath.Join(ours, "y"), nil, 0o600); err != nil {
		t.Errorf("not ourselves any more: %v", err)
	}
	if err := os.Chown(filepath.Join(ours, "y"), 65534, 65534); err == nil && !u.Owns(filepath.Join(ours, "y")) {
		t.Error("nobody does not own nobody's")
	}
	var whoever *User
	if !whoever.MayEnter(ours) || !whoever.MayWrite(ours) || whoever.Boxed() != nil || As(whoever) != "root" {
		t.Error("no user is not whoever we are")
	}
}

// TestLookup: of the system's accounts, what has a number and a home.
func TestLookup(t *testing.T) {
	root, err := Lookup("0", user.LookupId)
	if err != nil {
		t.Skip(err)
	}
	if root.UID != 0 || !filepath.IsAbs(root.Home) || !filepath.IsAbs(root.Shell) || As(root) != root.Name+" (uid 0)" {
		t.Errorf("%+v", root)
	}
	homeless := func(string) (*user.User, error) { return &user.User{Uid: "5", Gid: "5", Username: "x"}, nil }
	if u, err := Lookup("x", homeless); err == nil || !strings.Contains(err.Error(), "no home directory") {
		t.Errorf("%+v, %v", u, err)
	}
}
