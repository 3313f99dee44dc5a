//go:build unix

package child

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"agentguard/run/proc"
)

// Signals are caught for a child.
type Signals struct {
	came   chan os.Signal
	caught func() // waits until they are
}

// Catch begins to catch what is to be forwarded. That takes half a millisecond, since Go's runtime tells a thread of each signal,
// and there is other work to do. What comes before there is a child waits for it.
func Catch() *Signals {
	s := &Signals{came: make(chan os.Signal, 64)}
	s.caught = sync.OnceFunc(s.catch)
	go s.caught()
	return s
}

// catch leaves alone what was ignored when we were started (nohup, a shell's "&"): it stays ignored, in us and by inheritance in
// the child, and catching it would undo that. Never signal.Ignore another one, for the same inheritance. The Go runtime keeps an
// inherited SIG_IGN for HUP and INT alone; a shell that ignores INT for a background job ignores QUIT with it (POSIX, Shell
// Command Language, section 2.11).
func (s *Signals) catch() {
	catch := append([]os.Signal{syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT}, deadly...)
	if !signal.Ignored(syscall.SIGHUP) {
		catch = append(catch, syscall.SIGHUP)
	}
	if signal.Ignored(syscall.SIGINT) {
		signal.Ignore(syscall.SIGQUIT)
	} else {
		catch = append(catch, syscall.SIGINT, syscall.SIGQUIT)
	}
	signal.Notify(s.came, catch...)
}

// deadly are those that end a program at once, and that Go would answer with what each of its goroutines was doing. Only one that
// somebody sends comes here: what our own code does wrong is another thing to Go.
var deadly = []os.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGABRT, syscall.SIGTRAP, syscall.SIGSYS}

// Stop gives them back, as slowly.
func (s *Signals) Stop() {
	s.caught()
	signal.Stop(s.came)
}

// catchUp passes on the signals that came before there was a child, also those that the terminal sent to all of our group.
func (c *Child) catchUp(early int) {
	for range early {
		if s := (<-c.signals.came).(syscall.Signal); c.mode == shared {
			c.kill(s, false)
		} else {
			c.pass(s)
		}
	}
}

// follow passes signals on, and follows the child into its stops, until it has ended.
func (c *Child) follow() {
	for {
		select {
		case s := <-c.signals.came:
			c.pass(s.(syscall.Signal))
		case by, ok := <-c.stops:
			if !ok {
				c.terminal.close()
				c.reaper.forget()
				close(c.done)
				return
			}
			c.stopped(by)
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
	case syscall.SIGWINCH, syscall.SIGTSTP:
		c.fromTerminal(s)
	default:
		c.terminal.take()
		DieOf(s)                // what is left of the run is ended as by any other end of ours
		time.Sleep(time.Second) // until then nothing is begun that this would break off in the middle
		c.kill(syscall.SIGKILL, c.mode != shared)
	}
}

// fromTerminal passes on a signal that the terminal sends to all of its foreground group: where that is also the child's,
// it has it already, and many programs take a second Ctrl-C for "now, at once".
func (c *Child) fromTerminal(s syscall.Signal) {
	if c.mode != shared {
		c.kill(s, true)
	}
}

// stopped follows an interactive child into a stop. But one that wants the terminal gets it while that is ours, since the
// shell's fg did not tell us, and goes on if it has it by now.
func (c *Child) stopped(by syscall.Signal) {
	wantsTerminal := by == syscall.SIGTTIN || by == syscall.SIGTTOU
	if wantsTerminal && (c.terminal.isOurs() || c.terminal.front() == c.pid) {
		c.resume()
		return
	}
	c.suspend()
}

// suspend stops us and the rest of our group, so that the shell sees a stopped job; SIGCONT ends that. The stop is a SIGSTOP:
// Go gives a signal that was caught once no default action again, and SIGTSTP would do nothing.
func (c *Child) suspend() {
	c.terminal.take()
	if orphanedGroup() {
		c.resume()
		return
	}
	// Not while one of our threads forks. On Linux it waits in vfork(2) for its new process to execute something, and
	// cannot be stopped; that process, still of our group, would be, and so nobody ever ends the wait and we never
	// count as stopped.
	syscall.ForkLock.RLock()
	unix.Kill(0, syscall.SIGSTOP)
	syscall.ForkLock.RUnlock()
	c.forgetStops()
}

// forgetStops drops the stops that came before we were continued. Go hands on what came together in the order of its numbers, so that
// such a SIGTSTP may stand behind the SIGCONT, and would stop a child that the shell has just brought back.
func (c *Child) forgetStops() {
	handed := make(chan os.Signal, 1)
	signal.Notify(handed, syscall.SIGTSTP)
	signal.Stop(handed) // which waits until all that came is handed on
	for range len(c.signals.came) {
		if s := <-c.signals.came; s != syscall.SIGTSTP {
			select {
			case c.signals.came <- s:
			default: // as full as it can be
			}
		}
	}
}

// orphanedGroup says whether no process outside of our group, but of our session, could continue us (POSIX, Base
// Definitions, section 3.264): without a shell a stop would be for ever, and the system itself ignores SIGTSTP there.
func orphanedGroup() bool {
	group := unix.Getpgrp()
	return !anyAncestor(func(pid int) bool {
		other, err := unix.Getpgid(pid)
		return err == nil && other != group
	})
}

// anyAncestor says whether is holds for a process above us, as far as they are of our session.
func anyAncestor(is func(pid int) bool) bool {
	session, err := unix.Getsid(0)
	for pid, n := unix.Getppid(), 0; err == nil && pid > 0 && n < proc.MaxAncestors; pid, n = proc.Parent(pid), n+1 {
		if other, err := unix.Getsid(pid); err != nil || other != session {
			return false
		}
		if is(pid) {
			return true
		}
	}
	return false
}

// resume continues the child, with the terminal if we are in the foreground.
func (c *Child) resume() {
	if c.terminal.isOurs() {
		c.terminal.lend(c.pid)
	}
	c.kill(syscall.SIGCONT, c.mode != shared)
}
