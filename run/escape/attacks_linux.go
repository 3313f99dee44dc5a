package escape

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox"
)

var systemAttacks = []Attack{
	{"process-memory", "read another process's memory by /proc", sandbox.Filtered, readMemory},
	{"process-environment", "read another process's environment", sandbox.Filtered, func(t *Targets) error { return t.holds(proc(t, "environ")) }},
	{"process-files", "open what another process has open", sandbox.Filtered, listFiles},
	{"ptrace", "attach to another process as a debugger", sandbox.Filtered, attach},
	{"process-vm", "read another process's memory by process_vm_readv", sandbox.Filtered, readVM},
	{"process-descriptor", "take a descriptor out of another process", sandbox.Filtered, takeDescriptor},
	{"abstract-socket", "speak to a program of the user's by an abstract socket", sandbox.Filtered, connect("unix", func(t *Targets) string { return t.Abstract })},
	{"multipath-tcp", "connect by multipath TCP", sandbox.Filtered, multipath},
	{"tcp-fast-open", "connect by sending, with TCP Fast Open", sandbox.Filtered, fastOpen},
	{"io-uring", "make a ring, whose calls no filter sees", sandbox.Filtered, ring},
	{"raw-socket", "make a raw or packet socket", sandbox.Filtered, socket([3]int{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, [3]int{unix.AF_PACKET, unix.SOCK_RAW, 0}, [3]int{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP})},
	{"vsock", "make a socket to the hypervisor", sandbox.Filtered, socket([3]int{unix.AF_VSOCK, unix.SOCK_STREAM, 0})},
	{"af-alg", "make a socket to the kernel's cryptography", sandbox.Filtered, socket([3]int{unix.AF_ALG, unix.SOCK_SEQPACKET, 0})},
	{"netlink", "make sockets to other parts of the kernel", sandbox.Filtered, socket([3]int{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM}, [3]int{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER})},
	{"session-keyring", "read a key of the session keyring", sandbox.Filtered, readKey},
	{"type-at-terminal", "type at the terminal in the user's place (TIOCSTI)", sandbox.Filtered, typeAtTerminal},
	{"other-terminal", "write to another terminal of the user's", sandbox.Sealed, otherTerminal},
	{"user-namespace", "make a user namespace, and have the kernel's rarely used parts to attack", sandbox.Filtered, namespace},
	{"kernel-interfaces", "use bpf, perf_event_open or userfaultfd", sandbox.Filtered, kernelInterfaces},
	{"files-by-handle", "open a secret by its handle instead of its path", sandbox.Filtered, byHandle},
	{"foreign-calls", "make system calls as a 32-bit program, past the filter", sandbox.Filtered, foreignCalls},
	{"set-user-id", "gain rights by a set-user-ID program", sandbox.Filtered, setUserID},
	{"leave-set-user-id", "leave a program that gives others this user's rights", sandbox.Filtered, leaveSetUserID},
	{"scheduled-job", "have cron, at or systemd start something later", sandbox.Sealed, schedule},
}

func proc(t *Targets, file string) string { return "/proc/" + strconv.Itoa(t.Pid) + "/" + file }

func readMemory(t *Targets) error {
	f, err := os.Open(proc(t, "mem"))
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, len(t.Canary))
	if _, err := f.ReadAt(buf, int64(t.Address)); err != nil {
		return err
	}
	return t.has(bytes.NewReader(buf))
}

func listFiles(t *Targets) error {
	names, err := os.ReadDir(proc(t, "fd"))
	if err != nil {
		return err
	}
	for _, n := range names {
		file := proc(t, "fd/"+n.Name())
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && t.holds(file) == nil {
			return nil
		}
	}
	return errNothing
}

func attach(t *Targets) error {
	runtime.LockOSThread()
	return unix.PtraceSeize(t.Pid) // the end of this process lets it go
}

func readVM(t *Targets) error {
	buf := make([]byte, len(t.Canary))
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(len(buf))
	if _, err := unix.ProcessVMReadv(t.Pid, local, []unix.RemoteIovec{{Base: uintptr(t.Address), Len: len(buf)}}, 0); err != nil {
		return err
	}
	return t.has(bytes.NewReader(buf))
}

func takeDescriptor(t *Targets) error {
	pidfd, err := unix.PidfdOpen(t.Pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	for fd := range 16 {
		var got int
		if got, err = unix.PidfdGetfd(pidfd, fd, 0); err == nil {
			return unix.Close(got)
		}
	}
	return err
}

// target is TCP4 as the system has it.
func target(t *Targets) (*unix.SockaddrInet4, error) {
	a, err := net.ResolveTCPAddr("tcp4", t.TCP4)
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}, nil
}

func multipath(t *Targets) error {
	to, err := target(t)
	if err != nil {
		return err
	}
	const ipprotoMPTCP = 262
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, ipprotoMPTCP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, to)
}

func fastOpen(t *Targets) error {
	to, err := target(t)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte("?"), unix.MSG_FASTOPEN, to); err != nil {
		return err
	}
	return t.has(os.NewFile(uintptr(fd), "connection"))
}

func ring(*Targets) error {
	var params [120]byte // struct io_uring_params
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

// socket has worked when one of the kinds could be made.
func socket(kinds ...[3]int) func(*Targets) error {
	return func(*Targets) (err error) {
		for _, k := range kinds {
			var fd int
			if fd, err = unix.Socket(k[0], k[1], k[2]); err == nil {
				return unix.Close(fd)
			}
		}
		return err
	}
}

const keyName = "agentguard-escape-test"

func readKey(t *Targets) error {
	key, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", keyName, 0)
	if err != nil {
		return err
	}
	buf := make([]byte, 256)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, key, buf, 0)
	if err != nil {
		return err
	}
	return t.has(bytes.NewReader(buf[:min(n, len(buf))]))
}

// typeAtTerminal makes a terminal of its own and takes it, in a process of its own: it is the call that must not work.
func typeAtTerminal(*Targets) error {
	master, slave, err := openTerminal()
	if err != nil {
		return err
	}
	defer master.Close()
	defer slave.Close()
	signal.Ignore(unix.SIGHUP) // which comes when the terminal goes
	if _, err := unix.Setsid(); err != nil && !errors.Is(err, unix.EPERM) {
		return err
	}
	if err := unix.IoctlSetInt(int(slave.Fd()), unix.TIOCSCTTY, 0); err != nil {
		return err
	}
	key := byte('x')
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, slave.Fd(), unix.TIOCSTI|1<<40, uintptr(unsafe.Pointer(&key))) // the kernel takes 32 bits
	if errno != 0 {
		return errno
	}
	return nil
}

// openTerminal makes a pair (pty(7)).
func openTerminal() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

func otherTerminal(t *Targets) error {
	if t.Terminal == "" {
		return errors.New("there is none here")
	}
	f, err := os.OpenFile(t.Terminal, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if t.TerminalDevice != 0 { // inside of a namespace it may be another one of that name
		var stat unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &stat); err != nil || stat.Dev != t.TerminalDevice {
			return errors.New("it is another terminal of that name")
		}
	}
	_, err = f.WriteString(".")
	return err
}

func namespace(*Targets) error {
	cmd := exec.Command("/bin/sh", "-c", ":") // not ourselves: where the attacker is a test, that is all tests of its package anew
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		return err
	}
	cmd.Wait()
	return nil
}

func kernelInterfaces(*Targets) error {
	var attr [128]byte
	*(*uint32)(unsafe.Pointer(&attr[0])) = 2 // BPF_MAP_TYPE_ARRAY, of one entry
	*(*[3]uint32)(unsafe.Pointer(&attr[4])) = [3]uint32{4, 4, 1}
	calls := []struct {
		name string
		do   func() (uintptr, unix.Errno)
	}{
		{"bpf", func() (uintptr, unix.Errno) {
			fd, _, e := unix.Syscall(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attr)), 128)
			return fd, e
		}},
		{"perf_event_open", func() (uintptr, unix.Errno) {
			fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: unix.PERF_ATTR_SIZE_VER1}, 0, -1, -1, 0)
			errno, _ := err.(unix.Errno)
			return uintptr(fd), errno
		}},
		{"userfaultfd", func() (uintptr, unix.Errno) {
			fd, _, e := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|1, 0, 0) // UFFD_USER_MODE_ONLY
			return fd, e
		}},
	}
	var last error
	for _, c := range calls {
		fd, errno := c.do()
		if errno == 0 {
			return unix.Close(int(fd))
		}
		last = fmt.Errorf("%s: %w", c.name, errno)
	}
	return last
}

func byHandle(t *Targets) error {
	var last error = errNothing
	for _, file := range t.Secrets {
		h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, file, 0)
		if err != nil {
			last = err
			continue
		}
		mount, err := os.Open(t.Work)
		if err != nil {
			return err
		}
		defer mount.Close()
		fd, err := unix.OpenByHandleAt(int(mount.Fd()), h, unix.O_RDONLY)
		if last = err; err == nil {
			return t.has(os.NewFile(uintptr(fd), "secret"))
		}
	}
	return last
}

// setUserID asks programs of the system for what they can only tell with rights that this user does not have.
func setUserID(*Targets) error {
	if os.Geteuid() == 0 {
		return errors.New("root has these rights already")
	}
	cmd := exec.Command("passwd", "-S")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err == nil && len(bytes.Fields(out)) <= 2 {
		return errors.New("it knows no more than everybody does")
	}
	return err
}

// leaveSetUserID makes one by the three ways that there are, and takes it back.
func leaveSetUserID(*Targets) error {
	dir, err := os.MkdirTemp("", "escape-test")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := dir + "/program"
	if fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, unix.S_ISUID|0o700); err == nil {
		return unix.Close(fd)
	}
	how := unix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC, Mode: unix.S_ISUID | 0o700}
	if fd, err := unix.Openat2(unix.AT_FDCWD, path, &how); err == nil {
		return unix.Close(fd)
	}
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		return err
	}
	return unix.Chmod(path, unix.S_ISUID|0o700)
}

// schedule has worked when a service that starts things later takes an order, which is taken back, or lets its table be seen:
// who may do that may change it.
func schedule(*Targets) error {
	const unit = "agentguard-escape-test"
	err := exec.Command("systemd-run", "--user", "--on-active=1d", "--unit="+unit, "true").Run()
	if err == nil {
		return exec.Command("systemctl", "--user", "stop", unit+".timer").Run()
	}
	out, err := exec.Command("crontab", "-l").CombinedOutput()
	if bytes.Contains(out, []byte("no crontab for")) {
		return nil
	}
	return err
}
