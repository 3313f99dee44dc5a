//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"agentguard/run/job"
	"agentguard/run/sandbox/shim"
)

// TestMain lets this program be run in surroundings in which a box may not work.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_ROLE") {
	case "docker": // becomes another under a filter like that of container runtimes
		os.Setenv("TEST_ROLE", os.Getenv("TEST_THEN"))
		runtime.LockOSThread()
		if f := shim.NoNewPrivileges(); f != nil {
			panic(f)
		}
		if f := shim.Filter(dockersFilter()); f != nil {
			panic(f)
		}
		panic(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	case "start":
		startAndTell()
	case "sockets":
		for _, path := range Sockets() {
			println(path)
		}
		os.Exit(0)
	case "ladder":
		if err := chooseAndTell(); err != nil {
			println("error:", err.Error())
			os.Exit(4)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startAndTell prints what came of a box.
func startAndTell() {
	b, err := Start(Config{Ports: []int{80, 443}})
	var p *Problem
	if errors.As(err, &p) {
		println("problem:", p.Error())
		println("mend:", p.Mend)
		println("profile:", p.Profile)
		os.Exit(3)
	}
	if err != nil {
		println("error:", err.Error())
		os.Exit(4)
	}
	defer b.Close()
	_, err = b.Exec(Command{"/bin/sh", []string{"sh", "-c", "ls -d /proc/[0-9]*; cat /proc/1/environ /proc/$PPID/environ; unshare -U true && echo nested; echo run"}, os.Environ(), "/", job.Own, [3]uintptr{0, 2, 2}})
	if err != nil {
		println("error:", err.Error())
		os.Exit(4)
	}
	e, _ := b.Next()
	os.Exit(e.Code)
}

// chooseAndTell prints which level a run would get, and what a filtered command does there.
func chooseAndTell() error {
	choice, err := Choose(Ladder(nil, nil), Wish{})
	if err != nil {
		return err
	}
	println("level:", choice.Level.String(), "why:", choice.WhyNotMore(), "mend:", strings.Join(choice.Mends(), " "))
	home, err := os.MkdirTemp("", "agentguard-filtered-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := errors.Join(os.Mkdir(home+"/work", 0o700), os.WriteFile(home+"/.netrc", []byte("of-the-outside"), 0o600)); err != nil {
		return err
	}
	f := &Fence{Places: Places{Home: home, Dir: home + "/work"}}
	if _, err := f.Prepare(); err != nil {
		return err
	}
	script := "cat ../.netrc; echo made >made && cat made; : </dev/tcp/127.0.0.1/1; unshare -U true && echo nested; echo run"
	c := &shim.Config{Path: "/bin/bash", Argv: []string{"bash", "-c", script}, Env: os.Environ()}
	if err := f.Confine(c); err != nil {
		return err
	}
	pid, err := shim.Start("/proc/self/exe", c, &syscall.ProcAttr{Dir: home + "/work", Files: []uintptr{0, 2, 2}})
	if err == nil {
		_, err = syscall.Wait4(pid, nil, 0, nil)
	}
	return err
}

// dockersFilter forbids what Docker's own profile forbids to a container without CAP_SYS_ADMIN.
func dockersFilter() []byte {
	p := code(load(offNumber),
		on(unix.SYS_UNSHARE, ret(forbidden)), on(unix.SYS_MOUNT, ret(forbidden)), on(unix.SYS_SETNS, ret(forbidden)), on(unix.SYS_KEYCTL, ret(forbidden)),
		on(unix.SYS_OPEN_TREE, ret(forbidden)), on(unix.SYS_MOVE_MOUNT, ret(forbidden)), on(unix.SYS_MOUNT_SETATTR, ret(forbidden)),
		on(unix.SYS_CLONE, code(loadArg(0), whenAny(newSpaces, ret(forbidden)), ret(allow))), on(unix.SYS_CLONE3, ret(unknownCall)), ret(allow))
	return p.bytes()
}

// around runs this program by way of a shell script, in which $SELF stands for it.
func around(t *testing.T, role, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "SELF="+publicSelf(t), "TEST_ROLE="+role, "TEST_SECRET=of-the-outside")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

func wants(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("no %q in:\n%s", text, out)
		}
	}
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

func TestStartUnderDockersFilter(t *testing.T) {
	out := around(t, "docker", `TEST_THEN=start exec "$SELF"`)
	wants(t, out, "problem: make namespaces: clone(CLONE_NEWUSER|...)", "(EPERM)", "mend: a seccomp filter forbids it", "--security-opt seccomp=unconfined", "profile: false")
	if strings.Contains(out, "\nrun") {
		t.Error("the child was started")
	}
}

// Where AppArmor reserves namespaces for programs with a profile, it is to blame before any filter. Its setting is emulated.
func TestStartUnderAppArmor(t *testing.T) {
	out := around(t, "docker", `exec unshare -Urm sh -c 'mount -t tmpfs none /proc/sys/kernel && echo 1 >/proc/sys/kernel/apparmor_restrict_unprivileged_userns && TEST_THEN=start exec "$SELF"'`)
	wants(t, out, "problem: make namespaces", "(EPERM)", "mend: AppArmor gives no rights", "`agentguard doctor --isolation` prints it", "profile: true")
}

func TestAppArmorProfile(t *testing.T) {
	got := AppArmorProfile(`/opt/a "b"/{c}*`)
	if !strings.Contains(got, `profile agentguard "/opt/a \"b\"/\{c\}\*" flags=(unconfined) {`) || !strings.Contains(got, "\n  userns,\n") {
		t.Error(got)
	}
}

func TestStartWithoutUserNamespaces(t *testing.T) {
	out := around(t, "start", `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$SELF"'`)
	wants(t, out, "problem: make namespaces", "(ENOSPC)", "mend: sysctl user.max_user_namespaces")
}

// Where there are no namespaces, by Docker's filter or by a limit, the strongest level is filtered: it says why it is not more, and
// holds there what it holds elsewhere.
func TestFilteredIsTheNext(t *testing.T) {
	for name, c := range map[string]struct{ role, script, errno, mend string }{
		"under Docker's filter": {"docker", `TEST_THEN=ladder exec "$SELF"`, "(EPERM)", "--security-opt seccomp=unconfined"},
		"without user namespaces": {"ladder", `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$SELF"'`,
			"(ENOSPC)", "sysctl user.max_user_namespaces"},
	} {
		t.Run(name, func(t *testing.T) {
			out := around(t, c.role, c.script)
			wants(t, out, "level: filtered why: sealed does not work here: make namespaces: clone(CLONE_NEWUSER|...)", c.errno, c.mend,
				".netrc: Permission denied", "/dev/tcp/127.0.0.1/1: Permission denied", "made\n", "\nrun")
			for _, bad := range []string{"of-the-outside", "error:", "nested"} {
				if strings.Contains(out, bad) {
					t.Errorf("%q in:\n%s", bad, out)
				}
			}
		})
	}
}

// Where a container's runtime covers parts of /proc the kernel mounts no fresh one: the box stands, and what is outside of it
// is closed all the same.
func TestStartWithAMaskedProc(t *testing.T) {
	needsRoot(t)
	script := `exec unshare -mpf sh -c 'umount -lR /proc; mount -t proc proc /proc && mount -t tmpfs -o ro none /proc/irq && mount --bind /dev/null /proc/kcore && mount -o remount,bind,ro /proc/sys /proc/sys 2>/dev/null; exec setpriv --reuid 54321 --regid 54321 --clear-groups "$SELF"'`
	out := around(t, "start", script)
	wants(t, out, "\nrun", "/proc/1\n")
	for _, bad := range []string{"of-the-outside", "problem:", "nested"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q in:\n%s", bad, out)
		}
	}
	if strings.Count(out, "/proc/") < 5 {
		t.Errorf("/proc is a fresh one, so the test shows nothing:\n%s", out)
	}
}

// A fork bomb ends at a bound of its own, and the machine's other programs do not notice. The kernel takes no bound below 301.
func TestForkBombIsBounded(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		script := "i=0; while [ $i -lt 500 ]; do sleep 60 & i=$((i+1)); done; echo all"
		out, _ := inBox(t, Config{Tasks: 400}, script)
		if strings.Contains(out, "all") || !strings.Contains(out, "ork") {
			t.Error(out)
		}
		if out, _ := inBox(t, Config{}, script); !strings.Contains(out, "all") {
			t.Errorf("the control: %s", out)
		}
	})
}

// TestQuarterIsLeft: of the processes and waiting signals that a user may have in all, a command gets no more than three quarters, so that
// the user's other programs can start some.
func TestQuarterIsLeft(t *testing.T) {
	const processes, signals = 6, 11
	asBoth(t, func(t *testing.T) {
		for resource, name := range map[int]string{processes: "Max processes", signals: "Max pending signals"} {
			var old syscall.Rlimit
			if err := syscall.Getrlimit(resource, &old); err != nil {
				t.Fatal(err)
			}
			if old.Max < 4000 {
				t.Skip("the limits of this process are too low")
			}
			if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: 4000, Max: old.Max}); err != nil {
				t.Fatal(err)
			}
			out, _ := inBox(t, Config{}, "grep '"+name+"' /proc/self/limits")
			syscall.Setrlimit(resource, &old)
			if words := strings.Fields(strings.TrimPrefix(out, name)); len(words) < 2 || words[0] != "3000" || words[1] != "3000" {
				t.Errorf("of 4000 it gets %q", out)
			}
		}
	})
}

// What is kept nowhere has a size.
func TestHiddenDirectoriesAreBounded(t *testing.T) {
	dir := files(t, ".aws/config")
	out, _ := inBox(t, Config{Rules: []Rule{{dir + "/.aws", Hidden}}}, "head -c 40m /dev/zero > '"+dir+"/.aws/big'; wc -c < '"+dir+"/.aws/big'")
	wants(t, out, "No space left on device")
}
