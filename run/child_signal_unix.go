//go:build unix

package run

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// notify catches what is to be forwarded. A signal that was ignored when we were started (nohup, a shell's "&") stays
// ignored, in us and by inheritance in the child: catching it would undo that. Never signal.Ignore another one, for the
// same inheritance. The Go runtime keeps an inherited SIG_IGN for HUP and INT alone; a shell that ignores INT for a
// background job ignores QUIT with it (POSIX, Shell Command Language, section 2.11).
func (c *Child) notify() {
	catch := []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT}
	if !signal.Ignored(syscall.SIGHUP) {
		catch = append(catch, syscall.SIGHUP)
	}
	if signal.Ignored(syscall.SIGINT) {
		signal.Ignore(syscall.SIGQUIT)
	} else {
		catch = append(catch, syscall.SIGINT, syscall.SIGQUIT)
	}
	if c.mode == interactive {
		catch = append(catch, syscall.SIGTSTP)
	}
	for _, s := range catch {
		signal.Notify(c.signals, s)
	}
}

// forward passes signals on until the child is gone.
func (c *Child) forward() {
	for {
		select {
		case s := <-c.signals:
			c.pass(s.(syscall.Signal))
		case <-c.done:
			return
		}
	}
}

func (c *Child) pass(s syscall.Signal) {
	switch s {
	case syscall.SIGTERM, syscall.SIGHUP:
		c.ended.Store(true)
		c.kill(s, c.mode != shared)
	case syscall.SIGUSR1, syscall.SIGUSR2:
		c.kill(s, false) // helpers of the child that do not expect one would die of it
	case syscall.SIGCONT:
		c.resume()
	case syscall.SIGINT, syscall.SIGQUIT:
		if c.mode == apart {
			c.ended.Store(true)
		}
		c.fromTerminal(s)
	default:
		c.fromTerminal(s)
	}
}

// fromTerminal passes on a signal that the terminal sends to all of its foreground group: where that is also the child's,
// it has it already, and many programs take a second Ctrl-C for "now, at once".
func (c *Child) fromTerminal(s syscall.Signal) {
	if c.mode != shared {
		c.kill(s, true)
	}
}

// stopped follows an interactive child into a stop. A child that wants the terminal while we are in the foreground gets
// it: it was quicker than us at the start, or the shell's fg did not tell us.
func (c *Child) stopped(by syscall.Signal) {
	if by == syscall.SIGTTIN || by == syscall.SIGTTOU {
		if front := c.terminal.front(); front == c.terminal.group || front == c.pid {
			c.resume()
			return
		}
	}
	c.suspend()
}

// suspend stops us and the rest of our group, so that the shell sees a stopped job, and returns when we are continued. The
// stop is a SIGSTOP: Go gives a signal that was caught once no default action again, and SIGTSTP would do nothing.
func (c *Child) suspend() {
	c.terminal.take()
	if orphanedGroup() {
		c.resume()
		return
	}
	select {
	case <-c.continued:
	default:
	}
	c.suspended.Store(true)
	unix.Kill(0, syscall.SIGSTOP)
	<-c.continued
	c.suspended.Store(false)
	c.resume()
}

// orphanedGroup says whether no process outside of our group, but of our session, could continue us (POSIX, Base
// Definitions, section 3.264): without a shell a stop would be for ever, and the system itself ignores SIGTSTP there.
func orphanedGroup() bool {
	group := unix.Getpgrp()
	session, err := unix.Getsid(0)
	if err != nil {
		return true
	}
	for pid, n := unix.Getppid(), 0; pid > 0 && n < maxAncestors; pid, n = parentOf(pid), n+1 {
		if other, err := unix.Getsid(pid); err != nil || other != session {
			return true
		}
		if other, err := unix.Getpgid(pid); err == nil && other != group {
			return false
		}
	}
	return true
}

// resume continues the child, with the terminal if we are in the foreground.
func (c *Child) resume() {
	if c.suspended.Load() {
		select {
		case c.continued <- struct{}{}:
		default:
		}
		return
	}
	if c.terminal.front() == c.terminal.own() {
		c.terminal.give(c.pid)
	}
	c.kill(syscall.SIGCONT, c.mode != shared)
}
