package child

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"agentguard/run/proc"
)

// TestOrphansOfProcessOne: where we are process 1 of a container, what the command's own children leave behind is reaped when it ends,
// not only when the command does.
func TestOrphansOfProcessOne(t *testing.T) {
	for _, level := range []string{"", "filtered"} {
		cmd := supervisor(t, "sh", "-c", "for i in 1 2 3; do (sleep 0.01 &); done; echo left; read line; exit 7")
		cmd.Env = append(cmd.Env, "TEST_LEVEL="+level)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		if os.Geteuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		}
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if err := cmd.Start(); err != nil {
			t.Skip("no process ids of its own here:", err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "left\n" {
			t.Fatalf("level %q: said %q, %v", level, line, err)
		}
		waitFor(t, patience, "no child but the command and the reaper", func() bool { return childrenOf(cmd.Process.Pid) == 2 })
		in.Close()
		if cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
			t.Errorf("level %q: %v, want the command's own code 7", level, cmd.ProcessState)
		}
	}
}

// childrenOf counts those that have ended, and nobody has reaped, too.
func childrenOf(pid int) (n int) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range processes {
		if child, _ := strconv.Atoi(filepath.Base(path)); proc.Parent(child) == pid {
			n++
		}
	}
	return n
}
