package sandbox

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"agentguard/run/job"
	"agentguard/run/sandbox/inner"
	"agentguard/run/sandbox/vfork"
)

// namespaces of a box.
const namespaces = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// Capabilities (linux/capability.h) that init needs when it is not root.
var initCapabilities = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_SETPCAP, unix.CAP_SYS_RESOURCE}

// Fork begins to make the namespaces of a box. Nothing is in it before Furnish. Its processes are those of as; nil: of whoever we are.
func Fork(as *User) (*Box, error) {
	if err := unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, &Problem{Step: "keep our files out of the sandbox", Call: "close_range", Err: err}
	}
	ours, theirs, err := controlSockets()
	if err != nil {
		return nil, &Problem{Step: "make a control socket", Call: "socketpair", Err: err}
	}
	conn, err := inner.NewPolled(ours)
	if err != nil {
		syscall.Close(ours)
		syscall.Close(theirs)
		return nil, &Problem{Step: "make a control socket", Call: "fcntl", Err: err}
	}
	b := &Box{conn: conn, network: -1, events: make(chan Event, 16), answers: make(chan frame), dialled: make(chan frame), forked: make(chan struct{}), empty: make(chan struct{}), ended: make(chan struct{})}
	go b.live(theirs, as)
	return b, nil
}

// Forked waits until the namespaces are there. Before that this process must not be made undumpable: the system would not let it
// write its child's maps of users.
func (b *Box) Forked() error {
	<-b.forked
	return b.why
}

func controlSockets() (ours, theirs int, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	return pair[0], pair[1], err
}

// live starts init and waits for it on one thread that is never given back: the parent-death signal comes when the thread
// that forked ends (prctl(2), PR_SET_PDEATHSIG).
func (b *Box) live(control int, as *User) {
	runtime.LockOSThread()
	// A thread of Go's runtime looks after the others every 20 microseconds while there is something to do, and takes the
	// processor from them for it. In init, which mostly waits for the kernel, it may be late (PR_SET_TIMERSLACK is inherited).
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(time.Millisecond), 0, 0, 0)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		b.init, err = forkInit(uintptr(control), null.Fd(), as)
		null.Close()
	}
	syscall.Close(control)
	go b.listen()
	if err != nil {
		b.why = noInit(err, as)
		close(b.forked)
		close(b.ended)
		return
	}
	close(b.forked)
	awaitEnd(b.init)
	b.killing.Lock()
	syscall.Wait4(b.init, nil, 0, nil)
	b.reaped = true
	b.killing.Unlock()
	close(b.ended)
}

// awaitEnd waits for the end of a process, and leaves it to be reaped. Where there are file descriptors for processes (Linux 5.10) it
// holds no processor meanwhile, as NewPolled says.
func awaitEnd(pid int) {
	if fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK); err == nil {
		f := os.NewFile(uintptr(fd), "process")
		if raw, err := f.SyscallConn(); err == nil {
			raw.Read(func(uintptr) bool {
				ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
				n, _ := unix.Poll(ready, 0)
				return n > 0
			})
		}
		f.Close()
	}
	for errors.Is(job.AwaitEnd(pid), syscall.EINTR) {
	}
}

// forkInit starts init: the quick way, or else the one that Go has, which also says what does not work.
func forkInit(control, null uintptr, as *User) (int, error) {
	uid, gid := os.Geteuid(), os.Getegid()
	if as != nil {
		uid, gid = int(as.UID), int(as.GID)
	}
	var caps []uintptr
	if uid != 0 {
		caps = initCapabilities
	}
	argv, env := []string{inner.Name}, append([]string{"GOMAXPROCS=2"}, job.Runtime...)
	if as == nil {
		c := vfork.Command{Path: self, Argv: argv, Env: env, Files: [3]uintptr{control, null, null}, Namespaces: namespaces, UID: uid, GID: gid, Capabilities: caps}
		if pid, err := c.Start(); err == nil {
			return pid, nil
		}
	}
	sys := &syscall.SysProcAttr{
		Cloneflags:  namespaces,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		Pdeathsig:   syscall.SIGKILL, AmbientCaps: caps,
	}
	if as != nil { // without groups, which only who may set them can be rid of
		sys.Credential, sys.GidMappingsEnableSetgroups = &syscall.Credential{Uid: as.UID, Gid: as.GID}, true
	}
	return syscall.ForkExec(self, argv, &syscall.ProcAttr{Dir: "/", Env: env, Files: []uintptr{control, null, null}, Sys: sys})
}

// self is the program that runs.
const self = "/proc/self/exe"
