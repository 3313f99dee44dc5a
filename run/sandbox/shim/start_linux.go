package shim

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"agentguard/run/job"
)

// StepExecute is the step of a Failure that is the command's own: it cannot be executed.
const StepExecute = "execute the command"

// StepEnter is the step of a Failure of a Thread whose command is not let into its directory.
const StepEnter = "go to the working directory"

// Failure says why the shim did not become the child.
type Failure struct {
	Step  string // what was being done; StepExecute: the confinement stood
	Call  string // the system call; "" where none failed
	Errno syscall.Errno
}

func (f *Failure) Error() string {
	if f.Call == "" {
		return f.Step + ": " + f.Errno.Error()
	}
	return f.Step + ": " + f.Call + ": " + f.Errno.Error()
}

// Unwrap gives the errno.
func (f *Failure) Unwrap() error { return f.Errno }

//go:noinline
func failed(step, call string, err error) *Failure {
	f := &Failure{step, call, syscall.EIO}
	errors.As(err, &f.Errno)
	return f
}

// line is how a Failure travels: its errno, its call and its step.
func (f *Failure) line() []byte {
	return []byte(strconv.Itoa(int(f.Errno)) + "\t" + f.Call + "\t" + f.Step)
}

func parseFailure(line []byte) *Failure {
	parts := bytes.SplitN(line, []byte("\t"), 3)
	if len(parts) == 3 {
		if n, err := strconv.Atoi(string(parts[0])); err == nil && n > 0 {
			return &Failure{string(parts[2]), string(parts[1]), syscall.Errno(n)}
		}
	}
	return &Failure{"read what the shim says", "", syscall.EBADMSG}
}

// Start forks the shim from the program self and returns when it has become the child. attr has the child's directory, its
// descriptors 0, 1 and 2, and how it is forked; its environment is Config's. The error is a *Failure where the shim ran
// and gave up; that process is reaped then.
func Start(self string, c *Config, attr *syscall.ProcAttr) (pid int, err error) {
	config, send, err := os.Pipe()
	if err != nil {
		return 0, failed("configure the shim", "pipe2", err)
	}
	defer config.Close()
	read, write, err := os.Pipe()
	if err != nil {
		send.Close()
		return 0, failed("hear from the shim", "pipe2", err)
	}
	defer read.Close()
	fork := *attr
	fork.Env = append([]string{"GOMAXPROCS=1", "GOTRACEBACK=none"}, job.Runtime...)
	fork.Files = append(append([]uintptr(nil), attr.Files[:3]...), config.Fd(), write.Fd())
	pid, err = syscall.ForkExec(self, []string{Name}, &fork)
	write.Close()
	if err != nil {
		send.Close()
		return 0, failed("start the shim", "fork, execve", err)
	}
	go func() { // it may be more than a pipe takes at once; a shim that does not read it all says why
		defer send.Close()
		send.Write(c.Encode())
	}()
	if f := hear(int(read.Fd())); f != nil {
		for {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				return 0, f
			}
		}
	}
	return pid, nil
}

// Thread is one of the caller's own that has given up what a child must not have, and forks that child. It does what Start does,
// without a process between, for a caller whose own process the child may be confined with: that thread can be reached by whoever is
// confined like it. It ends when it has forked one.
type Thread struct{ forks chan func() (forked bool) }

// Confine makes such a thread. Of c the command is passed over.
func Confine(c *Config) (*Thread, error) {
	t := &Thread{make(chan func() bool)}
	confined := make(chan *Failure)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		f := c.confine()
		confined <- f
		for f == nil && !(<-t.forks)() {
		}
	}()
	if f := <-confined; f != nil {
		return nil, f
	}
	return t, nil
}

// Fork forks and executes a command. attr has no parent-death signal, which the end of the thread would send.
func (t *Thread) Fork(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	done := make(chan struct{})
	t.forks <- func() bool {
		defer close(done)
		pid, err = forkHere(path, argv, attr)
		return err == nil
	}
	<-done
	return pid, err
}

func forkHere(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	if f := closeOnExec(); f != nil {
		return 0, f
	}
	const search = 1 // X_OK
	if attr.Dir != "" {
		if err := syscall.Access(attr.Dir, search); err != nil {
			return 0, failed(StepEnter, "chdir", err)
		}
	}
	if pid, err = syscall.ForkExec(path, argv, attr); err != nil {
		return 0, failed(StepExecute, "execve", err)
	}
	return pid, nil
}

// hear waits for the pipe's end, which is there when the command is executed.
func hear(fd int) *Failure {
	var said []byte
	var buffer [512]byte
	for {
		switch n, err := syscall.Read(fd, buffer[:]); {
		case err == syscall.EINTR:
		case err != nil:
			return failed("hear from the shim", "read", err)
		case n > 0 && len(said) < 4096:
			said = append(said, buffer[:n]...)
		case len(said) > 0:
			return parseFailure(said)
		default:
			return nil
		}
	}
}
