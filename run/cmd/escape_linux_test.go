package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"agentguard/run/escape"
	"agentguard/run/sandbox"
	"agentguard/run/testbed"
)

// alwaysTried are attacks that work on every machine without confinement; what a level beyond theirs stops is in the second
// list.
var (
	alwaysTried = []string{
		"secret-files", "dotfiles", "files-elsewhere", "loopback", "udp", "signal", "abstract-socket", "process-environment", "inherited-file", "user-namespace",
	}
	sealedTried = []string{"git-hooks", "socket"}
)

// TestEscapes: the command's own attackers get nowhere that a level promises to keep them from, as whoever we are and as a user
// without rights. Unconfined, the control, they do.
func TestEscapes(t *testing.T) {
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, 54321)
	}
	for _, uid := range users {
		for _, level := range []sandbox.Level{sandbox.Filtered, sandbox.Sealed} {
			t.Run(level.String()+map[bool]string{true: " as root"}[uid == 0], func(t *testing.T) {
				t.Parallel()
				escapes(t, level, uid)
			})
		}
	}
}

func escapes(t *testing.T, level sandbox.Level, uid int) {
	found := escapeTest(t, level, uid)
	want := alwaysTried
	if level == sandbox.Sealed {
		want = slices.Concat(want, sealedTried)
	}
	for _, a := range escape.Attacks() {
		f, tried := found[a.Name]
		switch {
		case !tried:
			t.Errorf("%s was not tried", a.Name)
		case slices.Contains(want, a.Name) && (!f.Control || f.Reached || f.Verdict != escape.Stopped.String()):
			t.Errorf("%s: %+v", a.Name, f)
		case a.Holds <= level && (f.Reached || f.Verdict == escape.Open.String()):
			t.Errorf("%s is open: %+v", a.Name, f)
		}
	}
}

type escaped struct {
	Attack, Isolation, Verdict, Detail string
	Control                            bool `json:"control_reached"`
	Reached                            bool
}

// escapeTest runs the command with a home directory of its own.
func escapeTest(t *testing.T, level sandbox.Level, uid int) map[string]escaped {
	t.Helper()
	home, err := os.MkdirTemp("", "agentguard-escape-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	self := filepath.Join(home, "agentguard")
	if path, err := exec.LookPath("agentguard"); err != nil || copyFile(path, self) != nil {
		t.Fatal("agentguard cannot be copied", err)
	}
	cmd := exec.Command(self, "escape-test", "--json", "--isolation", level.String())
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"} // else each attack takes a second
	if uid != os.Getuid() {
		if err := errors.Join(os.Chown(home, uid, uid), os.Chown(self, uid, uid)); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if strings.Contains(stderr.String(), "does not work here") {
		t.Skip(stderr.String())
	}
	if err != nil {
		t.Errorf("%v\n%s", err, stderr.String())
	}
	found := map[string]escaped{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var e escaped
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if e.Isolation != level.String() {
			t.Errorf("%s at %s", e.Attack, e.Isolation)
		}
		found[e.Attack] = e
	}
}

// copyFile copies a program. No process may be forked meanwhile: it would have the copy open for writing until it executes
// something, and what is open for writing cannot be executed (execve(2): ETXTBSY).
func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(to, text, 0o755)
}

// TestEscapesFromRoot: as a child of root's run that runs as another user, the same attackers get no further, and to root least of
// all. The control is that user's, unconfined.
func TestEscapesFromRoot(t *testing.T) {
	testbed.Needs("setpriv", "unshare")(t)
	const uid = "54322"
	dir := testbed.PublicDir(t)
	self := filepath.Join(dir, "agentguard")
	if path, err := exec.LookPath("agentguard"); err != nil || copyFile(path, self) != nil {
		t.Fatal("agentguard cannot be copied", err)
	}
	asUser := []string{"setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", self, "escape-probe"}
	stage, err := escape.NewStage(dir, "canary-of-the-user", append(asUser[:len(asUser):len(asUser)], "prey"))
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	policyFile := filepath.Join(dir, "p.toml")
	const text = "version = 1\n[agent]\nname = \"escape-test\"\n[isolation]\nuser = \"ag-prey\"\nminimum = \"env\"\n"
	if err := errors.Join(stage.Write(), os.WriteFile(policyFile, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	testbed.GiveDir(t, filepath.Dir(stage.Home), 54322)
	if stage.Terminal != "" {
		os.Chown(stage.Terminal, 54322, 54322)
	}
	assault := func(argv []string) map[string]escape.Outcome {
		cmd := exec.Command(argv[0], append(argv[1:], stage.File)...)
		var stderr bytes.Buffer
		cmd.Dir, cmd.Stderr, cmd.Env = stage.Work, &stderr, []string{"HOME=" + stage.Home, "XDG_STATE_HOME=" + dir + "/state", "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, stderr.String())
		}
		found, err := escape.Read(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	prefix := testbed.Account(t, "ag-prey", 54322, stage.Home)
	control := assault(asUser)
	for _, level := range []sandbox.Level{sandbox.Sealed, sandbox.Filtered, sandbox.Env} {
		confined := assault(append(prefix[:len(prefix):len(prefix)], self, "run", "-q", "--isolation", level.String(), "--policy", policyFile, "--", self, "escape-probe"))
		for _, a := range escape.Attacks() {
			verdict := a.Judge(level, control[a.Name], confined[a.Name])
			must := level > sandbox.Env && slices.Contains(alwaysTried, a.Name) && a.Name != "inherited-file" || slices.Contains(sealedTried, a.Name) && level == sandbox.Sealed
			must = must || a.Name == "type-at-terminal" && control[a.Name].Reached // it is a terminal of root's, at any level
			if verdict == escape.Open || must && verdict != escape.Stopped {
				t.Errorf("%s: %s is %s: %+v, the control %+v", level, a.Name, verdict, confined[a.Name], control[a.Name])
			}
		}
	}
}
