package child

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"agentguard/run/proc"
	"agentguard/run/sandbox/inner"
	"agentguard/run/sandbox/shim"
)

// again runs tests of this program anew with a child of that level.
func again(t *testing.T, level, tests string) {
	t.Helper()
	if os.Getenv("TEST_LEVEL") != "" {
		t.Skip("is run anew already")
	}
	cmd := exec.Command(os.Args[0], "-test.run", tests, "-test.v")
	cmd.Env = append(os.Environ(), "TEST_LEVEL="+level)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestSealedChild: a sealed child starts, ends, and gets its signals as any other does.
func TestSealedChild(t *testing.T) {
	again(t, sealed, "^(TestExitCodes|TestNotFoundSuggestsTheWorkingDirectory|TestPathIsTheChilds|TestOnlyStandardFilesReachTheChild|TestIgnoredSignalsStayIgnored|"+
		"TestChildHasNoIgnoredOrBlockedSignals|TestChildHasItsGroupAndDumpability|TestChildsTimersAreAsOurs|TestSignalsAreForwarded)$")
}

// TestTerminalSealed: so does its terminal.
func TestTerminalSealed(t *testing.T) {
	again(t, sealed, "^TestTerminal")
}

// marked counts the processes whose command line holds mark, the supervisor's own not among them.
func marked(mark string, but int) (n int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		if bytes.Contains(text, []byte(mark)) && f != "/proc/"+strconv.Itoa(but)+"/cmdline" {
			n++
		}
	}
	return n
}

// TestSealedLeavesNothing: however the supervisor ends, and whatever the child did to get away, nothing of it remains.
func TestSealedLeavesNothing(t *testing.T) {
	signal := func(s syscall.Signal) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) { cmd.Process.Signal(s) }
	}
	for name, end := range map[string]func(*exec.Cmd){
		"killed": signal(syscall.SIGKILL), "segfault": signal(syscall.SIGSEGV), "terminated": signal(syscall.SIGTERM), "hung up": signal(syscall.SIGHUP),
		"killed with its group": func(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) },
		"killed when stopped": func(cmd *exec.Cmd) {
			syscall.Kill(initOf(cmd.Process.Pid), syscall.SIGSTOP)
			cmd.Process.Kill()
		},
	} {
		base := t.TempDir()
		os.Chmod(base, 0o700)
		mark := "leaves-nothing-" + strconv.Itoa(os.Getpid()) + "-" + name
		cmd := supervisor(t, "sh", "-c", `setsid env -i sh -c 'trap "" HUP TERM INT; sleep 300; : '"$0" & sleep 300; : "$0"`, mark)
		cmd.Env = append(cmd.Env, "TEST_LEVEL="+sealed, "TEST_BASE="+base)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, patience, "running", func() bool { return marked(mark, cmd.Process.Pid) >= 2 })
		end(cmd)
		go cmd.Wait()
		waitFor(t, patience, name+": all gone", func() bool {
			entries, _ := os.ReadDir(base)
			return marked(mark, cmd.Process.Pid) == 0 && len(entries) == 0
		})
	}
}

func TestInitComesFirst(t *testing.T) {
	comesFirst(t, inner.Name)
	comesFirst(t, shim.Name)
}

// initOf is the init process of a sealed run, 0 if there is none.
func initOf(supervisor int) int {
	for _, pid := range proc.Descendants(supervisor) {
		if name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm"); string(name) == "ag-init\n" {
			return pid
		}
	}
	return 0
}

// TestSealedInitKilled: without its init process a run is over, and says why.
func TestSealedInitKilled(t *testing.T) {
	mark := "init-killed-" + strconv.Itoa(os.Getpid())
	cmd := supervisor(t, "sh", "-c", `sleep 300; : "$0"`, mark)
	cmd.Env = append(cmd.Env, "TEST_LEVEL="+sealed)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	waitFor(t, patience, "running", func() bool { return marked(mark, cmd.Process.Pid) >= 1 })
	syscall.Kill(initOf(cmd.Process.Pid), syscall.SIGKILL)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 125 || !strings.Contains(stderr.String(), "the sandbox was ended from outside") {
		t.Errorf("code %d: %s", code, stderr.String())
	}
}

// TestDeadlySignals: a signal that ends a program ends us like one, without a word, and the child with us.
func TestDeadlySignals(t *testing.T) {
	for _, s := range deadly {
		mark := "deadly-" + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(int(s.(syscall.Signal)))
		cmd := supervisor(t, "sh", "-c", `echo; sleep 300; : "$0"`, mark)
		var said bytes.Buffer
		cmd.Stderr = &said
		up, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		up.Read(make([]byte, 1))
		cmd.Process.Signal(s)
		cmd.Wait()
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != s || said.Len() > 0 {
			t.Errorf("%v: %v, %d bytes said", s, ws, said.Len())
		}
		waitFor(t, patience, "all gone", func() bool { return marked(mark, cmd.Process.Pid) == 0 })
	}
}
