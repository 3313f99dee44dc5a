package vfork

import (
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox/vfork/limit"
)

// program is what the child does: one system call after the other. The last executes something; one that fails ends it.
type program struct {
	calls []call
	keep  []unsafe.Pointer // what the calls point to
}

// call is a system call. The layout is that of start.
type call struct {
	number uintptr
	args   [5]uintptr
	result uintptr
}

// pending is the result of a call that was not made, which none has.
const pending = 1 << 62

// cloneArgs are those of clone3 (clone(2), struct clone_args), of which most are zero.
type cloneArgs struct {
	flags      uint64
	_          [3]uint64
	exitSignal uint64
	_          [3]uint64
}

func start(args *cloneArgs, size uintptr, first *call) (pid uintptr)

// failure gives the errno of what a system call has returned; 0: none.
func failure(result uintptr) syscall.Errno {
	if result > ^uintptr(4095) {
		return syscall.Errno(-result)
	}
	return 0
}

func (p *program) do(number uintptr, args ...uintptr) {
	c := call{number: number, result: pending}
	copy(c.args[:], args)
	p.calls = append(p.calls, c)
}

// at gives the address of what stays where it is for as long as p is there.
func (p *program) at(what unsafe.Pointer) uintptr {
	p.keep = append(p.keep, what)
	return uintptr(what)
}

func (p *program) text(s string) uintptr {
	b := append([]byte(s), 0)
	return p.at(unsafe.Pointer(&b[0]))
}

// list is an array of texts, as execve takes it.
func (p *program) list(texts []string) uintptr {
	pointers := make([]uintptr, len(texts)+1)
	for i, s := range texts {
		pointers[i] = p.text(s)
	}
	return p.at(unsafe.Pointer(&pointers[0]))
}

// write has the child write a file of its own.
func (p *program) write(path, content string) {
	const fd = 3 // the first that is free
	here := unix.AT_FDCWD
	p.do(unix.SYS_OPENAT, uintptr(here), p.text(path), unix.O_WRONLY)
	p.do(unix.SYS_WRITE, fd, p.text(content), uintptr(len(content)))
	p.do(unix.SYS_CLOSE, fd)
}

// Start starts the command, which is killed when the thread ends that starts it. That thread waits meanwhile, so nothing must stop its
// child before it executes: a terminal cannot, since signals do to the first process of a namespace only what it has asked
// for (pid_namespaces(7)), and that is nothing; SIGSTOP could.
func (c *Command) Start() (pid int, err error) {
	p := &program{}
	for i, fd := range c.Files {
		p.do(unix.SYS_DUP3, fd, uintptr(i), 0)
	}
	p.do(unix.SYS_CLOSE_RANGE, 3, 1<<31-1, 0)
	p.write("/proc/self/setgroups", "deny")
	p.write("/proc/self/uid_map", same(c.UID))
	p.write("/proc/self/gid_map", same(c.GID))
	if len(c.Capabilities) > 0 {
		p.hold(c.Capabilities)
	}
	if limit.Files[1] > 0 {
		p.do(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, p.at(unsafe.Pointer(&limit.Files)), 0)
	}
	p.do(unix.SYS_CHDIR, p.text("/"))
	p.do(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL))
	p.do(unix.SYS_EXECVE, p.text(c.Path), p.list(c.Argv), p.list(c.Env))
	args := &cloneArgs{flags: uint64(c.Namespaces) | unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_CLEAR_SIGHAND, exitSignal: uint64(unix.SIGCHLD)}
	result := start(args, unsafe.Sizeof(*args), &p.calls[0])
	runtime.KeepAlive(p)
	if errno := failure(result); errno != 0 {
		return 0, errno
	}
	if errno := p.outcome(); errno != 0 {
		for _, err := unix.Wait4(int(result), nil, 0, nil); err == unix.EINTR; _, err = unix.Wait4(int(result), nil, 0, nil) {
		}
		return 0, errno
	}
	return int(result), nil
}

// outcome is why the last call was not reached, or did not return since it did what it should: 0. Where it was reached and the child
// was killed in it, nobody can tell.
func (p *program) outcome() syscall.Errno {
	for i, c := range p.calls {
		if errno := failure(c.result); errno != 0 {
			return errno
		}
		if c.result == pending && i < len(p.calls)-1 {
			return syscall.ECANCELED
		}
	}
	return 0
}

// same is the line of a map that has one id, which is the same on both sides (user_namespaces(7)).
func same(id int) string {
	s := strconv.Itoa(id)
	return s + " " + s + " 1"
}

// hold has the child keep capabilities, and no others, when it executes something as another user than root (capabilities(7), "Ambient").
func (p *program) hold(caps []uintptr) {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := new([2]unix.CapUserData)
	for _, c := range caps {
		d := &data[c/32]
		d.Effective |= 1 << (c % 32)
		d.Permitted, d.Inheritable = d.Effective, d.Effective
	}
	p.do(unix.SYS_CAPSET, p.at(unsafe.Pointer(header)), p.at(unsafe.Pointer(data)))
	for _, c := range caps {
		p.do(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c)
	}
}
