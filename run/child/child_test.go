//go:build unix

package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"agentguard/run/environ"
	"agentguard/run/reap"
)

// supervisor makes the command of a supervisor process whose child is argv.
func supervisor(t testing.TB, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], argv...)
	cmd.Env = append(os.Environ(), "TEST_ROLE=supervisor", "TEST_RUN="+testRunID(t), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// testRunID names one more run: the reaper of one ends all that carry its name, for a while after its supervisor is gone.
func testRunID(t testing.TB) string {
	return fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(t.Name(), "/", "."), os.Getpid(), runs.Add(1))
}

var runs atomic.Int64

func exitCode(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func script(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		argv []string
		code int
		says string
	}{
		{"true", []string{"true"}, 0, ""},
		{"42", []string{"sh", "-c", "exit 42"}, 42, ""},
		{"interrupted", []string{"sh", "-c", "kill -INT $$"}, 130, ""},
		{"killed", []string{"sh", "-c", "kill -KILL $$"}, 137, ""},
		{"terminated", []string{"sh", "-c", "kill -TERM $$"}, 143, ""},
		{"not found", []string{"no-such-command"}, 127, "no-such-command: command not found"},
		{"a shell's own", []string{"no-such-command"}, 127, "what your shell alone knows"},
		{"a variable", []string{"A=1"}, 127, "agentguard run -e A=... -- CMD"},
		{"a quoted home", []string{"~/no-such-command"}, 127, "where it is not quoted"},
		{"no such file", []string{"/no/such/file"}, 127, "/no/such/file: no such file"},
		{"empty", []string{""}, 127, "the command's name is empty"},
		{"words", []string{"ls -l"}, 127, "it holds spaces"},
		{"directory", []string{dir}, 126, "is a directory"},
		{"not executable", []string{script(t, "plain", "echo", 0o600)}, 126, "is not executable"},
		{"bad interpreter", []string{script(t, "bad", "#!/no/such/sh\n", 0o700)}, 126, "bad interpreter: /no/such/sh does not exist"},
		{"carriage return", []string{script(t, "crlf", "#!/bin/sh\r\necho\r\n", 0o700)}, 126, "carriage return"},
		{"no program", []string{script(t, "text", "echo hello\n", 0o700)}, 126, "nor a script with a #! line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := exitCode(t, supervisor(t, c.argv...))
			if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("code %d, stdout %q, stderr %q; want %d, %q", code, stdout, stderr, c.code, c.says)
			}
		})
	}
}

func TestNotFoundSuggestsTheWorkingDirectory(t *testing.T) {
	cmd := supervisor(t, "deploy")
	cmd.Dir = filepath.Dir(script(t, "deploy", "#!/bin/sh\n", 0o700))
	if code, _, stderr := exitCode(t, cmd); code != 127 || !strings.Contains(stderr, "did you mean ./deploy?") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

func TestPathIsTheChilds(t *testing.T) {
	path := script(t, "only-in-the-childs-path", "#!/bin/sh\n", 0o700)
	if _, err := lookUp(filepath.Base(path), "", environ.Of([]string{"PATH=" + filepath.Dir(path)})); err != nil {
		t.Error(err)
	}
	if _, err := lookUp("sh", "", environ.Of(nil)); err != nil {
		t.Errorf("without a PATH: %v, want it searched where execvp(3) does", err)
	}
	if _, err := lookUp("sh", "", environ.Of([]string{"PATH=/nowhere"})); err == nil {
		t.Error("found sh outside of the child's PATH")
	}
}

func TestOnlyStandardFilesReachTheChild(t *testing.T) {
	leak, err := os.CreateTemp(t.TempDir(), "leak")
	if err != nil {
		t.Fatal(err)
	}
	cmd := supervisor(t, "sh", "-c", "ls /proc/$$/fd")
	cmd.ExtraFiles = []*os.File{leak, leak}
	_, stdout, _ := exitCode(t, cmd)
	if got := strings.Fields(stdout); strings.Join(got, " ") != "0 1 2" {
		t.Errorf("the child has descriptors %v", got)
	}
}

func TestIgnoredSignalsStayIgnored(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap "" HUP INT; exec "$0" sh -c 'kill -HUP $$; kill -INT $$; kill -QUIT $$; exec grep -E "SigIgn|SigBlk" /proc/self/status'`, os.Args[0])
	cmd.Env = supervisor(t).Env
	code, stdout, _ := exitCode(t, cmd)
	if code != 0 || !strings.Contains(stdout, "SigIgn:\t0000000000000007") || !strings.Contains(stdout, "SigBlk:\t0000000000000000") {
		t.Errorf("code %d: %s", code, stdout)
	}
}

func TestChildHasNoIgnoredOrBlockedSignals(t *testing.T) {
	_, stdout, _ := exitCode(t, supervisor(t, "grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"))
	if strings.Count(stdout, "0000000000000000") != 2 {
		t.Error(stdout)
	}
}

func TestChildHasItsGroupAndDumpability(t *testing.T) {
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited 2>/dev/null || ulimit -c 0; ulimit -c; exec "$0" sh -c 'ulimit -c; ls -ld /proc/$$/fd | cut -d" " -f3; id -un; ps -o pgid= -p $$; echo $$'`, os.Args[0])
	cmd.Env = supervisor(t).Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	_, stdout, _ := exitCode(t, cmd)
	f := strings.Fields(stdout)
	if len(f) != 6 || f[0] != f[1] || f[2] != f[3] || f[4] != f[5] {
		t.Errorf("limits, owner of /proc/PID, user, group and pid: %q", f)
	}
}

func TestChildsTimersAreAsOurs(t *testing.T) {
	const slack = "/proc/self/timerslack_ns"
	own, err := os.ReadFile(slack)
	if err != nil {
		t.Skip("needs " + slack)
	}
	if _, stdout, stderr := exitCode(t, supervisor(t, "cat", slack)); stdout != string(own) {
		t.Errorf("they may be late by %q ns, ours by %q; %s", stdout, own, stderr)
	}
}

// waitFor polls until a condition holds.
func waitFor(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: not %s", limit, what)
		}
	}
}

// pidFrom waits until a file holds a process id.
func pidFrom(t *testing.T, path string) (pid int) {
	t.Helper()
	waitFor(t, patience, path+" written", func() bool {
		text, _ := os.ReadFile(path)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0 && bytes.HasSuffix(text, []byte("\n"))
	})
	return pid
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestSignalsAreForwarded(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT} {
		t.Run(s.String(), func(t *testing.T) {
			ready := filepath.Join(t.TempDir(), "ready")
			cmd := supervisor(t, "sh", "-c", fmt.Sprintf(`trap "echo got; exit 7" %d; echo $$ > %s; while :; do sleep 0.02; done`, s, ready))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			var out bytes.Buffer
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pidFrom(t, ready)
			cmd.Process.Signal(s)
			done := time.AfterFunc(patience, func() { cmd.Process.Kill() })
			cmd.Wait()
			done.Stop()
			if out.String() != "got\n" || cmd.ProcessState.ExitCode() != 7 {
				t.Errorf("code %d, output %q", cmd.ProcessState.ExitCode(), out.String())
			}
		})
	}
}

// daemonize leaves a process of another session and group, whose parent is gone, and writes its id.
const daemonize = `setsid sh -c 'setsid sleep 300 & echo $! > "$0"' "$1" >/dev/null 2>&1 </dev/null &`

func TestKilledSupervisorLeavesNothing(t *testing.T) {
	needsProc(t)
	for _, c := range []struct {
		name string
		kill func(cmd *exec.Cmd) error
	}{
		{"kill -9", func(cmd *exec.Cmd) error { return cmd.Process.Kill() }},
		{"kill -9 of its group", func(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }},
		{"segfault", func(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGSEGV) }},
		{"terminated", func(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) }},
		{"hung up", func(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGHUP) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, tmp := t.TempDir(), t.TempDir()
			os.Chmod(base, 0o700)
			cmd := supervisor(t, "sh", "-c", daemonize+` sleep 300 & echo $! > "$2"; echo $$ > "$3"; wait`,
				"sh", tmp+"/daemon", tmp+"/helper", tmp+"/child")
			cmd.Env = append(cmd.Env, "TEST_BASE="+base)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pids := []int{pidFrom(t, tmp+"/daemon"), pidFrom(t, tmp+"/helper"), pidFrom(t, tmp+"/child")}
			if entries, _ := os.ReadDir(base); len(entries) != 1 {
				t.Fatalf("%d runtime directories", len(entries))
			}
			reaper := 0
			waitFor(t, patience, "guarded by a reaper", func() bool { reaper = reaperOf(cmd.Process.Pid); return reaper != 0 })
			if err := c.kill(cmd); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			go cmd.Wait()
			waitFor(t, patience, "all gone", func() bool {
				entries, _ := os.ReadDir(base)
				return len(entries) == 0 && !alive(pids[0]) && !alive(pids[1]) && !alive(pids[2])
			})
			t.Logf("gone after %v", time.Since(start).Round(time.Millisecond))
			waitFor(t, patience, "rid of the reaper", func() bool { return !alive(reaper) }) // the race detector makes it sleep at exit
		})
	}
}

// TestChildDiesWithUsWithoutTheReaper and TestReaperKillsTheGroup look at one layer each: the others would hide its hole.
func TestChildDiesWithUsWithoutTheReaper(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux's parent-death signal")
	}
	file := t.TempDir() + "/child"
	cmd := supervisor(t, "sh", "-c", `echo $$ > "$0"; exec sleep 300`, file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child, reaper := pidFrom(t, file), 0
	waitFor(t, patience, "guarded by a reaper", func() bool { reaper = reaperOf(cmd.Process.Pid); return reaper != 0 })
	syscall.Kill(reaper, syscall.SIGKILL)
	waitFor(t, patience, "rid of the reaper", func() bool { return !alive(reaper) })
	cmd.Process.Kill()
	cmd.Wait()
	waitFor(t, patience, "ended with its parent", func() bool { return !alive(child) })
}

func TestReaperKillsTheGroup(t *testing.T) {
	cmd := exec.Command("sleep", "300")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer end.Stop()
	reap.Obey(strings.NewReader(fmt.Sprintf("group \"%d\"\nbye \"\"\n", cmd.Process.Pid)))
	reap.Obey(strings.NewReader(fmt.Sprintf("group \"%d\"\ngroup \"0\"\n", cmd.Process.Pid)))
	reap.Obey(strings.NewReader("group \"-1\"\n"))
	reap.Obey(strings.NewReader("group \"1\"\n"))
	if !alive(cmd.Process.Pid) {
		t.Fatal("killed after a goodbye, or after the group was taken back")
	}
	reap.Obey(strings.NewReader(fmt.Sprintf("nonsense\ngroup \"%d\"\n", cmd.Process.Pid)))
	start := time.Now()
	if cmd.Wait(); time.Since(start) > patience {
		t.Error("the group lives on")
	}
}

// TestReaperIsWaitedFor: the first process of a container may never ask how one ended that it was left.
func TestReaperIsWaitedFor(t *testing.T) {
	r, err := startReaper("run", t.TempDir(), nil)
	if err == nil {
		err = r.started()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.dismiss()
	select {
	case <-r.exited:
	default:
		t.Error("it is left to somebody else")
	}
}

func needsProc(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("needs /proc")
	}
}

func reaperOf(parent int) int {
	found, _ := exec.Command("pgrep", "-P", strconv.Itoa(parent), "-f", reap.Name).Output()
	pid, _ := strconv.Atoi(strings.TrimSpace(string(found)))
	return pid
}

func TestNormalEndLeavesDaemonsAndNoReaper(t *testing.T) {
	needsProc(t)
	tmp := t.TempDir()
	// The child waits until its daemon has written its number, then ends by itself.
	cmd := supervisor(t, "sh", "-c", daemonize+` while ! [ -s "$1" ]; do sleep 0.01; done`, "sh", tmp+"/daemon")
	if code, _, stderr := exitCode(t, cmd); code != 0 {
		t.Fatal(stderr)
	}
	daemon := pidFrom(t, tmp+"/daemon")
	defer syscall.Kill(daemon, syscall.SIGKILL)
	time.Sleep(50 * time.Millisecond)
	if !alive(daemon) {
		t.Error("a daemon that the user's command left on purpose was killed")
	}
	id, _ := environ.Of(cmd.Env).Lookup("TEST_RUN")
	if !reap.CarriesRun(daemon, id) || reap.CarriesRun(daemon, "another") || reap.CarriesRun(os.Getpid(), id) || reap.CarriesRun(daemon, "") {
		t.Error("the run is not told by the environment")
	}
}

func TestCloseEndsTheChild(t *testing.T) {
	c, err := Start(Config{Argv: []string{"sleep", "300"}, Env: os.Environ(), RunID: testRunID(t)})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if code, err := c.Wait(); code != 137 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if err := c.Signal(syscall.SIGTERM); err != os.ErrProcessDone {
		t.Errorf("signal to a reaped child: %v", err)
	}
}

func BenchmarkStartChild(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		c, err := Start(Config{Argv: []string{"true"}, Env: os.Environ()})
		if err != nil {
			b.Fatal(err)
		}
		c.Wait()
		c.Close()
	}
}

// BenchmarkTrue is what BenchmarkStartChild is compared with.
func BenchmarkTrue(b *testing.B) {
	for range b.N {
		exec.Command("true").Run()
	}
}

func TestReaperComesFirst(t *testing.T) { comesFirst(t, reap.Name) }

// comesFirst: a small process runs few of this program's initialisers, whose time and memory it would cost: those of what it imports, and
// of what comes before that in the alphabet.
func comesFirst(t *testing.T, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{name}, Env: []string{"GODEBUG=inittrace=1"}, Stdin: strings.NewReader("bye \"\"\n")}
	out, _ := cmd.CombinedOutput()
	got := string(out)
	if n := strings.Count(got, "\ninit "); !strings.Contains(got, "init os ") || n > 35 {
		t.Errorf("%s initialised %d packages:\n%s", name, n, got)
	}
}

// TestStopsThatCameBefore: a SIGTSTP that came before we were continued is of the stop that is over; other signals stay.
func TestStopsThatCameBefore(t *testing.T) {
	c := &Child{signals: &Signals{came: make(chan os.Signal, 64)}}
	for _, s := range []syscall.Signal{syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTERM, syscall.SIGTSTP} {
		c.signals.came <- s
	}
	c.forgetStops()
	if n := len(c.signals.came); n != 2 || <-c.signals.came != syscall.SIGCONT || <-c.signals.came != syscall.SIGTERM {
		t.Errorf("%d signals are left", n)
	}
}

// TestSignalsBeforeTheChild: what comes while the run is prepared is the child's as soon as it is there, also where the terminal sent it
// to all of a job.
func TestSignalsBeforeTheChild(t *testing.T) {
	for _, m := range []mode{apart, shared} {
		cmd := exec.Command("sleep", "20")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c := &Child{mode: m, pid: cmd.Process.Pid, signals: &Signals{came: make(chan os.Signal, 2)}}
		c.signals.came <- syscall.SIGINT
		c.catchUp(len(c.signals.came))
		cmd.Wait()
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
			t.Errorf("mode %d: %v", m, cmd.ProcessState)
		}
	}
}
