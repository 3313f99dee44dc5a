//go:build unix

package cmd_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tailOfARun starts a run and `audit tail` beside it.
func tailOfARun(t *testing.T) (run, tail *exec.Cmd, lines *bufio.Scanner) {
	t.Helper()
	home := plant(t)
	run = exec.Command("agentguard", "run", "-q", "--isolation", "env", "--policy", "age.toml", "--", "sleep", "300")
	run.Dir = home
	run.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AGENTGUARD_AGE_IDENTITY=" + filepath.Join(home, "key.txt")}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Signal(syscall.SIGTERM); run.Wait() })
	for range 3000 {
		if strings.Contains(agentguard(home, "audit", "list"), " bot ") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	tail = exec.Command("agentguard", "audit", "tail")
	tail.Env = run.Env
	out, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Minute, func() { tail.Process.Kill() })
	t.Cleanup(func() { stop.Stop() })
	lines = bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), " start ") {
		t.Fatalf("got %q, want the start", lines.Text())
	}
	return run, tail, lines
}

// TestAuditTail: it shows what is there, then what comes, and ends with the run.
func TestAuditTail(t *testing.T) {
	run, tail, lines := tailOfARun(t)
	run.Process.Signal(syscall.SIGTERM)
	if !lines.Scan() || !strings.Contains(lines.Text(), " end ") {
		t.Errorf("got %q, want the end", lines.Text())
	}
	if err := tail.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAuditTailInterrupted(t *testing.T) {
	_, tail, lines := tailOfARun(t)
	tail.Process.Signal(syscall.SIGINT)
	if lines.Scan() {
		t.Errorf("one line more: %q", lines.Text())
	}
	tail.Wait()
	if code := tail.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}
