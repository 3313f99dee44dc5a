package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"agentguard/run/escape"
	"agentguard/run/sandbox"
	"agentguard/run/sandbox/shim"
)

// This binary plays the attacker too, and, as another user or under another's filter, who confines it.
func init() {
	if len(os.Args) < 3 || os.Args[1] != "attacker" {
		return
	}
	err := error(nil)
	switch file := os.Args[2]; {
	case file == "layers":
		err = layers(os.Args[3])
	case file == "prey":
		err = escape.Prey(os.Getenv("AGENTGUARD_ESCAPE_CANARY"), os.Stdin, os.Stdout)
	case len(os.Args) == 3:
		err = escape.Assault(context.Background(), []string{os.Args[0], "attacker", file}, os.Stdout)
	default:
		var t *escape.Targets
		if t, err = escape.Load(file); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(escape.Probe(os.Args[3], t))
		}
	}
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

// noSleep has a process with the race detector end at once; each waits for a second otherwise, and every attack is a process
// (go.dev/doc/articles/race_detector, "Options").
const noSleep = "GORACE=atexit_sleep_ms=0"

// outcomes of all attacks, by what confined the attacker.
type outcomes map[string]map[string]escape.Outcome

// layers makes targets below home and attacks them under each layer alone, and under both.
func layers(home string) error {
	const canary = "canary-0123456789"
	if os.Getenv("KEY") == "" {
		_ = escape.Anew(os.Args, append(os.Environ(), "KEY=1"), canary)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stage, err := escape.NewStage(home, canary, []string{self, "attacker", "prey"})
	if err != nil {
		return err
	}
	defer stage.Close()
	if err := stage.Write(); err != nil {
		return err
	}
	fence := &sandbox.Fence{Places: sandbox.Places{Home: stage.Home, Dir: stage.Work}}
	frozen, err := fence.Prepare()
	if err != nil {
		return err
	}
	all := outcomes{}
	for _, layer := range []string{"none", "landlock", "seccomp", "both"} {
		c := &shim.Config{Path: self, Argv: []string{self, "attacker", stage.File}, Env: []string{"HOME=" + stage.Home, "PATH=/usr/bin:/bin:/usr/sbin", noSleep}, Keep: ^uint64(0)}
		if layer != "none" {
			if err := fence.Confine(c); err != nil {
				return err
			}
		}
		switch layer {
		case "landlock": // with the rights that are left: CAP_PERFMON alone opens another's environment to root (Linux 6.12)
			c.Seccomp, c.Keyring = nil, false
		case "seccomp":
			c.Landlock, c.Keyring, c.Keep = nil, false, ^uint64(0)
		}
		if all[layer], err = attackUnder(c, stage.Work); err != nil {
			return err
		}
	}
	all["frozen"] = map[string]escape.Outcome{strings.Join(frozen, " "): {}}
	return json.NewEncoder(os.Stdout).Encode(all)
}

func attackUnder(c *shim.Config, dir string) (map[string]escape.Outcome, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	pid, err := shim.Start("/proc/self/exe", c, &syscall.ProcAttr{Dir: dir, Files: []uintptr{null.Fd(), w.Fd(), 2}})
	w.Close()
	if err != nil {
		return nil, err
	}
	found, err := escape.Read(r)
	syscall.Wait4(pid, nil, 0, nil)
	return found, err
}

// homeOf makes a directory for a user, outside of those for temporary files, and puts this program there.
func homeOf(t *testing.T, uid int) (dir, self string) {
	t.Helper()
	below, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		below = "/home"
	}
	if dir, err = os.MkdirTemp(below, "agentguard-test-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	self = filepath.Join(dir, "attacker")
	if err := os.WriteFile(self, program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, self} {
		if err := os.Chown(path, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	return dir, self
}

// attackLayers attacks as a user.
func attackLayers(t *testing.T, uid int, env ...string) outcomes {
	t.Helper()
	dir, self := homeOf(t, uid)
	cmd := exec.CommandContext(t.Context(), self, "attacker", "layers", dir)
	cmd.Env = append(append(os.Environ(), "HOME="+dir), env...)
	cmd.Dir = "/"
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	all := outcomes{}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return all
}

// Which layer by itself stops what. What both stop must be stopped by each: the second would hide a hole in the first.
var layerOf = map[string][]string{
	"secret-files": {"landlock"}, "secret-links": {"landlock"}, "dotfiles": {"landlock"}, "files-elsewhere": {"landlock"},
	"loopback": {"landlock"}, "loopback-ipv6": {"landlock"}, "direct": {"landlock"}, "signal": {"landlock"}, "abstract-socket": {"landlock"},
	"process-memory": {"landlock"}, "process-environment": {"landlock"}, "process-files": {"landlock"}, "ptrace": {"landlock"},
	"process-vm": {"landlock", "seccomp"}, "process-descriptor": {"landlock", "seccomp"},
	"udp": {"seccomp"}, "multipath-tcp": {"seccomp"}, "tcp-fast-open": {"seccomp"}, "io-uring": {"seccomp"}, "raw-socket": {"seccomp"}, "vsock": {"seccomp"}, "af-alg": {"seccomp"}, "netlink": {"seccomp"},
	"session-keyring": {"seccomp"}, "type-at-terminal": {"seccomp"}, "user-namespace": {"seccomp"}, "kernel-interfaces": {"seccomp"}, "foreign-calls": {"seccomp"}, "leave-set-user-id": {"seccomp"},
	"files-by-handle": {"landlock", "seccomp"},
}

func TestEachLayerHoldsByItself(t *testing.T) {
	users := map[string]int{"user": 4711}
	if os.Getuid() != 0 {
		users["user"] = os.Getuid()
	} else {
		users["root"] = 0
	}
	for name, uid := range users {
		t.Run(name, func(t *testing.T) { checkLayers(t, attackLayers(t, uid), uid) })
	}
}

func checkLayers(t *testing.T, all outcomes, uid int) {
	t.Helper()
	tried := 0
	for _, a := range escape.Attacks() {
		control, both := all["none"][a.Name], all["both"][a.Name]
		if !control.Reached {
			t.Logf("%s could not be tried here: %s", a.Name, control.Detail)
			continue
		}
		tried++
		if both.Name == "" || both.Reached && a.Holds <= sandbox.Filtered && a.Name != "inherited-file" {
			t.Errorf("%s is open under both layers: %+v", a.Name, both)
		}
		for _, layer := range []string{"landlock", "seccomp"} {
			o, must := all[layer][a.Name], slices.Contains(layerOf[a.Name], layer)
			if must && o.Reached {
				t.Errorf("%s is open under %s alone", a.Name, layer)
			}
			newer := a.Name == "tcp-fast-open" && layer == "landlock"                // which holds that too on kernels that have its fix
			if !must && !newer && !o.Reached && layerOf[a.Name] != nil && uid != 0 { // of root the rights are gone as well
				t.Errorf("%s is stopped by %s alone, which is not said to do that: %s", a.Name, layer, o.Detail)
			}
			if must && (o.Name == "" || strings.Contains(o.Detail, "attacker")) && a.Name != "foreign-calls" {
				t.Errorf("%s under %s: %+v", a.Name, layer, o)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d attacks could be tried", tried)
	}
}
