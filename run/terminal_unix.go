//go:build unix

package run

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is the controlling terminal of an interactive run. A nil *terminal does nothing.
type terminal struct {
	mu    sync.Mutex
	file  *os.File
	group int         // our process group
	ours  *term.State // as we found it
	child *term.State // as the child left it when it stopped; nil: it has not
	given bool        // the child's group is, or was last, in the foreground
}

// hasTerminal says whether the process has a controlling terminal.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err == nil {
		f.Close()
	}
	return err == nil
}

// openTerminal gives the terminal if stdin and stdout both are it and we are its foreground group.
func openTerminal(stdin, stdout *os.File) *terminal {
	if stdin == nil || stdout == nil || !term.IsTerminal(int(stdin.Fd())) || !term.IsTerminal(int(stdout.Fd())) {
		return nil
	}
	t := &terminal{file: stdin, group: unix.Getpgrp()}
	if t.front() != t.group {
		return nil
	}
	state, err := term.GetState(int(stdin.Fd()))
	if err != nil {
		return nil
	}
	t.ours = state
	return t
}

// own is our process group, which the child gets the terminal from; 0 without a terminal.
func (t *terminal) own() int {
	if t == nil {
		return 0
	}
	return t.group
}

// front is the terminal's foreground group, -1 if there is none to be known.
func (t *terminal) front() int {
	if t == nil {
		return -1
	}
	group, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// give puts the child's group in the foreground. From then on we are in the background, and may touch the terminal only
// because SIGTTOU is ignored: this comes after the fork, so that the child does not inherit it.
func (t *terminal) give(group int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.child != nil {
		term.Restore(int(t.file.Fd()), t.child)
		t.child = nil
	}
	unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, group)
	signal.Ignore(syscall.SIGTTOU)
	t.given = true
}

// take brings us back to the foreground, if the child was there, and the terminal to the state in which we found it.
func (t *terminal) take() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.given {
		return
	}
	t.child, _ = term.GetState(int(t.file.Fd()))
	unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, t.group)
	term.Restore(int(t.file.Fd()), t.ours)
	t.given = false
}

func (t *terminal) close() {
	if t != nil {
		t.take()
		signal.Reset(syscall.SIGTTOU)
	}
}
