package child

import (
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"agentguard/run/proc"
)

// heldBack makes a script whose execution waits in the middle of execve(2) until release is called: a lease on the file
// keeps open(2) from returning (fcntl(2), F_SETLEASE). tried says whether it has come so far.
func heldBack(t *testing.T, text string) (path string, tried func() bool, release func()) {
	t.Helper()
	path = script(t, "held-back", text, 0o700)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skipf("needs leases on files: %v", err)
	}
	tried = func() bool {
		kind, err := unix.FcntlInt(f.Fd(), unix.F_GETLEASE, 0)
		return err == nil && kind != unix.F_WRLCK
	}
	return path, tried, func() { unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) }
}

// TestTerminalBeforeTheCommand: the child has the terminal before its command begins, and a stop that comes so early is not
// lost, on a machine with one processor neither.
func TestTerminalBeforeTheCommand(t *testing.T) {
	for _, processors := range []string{"1", "2"} {
		t.Run(processors, func(t *testing.T) {
			s := startShell(t)
			command, tried, release := heldBack(t, "#!/bin/sh\nread x\necho \"got <$x>\"\nexit 9\n")
			s.run("stty echo") // so that a key shows when it was taken
			s.line("GOMAXPROCS=" + processors + " ag " + command)
			waitFor(t, patience, "at its command", tried)
			if front := s.front(); proc.Parent(front) == s.bash.Pid || !proc.Descends(front, s.bash.Pid) {
				t.Errorf("process %d has the terminal, and is not the child", front)
			}
			s.press("\x1a", "^Z")
			s.press("\x1a", "^Z")
			release()
			s.expect("Stopped")
			s.fg("ag " + command)
			s.line("hello")
			s.expect("got <hello>")
			s.wantStatus("9")
		})
	}
}

// TestTerminalInterruptBeforeTheCommand: so does Ctrl-C.
func TestTerminalInterruptBeforeTheCommand(t *testing.T) {
	s := startShell(t)
	command, tried, _ := heldBack(t, "#!/bin/sh\n")
	s.line("ag " + command)
	waitFor(t, patience, "at its command", tried)
	s.press("\x03", "\n$ ")
	s.wantStatus("130")
}

// TestTerminalStopWhileForking: we stop with the child although another process is just being started.
func TestTerminalStopWhileForking(t *testing.T) {
	s := startShell(t)
	helper, tried, release := heldBack(t, "#!/bin/sh\n")
	s.line("TEST_FORK=" + helper + ` GOGC=off ag sh -c 'echo be""gun; read x; kill -STOP $$; read x; exit 9'`)
	waitFor(t, patience, "at its helper", tried)
	child, supervisor := s.begun()
	s.line("go on")
	waitFor(t, patience, "stopped and followed", func() bool { return s.front() != child && isStopped(child) })
	syscall.Kill(supervisor, syscall.SIGTSTP) // a second Ctrl-Z, now that the terminal is ours, stops nothing more
	time.Sleep(50 * time.Millisecond)         // for the signal that must not be sent yet
	release()
	s.expect("Stopped")
	s.fg("ag sh")
	s.line("")
	s.wantStatus("9")
}
