//go:build unix

package child

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// hasShell says that the shell has the terminal again, reads from it, and has its modes.
func (s *shell) hasShell() {
	s.t.Helper()
	waitFor(s.t, patience, "in the foreground again", func() bool { return s.front() == s.bash.Pid })
	if out := s.run("stty -a"); !strings.Contains(out, " icanon") {
		s.t.Errorf("the shell's modes: %s", out)
	}
}

func TestTerminalManyStops(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'echo be""gun; while read x; do echo "got <$x>"; done; exit 9'`)
	s.expect("begun")
	for i := range 20 {
		s.press("\x1a", "Stopped")
		if i%2 == 1 { // it wants to read, and is stopped again
			s.line("bg")
			s.expect("&")
			waitFor(t, patience, "stopped for input", func() bool { return strings.Contains(s.run("jobs"), "Stopped") })
		}
		s.fg("ag sh")
		s.line(fmt.Sprint(i))
		s.expect(fmt.Sprintf("got <%d>", i))
	}
	s.send("\x04")
	s.wantStatus("9")
}

// TestTerminalStoppedFromOutside: a SIGSTOP to us alone cannot be followed. The shell has the terminal then, and must keep it
// when the child stops later.
func TestTerminalStoppedFromOutside(t *testing.T) {
	s := startShell(t)
	read := s.pipe("read")
	s.line(`ag sh -c 'stty -icanon; echo be""gun; read x <read; read x; echo "got <$x>"; exit 9'`)
	child, supervisor := s.begun()
	syscall.Kill(-supervisor, syscall.SIGSTOP)
	s.expect("Stopped")
	s.hasShell()
	s.line("bg")
	s.expect("&")
	read()
	waitFor(t, patience, "stopped for input", func() bool { return strings.Contains(s.run("jobs"), "Stopped") })
	s.hasShell()
	s.fg("ag sh")
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("9")
	if alive(child) || alive(supervisor) {
		t.Error("still there")
	}
}

// TestTerminalContinuedInVain: a SIGCONT that nothing was stopped for changes nothing.
func TestTerminalContinuedInVain(t *testing.T) {
	s := startShell(t)
	s.line(`sh -c "ag sh -c 'stty -icanon -echo; echo be\"\"gun; read x; exit 9'; stty -a"`)
	child, supervisor := s.begun()
	for range 5 {
		syscall.Kill(supervisor, syscall.SIGCONT)
		syscall.Kill(-child, syscall.SIGCONT)
	}
	s.line("")
	s.expect(" icanon")
	s.hasShell()
}

func TestTerminalChildDiesWhileStopped(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'stty raw; echo be""gun; read x; exit 9'`)
	child, _ := s.begun()
	syscall.Kill(child, syscall.SIGSTOP)
	s.expect("Stopped")
	s.hasShell()
	syscall.Kill(child, syscall.SIGKILL)
	s.line("fg")
	s.expect("ag sh")
	s.wantStatus("137")
	s.hasShell()
}

func TestTerminalKilledSupervisor(t *testing.T) {
	needsProc(t)
	for _, state := range []string{"running", "stopped"} {
		t.Run(state, func(t *testing.T) { // of its own name: the reaper ends whatever is of the run
			s := startShell(t)
			s.line(`ag sh -c 'stty raw; echo be""gun; exec sleep 300'`)
			child, supervisor := s.begun()
			if state == "stopped" {
				syscall.Kill(child, syscall.SIGSTOP)
				s.expect("Stopped")
			}
			syscall.Kill(supervisor, syscall.SIGKILL)
			s.hasShell()
			waitFor(t, patience, "ended with us", func() bool { return !alive(child) })
		})
	}
}

// TestTerminalGone: with the terminal ends what runs in it, stopped or not.
func TestTerminalGone(t *testing.T) {
	needsProc(t)
	for _, state := range []string{"running", "stopped"} {
		t.Run(state, func(t *testing.T) {
			s := startShell(t)
			s.line(`ag sh -c 'echo be""gun; exec sleep 300'`)
			child, supervisor := s.begun()
			if state == "stopped" {
				s.press("\x1a", "Stopped")
			}
			s.tty.Close()
			waitFor(t, patience, "ended with the terminal", func() bool { return !alive(child) && !alive(supervisor) })
		})
	}
}

// TestTerminalWithinItself: a supervisor as another one's child.
func TestTerminalWithinItself(t *testing.T) {
	s := startShell(t)
	inner := "env -u TEST_LEVEL TEST_ROLE=supervisor '" + os.Args[0] + "'"
	s.line(`ag ` + inner + ` sh -c 'stty -icanon; echo be""gun; read x; echo "got <$x>"; exit 9'`)
	s.expect("begun")
	for range 3 {
		s.press("\x1a", "Stopped")
		s.hasShell()
		s.fg("ag")
		s.inFront("sh")
	}
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("9")
	s.line(`ag ` + inner + ` sh -c 'echo be""gun; exec sleep 300'`)
	s.expect("begun")
	s.press("\x03", "\n$ ")
	s.wantStatus("130")
}
