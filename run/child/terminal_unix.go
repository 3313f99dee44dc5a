//go:build unix

package child

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"agentguard/run/proc"
)

// terminal is the controlling terminal of an interactive run, which is lent to the child's process group. A nil *terminal
// does nothing. It is not safe for concurrent use.
type terminal struct {
	file  *os.File
	group int         // our process group
	ours  *term.State // as we found it
	child *term.State // as the child left it when it stopped; nil: it has not
	lines [2]line     // what else there is of ours, and of the child's
	lent  bool        // the child has it
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
	t.ours, t.lines[0] = state, lineOf(stdin)
	return t
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

// isOurs says whether our group is the one in the foreground, and the terminal ours to lend.
func (t *terminal) isOurs() bool { return t != nil && t.front() == t.group }

// lend puts the child's group in the foreground.
func (t *terminal) lend(group int) {
	if t.child != nil {
		t.lines[1].restore(t.file)
		term.Restore(int(t.file.Fd()), t.child)
		t.child = nil
	}
	unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, group)
	t.isLent()
}

// isLent notes that the child's group has the terminal. From then on we are in the background, and may touch the terminal only
// because SIGTTOU is ignored: this comes after the fork, so that the child does not inherit it.
func (t *terminal) isLent() {
	signal.Ignore(syscall.SIGTTOU)
	t.lent = true
}

// take brings us back to the foreground, if the terminal was lent, and the terminal to the state in which we found it.
func (t *terminal) take() {
	if t == nil || !t.lent {
		return
	}
	t.lent = false
	if t.isTaken() {
		return
	}
	t.child, _ = term.GetState(int(t.file.Fd()))
	t.lines[1] = lineOf(t.file)
	unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, t.group)
	t.lines[0].restore(t.file)
	term.Restore(int(t.file.Fd()), t.ours)
}

// isTaken says whether the shell above us, or another job of it, has the terminal: who stops us from outside stops us alone,
// and the shell takes it from the child.
func (t *terminal) isTaken() bool {
	front := t.front()
	parent := proc.Parent(front)
	return anyAncestor(func(pid int) bool { return pid == front || pid == parent })
}

func (t *terminal) close() {
	if t != nil {
		t.take()
		signal.Reset(syscall.SIGTTOU)
	}
}
