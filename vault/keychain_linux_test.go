package vault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"
)

// session is a D-Bus session of its own in a directory of its own, for a user.
type session struct {
	t      *testing.T
	dir    string
	uid    int
	binary string
	env    []string
}

const nobody = 65534

func newSession(t *testing.T, uid int) *session {
	t.Helper()
	if uid != os.Geteuid() && os.Geteuid() != 0 {
		t.Skip("needs root to become another user")
	}
	dir, err := os.MkdirTemp("", "session") // t.TempDir is below a directory that others cannot enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, _ := os.Executable()
	s := &session{t: t, dir: dir, uid: uid, binary: filepath.Join(dir, "vault.test")}
	if err := copyFile(s.binary, self); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(dir, "run"), 0o700)
	for _, d := range []string{dir, filepath.Join(dir, "run")} {
		os.Chown(d, uid, uid)
	}
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"), "TMPDIR=" + dir}
	return s
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, in)
	return err
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := osexec.LookPath(p); err != nil {
			t.Skip("needs " + p)
		}
	}
}

// command runs as the session's user, and is killed at the end of the test with its whole group.
func (s *session) command(name string, args ...string) *osexec.Cmd {
	cmd := osexec.Command(name, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if s.uid != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}
	}
	return cmd
}

func (s *session) start(cmd *osexec.Cmd) {
	s.t.Helper()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
}

func (s *session) socket() string { return filepath.Join(s.dir, "run", "bus") }

// bus starts a dbus-daemon whose services are those that extra names; none are installed ones.
func (s *session) bus(extra string) {
	s.t.Helper()
	needs(s.t, "dbus-daemon")
	conf := write(s.t, filepath.Join(s.dir, "bus.conf"), `<busconfig><type>session</type><listen>unix:path=`+s.socket()+`</listen><auth>EXTERNAL</auth>`+extra+`
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`, 0o644)
	s.start(s.command("dbus-daemon", "--nofork", "--nopidfile", "--config-file="+conf))
	s.wait("dbus-daemon", func() error {
		c, err := net.Dial("unix", s.socket())
		if err == nil {
			c.Close()
		}
		return err
	})
}

func (s *session) wait(what string, ready func() error) {
	s.t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = ready(); err == nil {
			return
		}
	}
	s.t.Fatal(what, " did not come up: ", err)
}

// keyring starts a real gnome-keyring, unlocked.
func (s *session) keyring() {
	s.t.Helper()
	s.bus("")
	s.daemon("--unlock")
	s.wait("gnome-keyring-daemon", func() error { return s.inside("TestInsideReady") })
}

// daemon starts gnome-keyring, which has no keyring until it is told to unlock one.
func (s *session) daemon(options ...string) {
	s.t.Helper()
	needs(s.t, "gnome-keyring-daemon", "dbus-daemon")
	cmd := s.command("gnome-keyring-daemon", append(options, "--foreground", "--components=secrets")...)
	cmd.Env = append(cmd.Env, busVariable+"=unix:path="+s.socket())
	cmd.Stdin = strings.NewReader("login-password")
	s.start(cmd)
}

// inside runs one test of this binary in the session.
func (s *session) inside(name string, env ...string) error {
	cmd := s.command(s.binary, "-test.run=^"+name+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(append(cmd.Env, "AGENTGUARD_TEST_INSIDE=1"), env...)
	out, err := cmd.CombinedOutput()
	if err == nil && !bytes.Contains(out, []byte("--- PASS: "+name)) {
		err = fmt.Errorf("%s did not run", name)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func (s *session) pass(name string, env ...string) {
	s.t.Helper()
	if err := s.inside(name, env...); err != nil {
		s.t.Fatal(err)
	}
}

func insideOnly(t *testing.T) *Vault {
	t.Helper()
	if os.Getenv("AGENTGUARD_TEST_INSIDE") == "" {
		t.Skip("runs in a D-Bus session that another test starts")
	}
	return New(Options{LookupEnv: os.LookupEnv, StateDir: filepath.Join(os.Getenv("HOME"), "state"), Timeout: 20 * time.Second})
}

// TestKeychain runs the conformance suite on a real gnome-keyring, as this user by the bus's address, and as an
// unprivileged one who has the socket in XDG_RUNTIME_DIR alone.
func TestKeychain(t *testing.T) {
	for name, uid := range map[string]int{"this user": os.Geteuid(), "unprivileged": nobody} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, uid)
			s.keyring()
			var env []string
			if uid == os.Geteuid() {
				env = []string{busVariable + "=unix:path=" + s.socket()}
			}
			s.pass("TestInsideConforms", env...)
			s.pass("TestInsideLocked", env...)
		})
	}
}

func TestInsideReady(t *testing.T) {
	v := insideOnly(t)
	if p := v.Where(t.Context())[0]; p.State != "unlocked" || !strings.HasSuffix(p.Detail, "/collection/login") {
		t.Fatalf("%+v", p)
	}
}

func TestInsideConforms(t *testing.T) {
	v := insideOnly(t)
	if b, why := v.Default(t.Context()); b != "keychain" || why != "" {
		t.Fatal(b, why)
	}
	f := stored(t, v, "keychain")
	if got, err := keyring.Get("agentguard", f.have.Name); err != nil || got != f.value {
		t.Fatal("it is not in the keychain", err)
	}
	conforms(t, f)
}

// TestInsideLocked locks the collection. Nobody can answer the prompt here, which the keyring takes for a dismissal.
func TestInsideLocked(t *testing.T) {
	v := insideOnly(t)
	within(t, 19*time.Second)
	f := stored(t, v, "keychain")
	bus, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	if err := bus.Object(secretService, secretPath).Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{loginKeyring}).Err; err != nil {
		t.Fatal(err)
	}
	_, err = v.Get(t.Context(), Ref{"keychain", f.have.Name})
	wants(t, err, ErrLocked, "locked", "unlock the keyring")
	wants(t, v.Set(t.Context(), f.have, secret(t, "other")), ErrLocked)
	wants(t, v.Remove(t.Context(), f.have), ErrLocked)
	if p := v.Where(t.Context())[0]; p.State != "locked" || p.Err != nil {
		t.Fatalf("%+v", p)
	}
	if b, _ := v.Default(t.Context()); b != "keychain" {
		t.Fatal("a locked keychain is still the place to keep secrets")
	}
}

// TestUnlockHint: what the hint says opens a locked keyring when it is pasted, and makes one where there is none.
func TestUnlockHint(t *testing.T) {
	needs(t, "bash")
	s := newSession(t, os.Geteuid())
	s.bus("")
	s.daemon()
	s.wait("gnome-keyring-daemon", func() error { return s.inside("TestInsideNoBus", "REASON=no default keyring") })
	paste := func() {
		cmd := s.command("bash", "-c", unlockCommand)
		cmd.Env = append(cmd.Env, busVariable+"=unix:path="+s.socket())
		cmd.Stdin = strings.NewReader("login-password\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		s.wait("the keyring", func() error { return s.inside("TestInsideReady") })
	}
	paste()
	s.pass("TestInsideLocked")
	paste()
}

// TestKeychainNotThere: each way in which there is none is said as such, and points to the age file.
func TestKeychainNotThere(t *testing.T) {
	s := newSession(t, os.Geteuid())
	s.pass("TestInsideNoBus", "REASON=there is no ")
	s.pass("TestInsideNoBus", "REASON=are not set", "XDG_RUNTIME_DIR=")
	s.pass("TestInsideNoBus", "REASON=are not set", "XDG_RUNTIME_DIR=", busVariable+"=autolaunch:")
	s.pass("TestInsideNoBus", "REASON=nobody answers", busVariable+"=unix:path=/nonexistent/bus")
	s.pass("TestInsideNoBus", "REASON=not on a unix socket", busVariable+"=unixexec:path=/bin/sh")
	s.pass("TestInsideNoBus", "REASON=not on a unix socket", busVariable+"=unix:path=/nonexistent/bus;unixexec:path=/bin/sh")
	s.pass("TestInsideNoBus", "REASON=names no socket", busVariable+"=unix:runtime=yes")
	s.bus("")
	s.pass("TestInsideNoBus", "REASON=no Secret Service")
	s.daemon()
	s.wait("gnome-keyring-daemon", func() error { return s.inside("TestInsideNoBus", "REASON=no default keyring") })
}

func TestInsideNoBus(t *testing.T) {
	v := insideOnly(t)
	refused(t, v, os.Getenv("REASON"))
}

func refused(t *testing.T, v *Vault, reason string) {
	t.Helper()
	_, err := v.Get(t.Context(), Ref{"keychain", "x"})
	wants(t, err, ErrUnavailable, reason, "agentguard vault set age:")
	wants(t, v.Set(t.Context(), Ref{"keychain", "x"}, secret(t, "x")), ErrUnavailable, reason)
	if b, why := v.Default(t.Context()); b != "age" || !strings.Contains(why, reason) {
		t.Fatal(b, why)
	}
	if p := v.Where(t.Context())[0]; !strings.HasPrefix(p.State, "no keychain: ") || p.Err == nil {
		t.Fatalf("%+v", p)
	}
}

// TestNoStrayBus puts a dbus-launch that leaves a mark first in PATH. The control shows that the library alone runs it.
func TestNoStrayBus(t *testing.T) {
	s := newSession(t, os.Geteuid())
	bin, mark := filepath.Join(s.dir, "bin"), filepath.Join(s.dir, "launched")
	os.Mkdir(bin, 0o755)
	write(t, filepath.Join(bin, "dbus-launch"), "#!/bin/sh\n: > "+mark+"\n", 0o755)
	path := "PATH=" + bin + ":" + os.Getenv("PATH")
	s.pass("TestInsideNoBus", "REASON=there is no ", path)
	s.pass("TestInsideNoBus", "REASON=are not set", "XDG_RUNTIME_DIR=", path)
	if _, err := os.Stat(mark); err == nil {
		t.Fatal("a stray bus was started")
	}
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", s.uid)); err == nil {
		t.Skip("needs a system without a session bus for the control")
	}
	s.pass("TestInsideLibraryAlone", path)
	if _, err := os.Stat(mark); err != nil {
		t.Fatal("the control did not start one: the trap does not work")
	}
}

func TestInsideLibraryAlone(t *testing.T) {
	insideOnly(t)
	if _, err := keyring.Get("agentguard", "x"); err == nil {
		t.Fatal("found a keychain")
	}
}

// TestKeychainHangs: services that own the name, or are to be started for it, and never answer; and a socket that
// accepts and says nothing.
func TestKeychainHangs(t *testing.T) {
	t.Run("owner", func(t *testing.T) {
		s := newSession(t, os.Geteuid())
		s.bus("")
		bus, err := dbus.Connect("unix:path="+s.socket(), dbus.WithHandler(silent{}))
		if err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
		if r, err := bus.RequestName(secretService, 0); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
			t.Fatal(r, err)
		}
		t.Parallel() // each waits
		s.pass("TestInsideHangs")
	})
	t.Run("activatable", func(t *testing.T) {
		s := newSession(t, os.Geteuid())
		services := filepath.Join(s.dir, "services")
		os.Mkdir(services, 0o755)
		write(t, filepath.Join(services, "secrets.service"), "[D-BUS Service]\nName="+secretService+"\nExec=/bin/sleep 20\n", 0o644)
		s.bus("<servicedir>" + services + "</servicedir>")
		t.Parallel() // each waits
		s.pass("TestInsideHangs")
	})
	t.Run("socket", func(t *testing.T) {
		s := newSession(t, os.Geteuid())
		l, err := net.Listen("unix", s.socket())
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		t.Parallel() // each waits
		s.pass("TestInsideHangs")
	})
}

// silent is a D-Bus object tree whose every method blocks.
type silent struct{}

func (silent) LookupObject(dbus.ObjectPath) (dbus.ServerObject, bool) { return silentObject{}, true }

type silentObject struct{}

func (silentObject) LookupInterface(string) (dbus.Interface, bool) { select {} }

func TestInsideHangs(t *testing.T) {
	insideOnly(t)
	within(t, 40*time.Second)
	var notices []string
	v := New(Options{LookupEnv: os.LookupEnv, Timeout: 3 * time.Second, Notice: func(s string) { notices = append(notices, s) }})
	for range 2 {
		start := time.Now()
		_, err := v.Get(t.Context(), Ref{"keychain", "x"})
		wants(t, err, nil)
		if d := time.Since(start); d > 15*time.Second {
			t.Fatal("waited ", d)
		}
		if !strings.Contains(err.Error(), "no answer within 3s") && !strings.Contains(err.Error(), "does not answer") {
			t.Fatal(err)
		}
	}
	if len(notices) == 0 || notices[0] != "waiting for the keychain to open..." {
		t.Fatal(notices)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if b, why := v.Default(ctx); b != "age" || !strings.Contains(why, "not answer") {
		t.Fatal(b, why)
	}
}

func TestTwoBusesAreRefused(t *testing.T) {
	t.Setenv(busVariable, "unix:path=/one")
	if err := pinBus("unix:path=/one"); err != nil {
		t.Fatal(err)
	}
	wants(t, pinBus("unix:path=/two"), ErrUnavailable, "another DBUS_SESSION_BUS_ADDRESS")
}

func TestKeychainErrors(t *testing.T) {
	wants(t, keychainError(fmt.Errorf("failed to unlock correct collection '/x'")), ErrLocked)
	wants(t, keychainError(keyring.ErrNotFound), ErrNotFound)
	wants(t, keychainError(keyring.ErrSetDataTooBig), nil, "too large")
	wants(t, keychainError(fmt.Errorf("bad \x1b thing\n")), ErrUnavailable, `bad \x1b thing\n`)
}

// TestPanicOfTheLibraryIsAnError: go-keyring asserts the types of what the service sends.
func TestPanicOfTheLibraryIsAnError(t *testing.T) {
	g := newGate(Options{Timeout: time.Second, Notice: func(string) {}}, "the keychain")
	_, err := bounded(t.Context(), g, func(context.Context) (int, error) { panic(canary) })
	wants(t, err, ErrUnavailable, "broke off or answered nonsense")
	if _, err := bounded(t.Context(), g, func(context.Context) (int, error) { return 1, nil }); err != nil {
		t.Fatal("the gate stayed shut", err)
	}
}
