//go:build unix

package child

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"agentguard/run/environ"
	"agentguard/run/job"
	"agentguard/run/sandbox"
)

// Child is a started child. Its methods are safe for concurrent use.
type Child struct {
	pid      int
	mode     mode
	terminal *terminal    // interactive only
	reaper   *reaper      // nil: the child is in a box of ours, whose init does its work
	box      *sandbox.Box // nil: the child is our own

	signals *Signals
	stops   chan syscall.Signal // of the child; closed when it has ended
	ended   atomic.Bool         // by a signal to us that means the end: the reaper then looks for what is left
	fenced  bool                // confined without a box: nothing of it is to go on either

	gone    sync.Mutex // held while a signal is sent: a pid is not ours any more once it is reaped
	reaped  bool
	done    chan struct{}
	status  syscall.WaitStatus
	waitErr error
	close   sync.Once
}

// mode is how the child shares the terminal with us.
type mode int

const (
	// apart: no terminal (CI, a service). The child has a group of its own and gets every signal that we get.
	apart mode = iota
	// shared: a terminal, but an end of a pipeline or a job in the background. The child stays in our group, so that the
	// shell stops, continues and interrupts all of the job, and the terminal's signals reach it without us.
	shared
	// interactive: we are the foreground job and stdin and stdout are the terminal. The child gets a group of its own and
	// the terminal with it; when it stops we take the terminal back and stop, as a shell does with its jobs.
	interactive
)

// Start starts the child, and what ends it when we are killed. The error is an *ExitError where a shell would exit with 126 or 127.
func Start(cfg Config) (*Child, error) {
	if len(cfg.Argv) == 0 {
		return nil, errors.New("no command to run")
	}
	path, err := cfg.command()
	if err != nil {
		return nil, err
	}
	c := &Child{box: cfg.Box, fenced: cfg.Fence != nil || cfg.User != nil && cfg.Box == nil, signals: cfg.Signals, stops: make(chan syscall.Signal), done: make(chan struct{})}
	c.mode, c.terminal = chooseMode(cfg)
	if err = c.guard(cfg); err != nil {
		c.terminal.close()
		return nil, err
	}
	c.catch()
	if err = c.reaper.started(); err == nil { // who is killed between them would leave a child that nobody ends
		started := make(chan error)
		go c.live(path, cfg, started)
		err = <-started
	}
	if err == nil {
		c.adopt()
		return c, nil
	}
	c.signals.Stop()
	c.terminal.close()
	c.reaper.dismiss()
	return nil, err
}

// catch waits until signals are caught. A stop by the terminal is for us to follow only where we lend it.
func (c *Child) catch() {
	if c.signals == nil {
		c.signals = Catch()
	}
	c.signals.caught()
	if c.mode == interactive {
		signal.Notify(c.signals.came, syscall.SIGTSTP)
	}
}

// guard sees to it that nothing is left of the run if we are killed. The init of another user's box cannot remove a directory of ours.
func (c *Child) guard(cfg Config) (err error) {
	switch {
	case c.box == nil || cfg.User != nil:
		c.reaper, err = startReaper(cfg.RunID, cfg.RuntimeDir, cfg.User)
	case cfg.RuntimeDir != "":
		err = c.box.Sweep(cfg.RuntimeDir)
	}
	return err
}

// command finds the file to execute, as whom the child is going to be.
func (cfg *Config) command() (path string, err error) {
	err = cfg.User.Do(func() (err error) {
		if info, err := os.Stat(cfg.Dir); cfg.Dir != "" && (err != nil || !info.IsDir()) {
			return fmt.Errorf("working directory %s: is not there or no directory", cfg.Dir)
		}
		if cfg.Dir != "" && unix.Access(cfg.Dir, unix.X_OK) != nil {
			return fmt.Errorf("working directory %s: its user may not enter it", cfg.Dir)
		}
		path, err = lookUp(cfg.Argv[0], cfg.Dir, environ.Of(cfg.Env))
		return err
	})
	return path, err
}

func chooseMode(cfg Config) (mode, *terminal) {
	if !hasTerminal() {
		return apart, nil
	}
	if t := openTerminal(cfg.Stdin, cfg.Stdout); t != nil {
		return interactive, t
	}
	return shared, nil
}

// live starts the child and waits for it. A child of our own has one thread for that, which is never given back: Linux sends the
// parent-death signal when the *thread* that forked ends (prctl(2), PR_SET_PDEATHSIG).
func (c *Child) live(path string, cfg Config, started chan<- error) {
	if c.box == nil {
		runtime.LockOSThread()
	}
	early := len(c.signals.came)
	err := c.fork(path, cfg)
	if err == nil {
		c.catchUp(early)
		go c.follow()
	}
	started <- err
	if err == nil {
		c.wait()
		close(c.stops)
	}
}

func (c *Child) fork(path string, cfg Config) error {
	files, closeNull, err := stdio(cfg)
	if err != nil {
		return err
	}
	defer closeNull()
	group := c.group()
	if c.box == nil {
		c.pid, err = c.forkHere(path, cfg, group, files)
	} else {
		c.pid, err = c.forkInBox(path, cfg, group, files)
	}
	if group == job.Foreground {
		c.terminal.isLent()
	}
	if err == nil && group != job.Shared {
		c.reaper.group(c.pid)
	}
	return err
}

// group is the process group that the child begins in.
func (c *Child) group() job.Group {
	switch {
	case c.mode == shared:
		return job.Shared
	case c.terminal.isOurs():
		return job.Foreground
	}
	return job.Own
}

func (c *Child) forkHere(path string, cfg Config, group job.Group, files []uintptr) (pid int, err error) {
	if err := closeOnExec(); err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Dir: cfg.Dir, Env: cfg.Env, Files: files, Sys: &syscall.SysProcAttr{}}
	dieWithUs(attr.Sys)
	return job.Fork(group, attr, func() (int, error) {
		if cfg.Fence != nil || cfg.User != nil {
			return forkFenced(path, cfg, attr)
		}
		return forkPlain(path, cfg, attr)
	})
}

func forkPlain(path string, cfg Config, attr *syscall.ProcAttr) (pid int, err error) {
	restore := originalLimits()
	defer restore()
	if pid, err = syscall.ForkExec(path, cfg.Argv, attr); err != nil {
		return 0, explain(path, cfg.Dir, err)
	}
	return pid, nil
}

// stdio gives the descriptors of the child's 0, 1 and 2.
func stdio(cfg Config) (fds []uintptr, closeNull func(), err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range []*os.File{cfg.Stdin, cfg.Stdout, cfg.Stderr} {
		if f == nil {
			f = null
		}
		fds = append(fds, f.Fd())
	}
	return fds, func() { null.Close() }, nil
}

// wait reports the child's stops, and reaps it.
func (c *Child) wait() {
	if c.box != nil {
		c.waitInBox()
		return
	}
	for {
		err := job.Await(c.pid)
		var ws syscall.WaitStatus
		if err == nil {
			ws, err = c.collect()
		}
		switch {
		case errors.Is(err, syscall.EINTR), errors.Is(err, errContinued):
		case err != nil:
			c.waitErr = fmt.Errorf("wait for the child: %w", err)
			return
		case ws.Exited() || ws.Signaled():
			c.status = ws
			return
		case ws.Stopped() && c.mode == interactive:
			c.stops <- ws.StopSignal()
		}
	}
}

// errContinued: the stop that was to be reported is over. A zero WaitStatus would read as a clean exit.
var errContinued = errors.New("the child was continued")

// collect takes the child's report while nobody can be about to signal it: its pid may be another's at once.
func (c *Child) collect() (ws syscall.WaitStatus, err error) {
	c.gone.Lock()
	defer c.gone.Unlock()
	pid, err := syscall.Wait4(c.pid, &ws, syscall.WUNTRACED|syscall.WNOHANG, nil)
	if err == nil && pid != c.pid {
		return 0, errContinued
	}
	c.reaped = err == nil && (ws.Exited() || ws.Signaled()) || err != nil && !errors.Is(err, syscall.EINTR)
	return ws, err
}

// Pid is the child's process id.
func (c *Child) Pid() int { return c.pid }

// Wait waits for the end of the child and gives its exit code, 128+N where signal N ended it.
func (c *Child) Wait() (code int, err error) {
	<-c.done
	switch {
	case c.waitErr != nil:
		return 125, c.waitErr
	case c.status.Signaled():
		return 128 + int(c.status.Signal()), nil
	}
	return c.status.ExitStatus(), nil
}

// Signal sends a signal to the child's group, or to the child alone where the group is also ours.
func (c *Child) Signal(s os.Signal) error {
	number, ok := s.(syscall.Signal)
	if !ok {
		return fmt.Errorf("signal %v: not one of this system", s)
	}
	return c.kill(number, c.mode != shared)
}

func (c *Child) kill(s syscall.Signal, group bool) error {
	c.gone.Lock()
	defer c.gone.Unlock()
	if c.reaped {
		return os.ErrProcessDone
	}
	pid := c.pid
	if group {
		pid = -pid
	}
	return unix.Kill(pid, s)
}

// Close ends the child if it still lives, gives back signals and terminal, and dismisses the reaper; where a signal told us to
// end, or the child was fenced, the reaper first ends what it left behind.
func (c *Child) Close() {
	c.close.Do(func() {
		select {
		case <-c.done:
		default:
			c.kill(syscall.SIGKILL, c.mode != shared)
			<-c.done
			c.ended.Store(true)
		}
		go c.signals.Stop() // as a rule this process has nothing left to do but to end
		if c.ended.Load() || c.fenced {
			c.reaper.sweep()
		} else {
			c.reaper.dismiss()
		}
	})
}
