//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// What the filter answers. Where a program has another way and looks at the errno before it takes it, it is the errno by
// which the kernel itself says that it cannot do this.
const (
	allow        = unix.SECCOMP_RET_ALLOW
	kill         = unix.SECCOMP_RET_KILL_PROCESS
	forbidden    = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknownCall  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	noFamily     = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
	noProtocol   = unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT)
	noFastOpen   = unix.SECCOMP_RET_ERRNO | uint32(unix.EOPNOTSUPP)
	noLayer      = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOENT)
	newSpaces    = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	newTimeSpace = unix.CLONE_NEWTIME // unshare alone: for clone this bit is of the signal
)

// refused are calls that no program of an agent needs, and that reach past what confines it: other processes' memory, the
// keyrings, files by handle instead of by path, sockets by a ring that no filter sees, and the parts of the kernel in which
// such holes are found most often. ptrace is not among them: Landlock allows it within the run alone, which is what
// debuggers need.
var refused = []uint32{
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_PIDFD_GETFD, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_VHANGUP,
}

// missing are calls that programs try and then do without. The flags of clone3 stand in memory, where a filter cannot look.
var missing = []uint32{
	unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_OPENAT2, // whose modes are in memory too
}

// nesting are what a sandbox within ours is built with.
var nesting = []uint32{
	unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR,
	unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
}

// setDelegation is F_SETDELEG of linux/fcntl.h, from Linux 6.19 on: a lease of a directory.
const setDelegation = 1040

// typing are the requests by which a terminal takes what a program says for what its user typed. The other one is TIOCLINUX
// (ioctl_console(2)), which among others pastes the selection.
var typing = []uint32{unix.TIOCSTI, 0x541c}

// disciplining has a terminal go by another protocol (ioctl_tty(2)), as modems and radios did: the system loads the code for it, in which
// holes are found.
var disciplining = []uint32{unix.TIOCSETD}

// snapshotting are those by which whoever owns a subvolume gets a copy of it, as a directory of its own: without the mounts that cover
// something in it, and below what may be read. BTRFS_IOC_SNAP_CREATE (linux/btrfs.h) and bcachefs's
// BCH_IOCTL_SUBVOLUME_CREATE, each in its two versions.
var snapshotting = []uint32{0x50009401, 0x50009417, 0x4020bc10, 0x4030bc1d}

// Filter makes the filter of system calls for this processor, for shim.Config.Seccomp.
func Filter(c Calls) ([]byte, error) {
	p := code(load(offArch), unless(nativeArch, ret(kill)), load(offNumber), foreignCalls())
	// Those whose arguments are looked at come first: the kernel knows of the others in advance that they pass.
	p = code(p,
		on(unix.SYS_OPENAT, creates(2, 3)), modes(unix.SYS_FCHMOD, 1), modes(unix.SYS_FCHMODAT, 2), modes(unix.SYS_FCHMODAT2, 2), modes(unix.SYS_MKNODAT, 2), modesHere(),
		on(unix.SYS_IOCTL, requests(slices.Concat(typing, disciplining, snapshotting))),
		on(unix.SYS_FCNTL, code(loadArg(1), when(unix.F_SETLEASE, ret(forbidden)), when(setDelegation, ret(forbidden)), ret(allow))), // whoever opens the file waits
		on(unix.SYS_PRLIMIT64, othersLimits()),
		on(unix.SYS_SENDTO, fastOpen(3)), on(unix.SYS_SENDMSG, fastOpen(2)), on(unix.SYS_SENDMMSG, fastOpen(3)),
		on(unix.SYS_SETSOCKOPT, layers()),
		on(unix.SYS_SOCKET, sockets(c.UDP)),
		on(unix.SYS_SOCKETPAIR, code(loadArg(0), when(unix.AF_UNIX, ret(allow)), ret(noFamily))))
	if !c.Nested {
		p = code(p,
			on(unix.SYS_CLONE, code(loadArg(0), whenAny(newSpaces, ret(forbidden)), ret(allow))),
			on(unix.SYS_UNSHARE, code(loadArg(0), whenAny(newSpaces|newTimeSpace, ret(forbidden)), ret(allow))))
		p = code(p, answer(nesting, forbidden))
	}
	p = code(p, answer(missing, unknownCall), answer(refused, forbidden), answer(refusedHere, forbidden), ret(allow))
	return p.bytes(), nil
}

// terminalFilter forbids nothing but to type at the terminal in the place of who lent it. For 32-bit programs ioctl has another
// number, the same one for both processors.
func terminalFilter() ([]byte, error) {
	const ioctl32 = 54
	foreign := code(load(offNumber), on(ioctl32, requests(typing)), ret(allow))
	return code(load(offArch), unless(nativeArch, foreign), load(offNumber), foreignCalls(), on(unix.SYS_IOCTL, requests(typing)), ret(allow)).bytes(), nil
}

// sockets allows local sockets, those of TCP, and the netlink socket by which a program learns its addresses. Multipath TCP
// and the datagram and raw kinds are not held by Landlock's rule on ports; other families reach the hypervisor (vsock), the
// kernel's cryptography (alg) and worse.
func sockets(udp bool) program {
	const typeMask = 0xf // SOCK_TYPE_MASK (linux/net.h): the flags above it do not matter
	protocol := func(only uint32) program {
		return code(loadArg(2), when(0, ret(allow)), when(only, ret(allow)), ret(noProtocol))
	}
	internet := code(loadArg(1), and(typeMask), when(unix.SOCK_STREAM, protocol(unix.IPPROTO_TCP)))
	if udp {
		internet = code(internet, when(unix.SOCK_DGRAM, protocol(unix.IPPROTO_UDP)))
	}
	internet = code(internet, ret(noProtocol))
	return code(loadArg(0),
		when(unix.AF_UNIX, ret(allow)), when(unix.AF_INET, internet), when(unix.AF_INET6, internet),
		when(unix.AF_NETLINK, code(loadArg(2), when(unix.NETLINK_ROUTE, ret(allow)), ret(noProtocol))),
		ret(noFamily))
}

// fastOpen refuses the flag by which a send connects, which no rule on connect sees. The setsockopt of that name is another
// thing: there it is connect that connects.
func fastOpen(flags int) program {
	return code(loadArg(flags), whenAny(unix.MSG_FASTOPEN, ret(noFastOpen)), ret(allow))
}

// layers refuses to put a protocol on top of TCP in the kernel: by one of them a socket becomes another kind, SMC, of whose connections
// Landlock knows nothing, and that for TLS has had many holes. Programs do TLS themselves where the kernel does not.
func layers() program {
	return code(loadArg(1), unless(unix.IPPROTO_TCP, ret(allow)), loadArg(2), when(unix.TCP_ULP, ret(noLayer)), ret(allow))
}

// othersLimits refuses to set limits of a process that is named: by that of processor time any of the user's is ended, which no rule on
// signals sees.
func othersLimits() program {
	const newLimit = 2
	return code(loadArg(0), when(0, ret(allow)), loadArg(newLimit), unless(0, ret(forbidden)), load(offArgs+8*newLimit+4), unless(0, ret(forbidden)), ret(allow))
}

// modes refuses to make a program set-user-ID: whoever else uses the machine would have the rights of whom the command runs as, root's perhaps,
// outside of what confines it and after it has ended. Of a mode the kernel takes the low 16 bits.
func modes(call uint32, arg int) program { return on(call, code(loadArg(arg), setsUser(), ret(allow))) }

func setsUser() program { return whenAny(unix.S_ISUID, ret(forbidden)) }

// creates is modes for who opens a file: only one that may be made has a mode.
func creates(flags, mode int) program {
	const makes = unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY
	return code(loadArg(flags), whenAny(makes, code(loadArg(mode), setsUser(), ret(allow))), ret(allow))
}

// requests refuses some of ioctl's. The kernel takes their low 32 bits, and so does loadArg.
func requests(refused []uint32) program {
	return code(loadArg(1), answer(refused, forbidden), ret(allow))
}

// Below is an assembler for what a seccomp filter is made of: classic BPF over struct seccomp_data (linux/seccomp.h).

// program is a piece of a filter. Control enters at its first instruction; it ends with an answer, or goes on behind its last.
type program []unix.SockFilter

const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

func load(offset uint32) program {
	return program{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}}
}

// loadArg loads the low half of an argument; both processors are little-endian.
func loadArg(n int) program { return load(offArgs + 8*uint32(n)) }

func and(mask uint32) program {
	return program{{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask}}
}

func ret(answer uint32) program { return program{{Code: unix.BPF_RET | unix.BPF_K, K: answer}} }

// when does then if what was loaded is k. As a jump reaches 255 instructions at most, then has no more.
func when(k uint32, then program) program { return jump(unix.BPF_JEQ, k, 0, then) }

// unless does then if what was loaded is not k.
func unless(k uint32, then program) program { return jump(unix.BPF_JEQ, k, 1, then) }

// whenAny does then if what was loaded has any of these bits.
func whenAny(bits uint32, then program) program { return jump(unix.BPF_JSET, bits, 0, then) }

// jump enters then if the test's outcome is true (0) or false (1), and passes over it otherwise.
//
//go:noinline
func jump(test uint16, k uint32, outcome int, then program) program {
	j := unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k}
	over := uint8(len(then))
	if outcome == 0 {
		j.Jf = over
	} else {
		j.Jt = over
	}
	return append(program{j}, then...)
}

// on answers one system call; its number must be what was loaded last, and then must end with an answer.
func on(number uint32, then program) program { return when(number, then) }

// answer gives one answer to many calls.
func answer(numbers []uint32, a uint32) program {
	var p program
	for _, n := range numbers {
		p = append(p, when(n, ret(a))...)
	}
	return p
}

func code(parts ...program) program { return slices.Concat(parts...) }

func (p program) bytes() []byte {
	var b []byte
	for _, i := range p {
		b = binary.NativeEndian.AppendUint16(b, i.Code)
		b = binary.NativeEndian.AppendUint32(append(b, i.Jt, i.Jf), i.K)
	}
	return b
}
