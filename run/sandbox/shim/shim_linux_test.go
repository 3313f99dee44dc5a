package shim

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// becomeChild runs a command through the shim, which is this test binary again, and gives what it wrote.
func becomeChild(t *testing.T, c *Config) (out string, code int, err error) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if c.Path == "" {
		c.Path = c.Argv[0]
	}
	pid, err := Start("/proc/self/exe", c, &syscall.ProcAttr{Dir: "/", Files: []uintptr{0, file.Fd(), file.Fd()}})
	if err != nil {
		return "", 0, err
	}
	var ws syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &ws, 0, nil); err != syscall.EINTR {
			break
		}
	}
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), ws.ExitStatus(), nil
}

// status gives a field of the child's /proc/self/status.
func status(t *testing.T, c *Config, field string) string {
	t.Helper()
	c.Argv = []string{"/bin/cat", "/proc/self/status"}
	out, _, err := becomeChild(t, c)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in\n%s", field, out)
	return ""
}

func TestShimBecomesTheChild(t *testing.T) {
	large := strings.Repeat("x", 100_000) // more than a pipe takes at once
	c := &Config{
		Argv: []string{"/bin/sh", "-c", `printf '%s|%s|%s|%s' "$1" "$A" "$PWD" "${#L}"; ls /proc/self/fd | tr '\n' ' '; exit 42`, "sh", "a \"b\"\n\xff"},
		Env:  []string{"A=1", "PATH=/bin:/usr/bin", "L=" + large},
	}
	leak, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, leak.Fd(), syscall.F_SETFD, 0); errno != 0 {
		t.Fatal(errno)
	}
	out, code, err := becomeChild(t, c)
	if err != nil || code != 42 {
		t.Fatalf("exit code %d, %v", code, err)
	}
	want := "a \"b\"\n\xff|1|/|100000" + "0 1 2 3 " // 3 is ls's own
	if out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestShimSaysWhyTheCommandDoesNotStart(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]syscall.Errno{
		"/no/such/file": syscall.ENOENT, "/etc/passwd/x": syscall.ENOTDIR, plain: syscall.EACCES, "/proc/self/status": syscall.EACCES,
	} {
		_, _, err := becomeChild(t, &Config{Argv: []string{path}})
		var f *Failure
		if !errors.As(err, &f) || f.Step != StepExecute || f.Errno != want {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestShimRefusesWhatIsNoConfiguration(t *testing.T) {
	good := (&Config{Path: "/bin/true", Argv: []string{"true"}}).Encode()
	if _, err := Decode(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":             "",
		"cut off":             string(good[:len(good)-4]),
		"cut in the end":      string(bytes.TrimSuffix(good, []byte("end \"\"\n"))),
		"more after the end":  string(good) + "arg \"x\"\n",
		"an unknown key":      "sudo \"\"\n" + string(good),
		"no quotes":           "path /bin/true\n" + string(good),
		"a negative number":   "keep \"-1\"\n" + string(good),
		"a large port":        "landlock \"1 1 1\"\nport \"1 65536\"\n" + string(good),
		"a rule of no set":    "allow \"1 /\"\n" + string(good),
		"two rulesets":        "landlock \"1 1 1\"\nlandlock \"0 0 0\"\n" + string(good),
		"half a filter":       "seccomp \"1234\"\n" + string(good),
		"a filter too long":   "seccomp \"" + strings.Repeat("12345678", maxFilter+1) + "\"\n" + string(good),
		"a group without one": "member \"1\"\n" + string(good),
		"a signal too large":  "ignore \"65\"\n" + string(good),
	} {
		if c, err := Decode([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
	if _, err := Decode(make([]byte, maxConfig+1)); err == nil || err.Error() != "the configuration is too large" {
		t.Error(err)
	}
}

func TestConfigTravelsWhole(t *testing.T) {
	c := &Config{
		Path: "p\n", Argv: []string{"a", "", "\x00\xff"}, Env: []string{"A=\"", "B"}, Keyring: true,
		User: &User{1, 2, []uint32{3, 4}}, Keep: 1 << 40, Core: &syscall.Rlimit{Cur: 1, Max: 1<<64 - 1}, Slack: 50000,
		Landlock: &Landlock{FS: 1, Net: 2, Scoped: 3, Paths: []PathRule{{4, "/a b\n"}, {5, ""}}, Ports: []PortRule{{6, 65535}}},
		Ignore:   []syscall.Signal{1, 64}, Seccomp: []byte("\x00\x01\x02\x03\xff\xfe\xfd\xfc"),
	}
	got, err := Decode(c.Encode())
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add((&Config{Path: "/bin/true", Argv: []string{"true"}, Landlock: &Landlock{Paths: []PathRule{{1, "/"}}}, User: &User{}}).Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Decode(text)
		if err != nil {
			return
		}
		if again, err := Decode(c.Encode()); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v, %+v, %v", c, again, err)
		}
	})
}

// TestThread: what a thread gives up its child is without, and nobody else; one that could not fork is still there.
func TestThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, err := Confine(&Config{Seccomp: []byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}}) // a filter that allows everything
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	attr := &syscall.ProcAttr{Dir: "/", Files: []uintptr{0, write.Fd(), 2}}
	var f *Failure
	if _, err := thread.Fork("/no/such/file", []string{"x"}, attr); !errors.As(err, &f) || f.Step != StepExecute || f.Errno != syscall.ENOENT {
		t.Error(err)
	}
	elsewhere := *attr
	elsewhere.Dir = "/no/such"
	if _, err := thread.Fork("/bin/true", []string{"true"}, &elsewhere); !errors.As(err, &f) || f.Call != "chdir" {
		t.Error(err)
	}
	pid, err := thread.Fork("/bin/grep", []string{"grep", "-E", "NoNewPrivs|Seccomp:|CapEff", "/proc/self/status"}, attr)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(read)
	syscall.Wait4(pid, nil, 0, nil)
	if want := "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"; string(out) != want {
		t.Errorf("%q", out)
	}
	if ours, _ := os.ReadFile("/proc/thread-self/status"); !strings.Contains(string(ours), "NoNewPrivs:\t0\n") {
		t.Error("another thread has given up something")
	}
}

func TestShimGivesUpPrivileges(t *testing.T) {
	for field, want := range map[string]string{
		"NoNewPrivs": "1", "CapEff": "0000000000000000", "CapPrm": "0000000000000000", "CapInh": "0000000000000000", "CapAmb": "0000000000000000",
	} {
		if got := status(t, &Config{}, field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("what follows takes root")
	}
	if got := status(t, &Config{}, "CapBnd"); got != "0000000000000000" {
		t.Errorf("bounding set %s", got)
	}
	if got := status(t, &Config{Keep: 1<<0 | 1<<1}, "CapEff"); got != "0000000000000003" {
		t.Errorf("kept %s", got)
	}
}

func TestShimBecomesAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes root")
	}
	c := &Config{User: &User{4242, 4243, []uint32{4244}}}
	if got := strings.Fields(status(t, c, "Uid")); strings.Join(got, " ") != "4242 4242 4242 4242" {
		t.Error(got)
	}
	if got := strings.Fields(status(t, c, "Gid")); strings.Join(got, " ") != "4243 4243 4243 4243" {
		t.Error(got)
	}
	if got := status(t, c, "Groups"); got != "4244" {
		t.Error(got)
	}
	for _, set := range []string{"CapBnd", "CapPrm"} {
		if got := status(t, c, set); got != "0000000000000000" {
			t.Errorf("%s %s", set, got)
		}
	}
}

func TestShimIgnoresWhatWasIgnored(t *testing.T) {
	if got := status(t, &Config{}, "SigIgn"); got != "0000000000000000" {
		t.Errorf("ignored: %s", got)
	}
	// SIGINT is 2, SIGQUIT 3, SIGPIPE 13
	if got := status(t, &Config{Ignore: []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE}}, "SigIgn"); got != "0000000000001006" {
		t.Errorf("ignored: %s", got)
	}
	if got := status(t, &Config{}, "SigBlk"); got != "0000000000000000" {
		t.Errorf("blocked: %s", got)
	}
}

func TestShimRestoresTheCoreLimit(t *testing.T) {
	for _, cur := range []uint64{0, 4096} {
		c := &Config{Argv: []string{"/bin/sh", "-c", "grep 'core file' /proc/self/limits"}, Core: &syscall.Rlimit{Cur: cur, Max: 4096}}
		out, _, err := becomeChild(t, c)
		if f := strings.Fields(out); err != nil || len(f) < 6 || f[4] != map[uint64]string{0: "0", 4096: "4096"}[cur] {
			t.Errorf("%q, %v", out, err)
		}
	}
}

// A key that only who possesses it can see stands in the session keyring of this thread, from which the child is forked.
func TestShimLeavesTheSessionKeyring(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	const join, setPermissions, possessorAlone, session = 1, 5, 0x3f000000, ^uintptr(2)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_KEYCTL, join, 0, 0); errno != 0 {
		t.Skipf("no keyrings here: %v", errno)
	}
	kind, name, value := []byte("user\x00"), []byte("agentguard-canary\x00"), []byte("x")
	key, _, errno := syscall.Syscall6(syscall.SYS_ADD_KEY, uintptr(unsafe.Pointer(&kind[0])), uintptr(unsafe.Pointer(&name[0])),
		uintptr(unsafe.Pointer(&value[0])), 1, session, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_KEYCTL, setPermissions, key, possessorAlone); errno != 0 {
		t.Fatal(errno)
	}
	for _, apart := range []bool{false, true} {
		out, _, err := becomeChild(t, &Config{Argv: []string{"/bin/cat", "/proc/keys"}, Keyring: apart})
		if sees := strings.Contains(out, "agentguard-canary"); err != nil || sees == apart {
			t.Errorf("a keyring of its own: %v, sees the key: %v, %v", apart, sees, err)
		}
	}
}

func TestLandlockHoldsFiles(t *testing.T) {
	dir := t.TempDir()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for name, text := range map[string]string{"open/a": "seen", "closed/b": "hidden"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "closed"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	const execute, read, readDir = 1, 1 << 2, 1 << 3
	rules := &Landlock{FS: execute | read | readDir, Paths: []PathRule{
		{execute | read | readDir, "/usr"}, {execute | read | readDir, "/lib"}, {execute | read | readDir, "/lib64"}, {execute | read | readDir, "/bin"},
		{read | readDir, "/etc/ld.so.cache"}, // of a file only what files have
		{read | readDir, filepath.Join(dir, "open")}, {read | readDir, filepath.Join(dir, "link")}, {read, "/no/such/file"},
	}}
	c := &Config{Argv: []string{"/usr/bin/cat", filepath.Join(dir, "open/a"), filepath.Join(dir, "closed/b"), filepath.Join(dir, "link/b")}}
	free, code, err := becomeChild(t, c)
	if err != nil || code != 0 || free != "seenhiddenhidden" {
		t.Fatalf("control: %q, %d, %v", free, code, err)
	}
	c.Landlock = rules
	held, code, err := becomeChild(t, c)
	if err != nil || code != 1 || !strings.Contains(held, "seen") || strings.Contains(held, "hidden") || strings.Count(held, "Permission denied") != 2 {
		t.Errorf("confined: %q, %d, %v", held, code, err)
	}
	c.Argv, c.Path = []string{"/usr/bin/true"}, ""
	rules.Paths = nil
	var f *Failure
	if _, _, err := becomeChild(t, c); !errors.As(err, &f) || f.Step != StepExecute || f.Errno != syscall.EACCES {
		t.Errorf("a command outside of what may be executed: %v", err)
	}
}

// What the kernel does not know must not be left out.
// TestOpenEach: a place is opened name by name as it is by one call, where that is forbidden.
func TestOpenEach(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(dir, "a/b"), 0o755)
	os.WriteFile(filepath.Join(dir, "a/file"), nil, 0o644)
	os.Symlink("a", filepath.Join(dir, "link"))
	for name, there := range map[string]bool{"": true, "a/b": true, "a/file": true, "a/none": false, "a/file/x": false, "link": false, "link/b": false} {
		path := filepath.Join(dir, name)
		fd, errno := openEach(path)
		var got, want syscall.Stat_t
		if (errno == 0) != there || there && (syscall.Fstat(fd, &got) != nil || syscall.Lstat(path, &want) != nil || got.Ino != want.Ino) {
			t.Errorf("%q: %v", name, errno)
		}
		if plain, other := OpenPath(path); (other == 0) != there {
			t.Errorf("%q by one call: %v", name, other)
		} else if there {
			syscall.Close(plain)
			syscall.Close(fd)
		}
	}
	if fd, errno := openEach("/"); errno != 0 || syscall.Close(fd) != nil {
		t.Error(errno)
	}
}

func TestLandlockRefusesWhatItCannotHold(t *testing.T) {
	var f *Failure
	_, _, err := becomeChild(t, &Config{Argv: []string{"/bin/true"}, Landlock: &Landlock{FS: 1 << 62}})
	if !errors.As(err, &f) || f.Call != "landlock_create_ruleset" || f.Errno != syscall.EINVAL {
		t.Error(err)
	}
}

func TestFilterHolds(t *testing.T) {
	// ld [0] (the number); jeq SYS_UNAME ? EPERM : allow
	uname := byte(63)
	if syscall.SYS_UNAME != 63 {
		uname = byte(syscall.SYS_UNAME)
	}
	filter := []byte{
		0x20, 0, 0, 0, 0, 0, 0, 0,
		0x15, 0, 0, 1, uname, 0, 0, 0,
		0x06, 0, 0, 0, byte(syscall.EPERM), 0, 5, 0,
		0x06, 0, 0, 0, 0, 0, 0xff, 0x7f,
	}
	out, code, err := becomeChild(t, &Config{Argv: []string{"/bin/uname"}, Seccomp: filter})
	if err != nil || code == 0 || !strings.Contains(out, "not permitted") {
		t.Errorf("%q, %d, %v", out, code, err)
	}
	var f *Failure
	if _, _, err := becomeChild(t, &Config{Argv: []string{"/bin/uname"}, Seccomp: filter[:8]}); !errors.As(err, &f) || f.Call != "prctl(PR_SET_SECCOMP)" {
		t.Errorf("a filter without an end: %v", err)
	}
}
