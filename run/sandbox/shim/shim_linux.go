// Package shim is the last step before the child: this program again, in the process that is going to be the child. It
// gives up, thread by thread, what the child must not have, and then executes the command.
//
// That begins in this package's init, before the initialisers of the rest of the program, which would cost each start of
// a child more than all that is done here. Go initialises packages as soon as what they import is (The Go Programming
// Language Specification, "Program initialization"), so this one imports little: no fmt, no encoding, no x/sys.
//
// It fails closed: whatever step fails, the command is not executed, and the step, the system call and its errno are
// reported to who started the shim.
package shim

import (
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

// Name is argv[0] of the shim. Who starts the program under this name gains nothing: it can only give up rights.
const Name = "agentguard: shim"

// The descriptors that the shim finds open beside the child's 0, 1 and 2.
const (
	configFD = 3
	statusFD = 4
)

// Exit codes of a command that could not be executed (POSIX, Shell Command Language, section 2.8.2), and of a failure of ours.
const (
	exitOurs          = 125
	exitCannotExecute = 126
	exitNotFound      = 127
)

func init() {
	if len(os.Args) != 1 || os.Args[0] != Name {
		return
	}
	runtime.LockOSThread() // the rights that are given up are this thread's, and it is the one that executes
	f := become()
	syscall.Write(statusFD, f.line())
	switch {
	case f.Step != StepExecute:
		os.Exit(exitOurs)
	case f.Errno == syscall.ENOENT || f.Errno == syscall.ENOTDIR:
		os.Exit(exitNotFound)
	}
	os.Exit(exitCannotExecute)
}

// become turns this process into the child. It returns only when that failed.
func become() *Failure {
	if f := closeOnExec(); f != nil {
		return f
	}
	text, err := io.ReadAll(io.LimitReader(os.NewFile(configFD, "config"), maxConfig+1))
	if err != nil {
		return failed("read the configuration", "read", err)
	}
	c, err := Decode(text)
	if err != nil {
		return failed(err.Error(), "", syscall.EINVAL)
	}
	if c.Path == "" || len(c.Argv) == 0 {
		return failed("the configuration names no command", "", syscall.EINVAL)
	}
	if f := c.confine(); f != nil {
		return f
	}
	return failed(StepExecute, "execve", syscall.Exec(c.Path, c.Argv, c.Env))
}

// confine does the steps in the one order that works: what needs a right comes before that right is given up, and the
// filter of system calls, which forbids most of the others, comes last.
func (c *Config) confine() *Failure {
	for _, step := range []func() *Failure{
		c.dropBounding, c.changeUser, c.joinKeyring, NoNewPrivileges, c.dropCapabilities, c.restoreCore, c.restoreSlack, c.Landlock.Restrict, c.ignoreSignals,
	} {
		if f := step(); f != nil {
			return f
		}
	}
	return Filter(c.Seccomp)
}

// closeOnExec marks everything above the child's own 0, 1 and 2, the shim's two included.
func closeOnExec() *Failure {
	const sysCloseRange, cloexec = 436, 1 << 2
	if _, _, errno := syscall.RawSyscall(sysCloseRange, 3, 1<<31-1, cloexec); errno != 0 {
		return failed("close what the child must not inherit", "close_range", errno)
	}
	return nil
}

// NoNewPrivileges makes set-user-ID programs and file capabilities give nothing, to this thread and all that come of it.
func NoNewPrivileges() *Failure {
	const setNoNewPrivs = 38
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return failed("forbid new privileges", "prctl(PR_SET_NO_NEW_PRIVS)", errno)
	}
	return nil
}

// Filter installs a seccomp filter, classic BPF in the machine's own byte order, on this thread. No filter is no
// restriction: the caller decides whether a child may be without.
func Filter(program []byte) *Failure {
	if len(program) == 0 {
		return nil
	}
	const modeFilter, instruction = 2, 8
	prog := struct {
		n    uint16
		code *byte
	}{uint16(len(program) / instruction), &program[0]}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_SECCOMP, modeFilter, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return failed("filter system calls", "prctl(PR_SET_SECCOMP)", errno)
	}
	return nil
}

// restoreCore puts back the limit on core files that the supervisor lowered for itself.
func (c *Config) restoreCore() *Failure {
	if c.Core == nil {
		return nil
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, c.Core); err != nil {
		return failed("restore the limit on core files", "setrlimit", err)
	}
	return nil
}

// restoreSlack puts back the slack of timers that the supervisor changed for a process of its own (prctl(2), PR_SET_TIMERSLACK).
func (c *Config) restoreSlack() *Failure {
	const setTimerSlack = 29
	if c.Slack == 0 {
		return nil
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, uintptr(c.Slack), 0); errno != 0 {
		return failed("restore the slack of timers", "prctl(PR_SET_TIMERSLACK)", errno)
	}
	return nil
}

// ignoreSignals keeps ignored what was so when agentguard was started (nohup, a shell's "&"): Go's runtime took them over.
// The others have their default action again as soon as the command is executed (execve(2)).
func (c *Config) ignoreSignals() *Failure {
	for _, s := range c.Ignore {
		signal.Ignore(s)
	}
	return nil
}
