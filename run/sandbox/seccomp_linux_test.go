//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// machine runs a filter as the kernel does. The library's machine reads packets, whose byte order is the network's: each
// word of seccomp_data is laid out that way.
func machine(t testing.TB, c Calls) func(arch, number uint32, args ...uint64) uint32 {
	t.Helper()
	filter, err := Filter(c)
	if err != nil {
		t.Fatal(err)
	}
	return machineOf(t, filter)
}

func machineOf(t testing.TB, filter []byte) func(arch, number uint32, args ...uint64) uint32 {
	t.Helper()
	var raw []bpf.RawInstruction
	for i := 0; i < len(filter); i += 8 {
		raw = append(raw, bpf.RawInstruction{
			Op: binary.NativeEndian.Uint16(filter[i:]), Jt: filter[i+2], Jf: filter[i+3], K: binary.NativeEndian.Uint32(filter[i+4:]),
		})
	}
	code, whole := bpf.Disassemble(raw)
	if !whole {
		t.Fatal("not a filter")
	}
	vm, err := bpf.NewVM(code)
	if err != nil {
		t.Fatal(err)
	}
	return func(arch, number uint32, args ...uint64) uint32 {
		data := make([]byte, 64)
		binary.BigEndian.PutUint32(data[0:], number)
		binary.BigEndian.PutUint32(data[4:], arch)
		for i, a := range args {
			binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
			binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
		}
		answer, err := vm.Run(data)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(answer)
	}
}

func TestTerminalFilter(t *testing.T) {
	filter, err := terminalFilter()
	if err != nil {
		t.Fatal(err)
	}
	run := machineOf(t, filter)
	const anyOther, foreign, ioctl32 = unix.TIOCGWINSZ, unix.AUDIT_ARCH_I386, 54
	for _, c := range []struct {
		arch, number uint32
		request      uint64
		want         uint32
	}{
		{nativeArch, unix.SYS_IOCTL, unix.TIOCSTI, forbidden}, {nativeArch, unix.SYS_IOCTL, unix.TIOCSTI | 1<<40, forbidden}, {nativeArch, unix.SYS_IOCTL, 0x541c, forbidden},
		{nativeArch, unix.SYS_IOCTL, anyOther, allow}, {nativeArch, unix.SYS_READ, unix.TIOCSTI, allow},
		{foreign, ioctl32, unix.TIOCSTI, forbidden}, {foreign, ioctl32, anyOther, allow}, {foreign, 3, unix.TIOCSTI, allow},
	} {
		if got := run(c.arch, c.number, 0, c.request); got != c.want {
			t.Errorf("%+v: %#x", c, got)
		}
	}
	if got := run(unix.AUDIT_ARCH_X86_64, 0x40000000|514, 0, unix.TIOCSTI); got == allow && nativeArch == unix.AUDIT_ARCH_X86_64 {
		t.Error("x32 passes")
	}
}

func TestFilterAnswers(t *testing.T) {
	const high = 0xdead_0000_0000_0000 // the kernel does not look there
	in4, in6, stream, dgram := uint64(unix.AF_INET), uint64(unix.AF_INET6), uint64(unix.SOCK_STREAM), uint64(unix.SOCK_DGRAM)
	flags := uint64(unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK)
	for _, c := range []struct {
		name   string
		number uint32
		args   []uint64
		want   uint32
		nested uint32 // what it is with Nested; 0: the same
		udp    uint32 // what it is with UDP; 0: the same
	}{
		{name: "read", number: unix.SYS_READ, want: allow},
		{name: "ptrace", number: unix.SYS_PTRACE, want: allow},
		{name: "execve", number: unix.SYS_EXECVE, want: allow},
		{name: "seccomp", number: unix.SYS_SECCOMP, want: allow},

		{name: "tcp", number: unix.SYS_SOCKET, args: []uint64{in4, stream, 0}, want: allow},
		{name: "tcp by number", number: unix.SYS_SOCKET, args: []uint64{in4, stream | flags, 6}, want: allow},
		{name: "tcp6", number: unix.SYS_SOCKET, args: []uint64{in6 | high, stream | high, 6 | high}, want: allow},
		{name: "mptcp", number: unix.SYS_SOCKET, args: []uint64{in4, stream | flags, 262}, want: noProtocol},
		{name: "mptcp6", number: unix.SYS_SOCKET, args: []uint64{in6, stream, 262 | high}, want: noProtocol},
		{name: "sctp", number: unix.SYS_SOCKET, args: []uint64{in4, stream, 132}, want: noProtocol},
		{name: "smc", number: unix.SYS_SOCKET, args: []uint64{in4, stream, 256}, want: noProtocol},
		{name: "udp", number: unix.SYS_SOCKET, args: []uint64{in4, dgram | flags, 0}, want: noProtocol, udp: allow},
		{name: "udp6", number: unix.SYS_SOCKET, args: []uint64{in6, dgram, 17}, want: noProtocol, udp: allow},
		{name: "udp lite", number: unix.SYS_SOCKET, args: []uint64{in4, dgram, 136}, want: noProtocol},
		{name: "ping", number: unix.SYS_SOCKET, args: []uint64{in4, dgram, 1}, want: noProtocol},
		{name: "tcp as a datagram", number: unix.SYS_SOCKET, args: []uint64{in4, dgram, 6}, want: noProtocol},
		{name: "udp as a stream", number: unix.SYS_SOCKET, args: []uint64{in4, stream, 17}, want: noProtocol},
		{name: "raw", number: unix.SYS_SOCKET, args: []uint64{in4, unix.SOCK_RAW, 255}, want: noProtocol},
		{name: "raw6", number: unix.SYS_SOCKET, args: []uint64{in6, unix.SOCK_RAW | flags, 58}, want: noProtocol},
		{name: "dccp", number: unix.SYS_SOCKET, args: []uint64{in4, unix.SOCK_DCCP, 33}, want: noProtocol},
		{name: "seqpacket", number: unix.SYS_SOCKET, args: []uint64{in4, unix.SOCK_SEQPACKET, 132}, want: noProtocol},
		{name: "unix", number: unix.SYS_SOCKET, args: []uint64{unix.AF_UNIX, dgram, 0}, want: allow},
		{name: "netlink", number: unix.SYS_SOCKET, args: []uint64{unix.AF_NETLINK, unix.SOCK_RAW | flags, unix.NETLINK_ROUTE}, want: allow},
		{name: "netlink audit", number: unix.SYS_SOCKET, args: []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT}, want: noProtocol},
		{name: "packet", number: unix.SYS_SOCKET, args: []uint64{unix.AF_PACKET, unix.SOCK_RAW, 0}, want: noFamily},
		{name: "vsock", number: unix.SYS_SOCKET, args: []uint64{unix.AF_VSOCK, stream, 0}, want: noFamily},
		{name: "alg", number: unix.SYS_SOCKET, args: []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, want: noFamily},
		{name: "bluetooth", number: unix.SYS_SOCKET, args: []uint64{unix.AF_BLUETOOTH, stream, 0}, want: noFamily},
		{name: "smc family", number: unix.SYS_SOCKET, args: []uint64{unix.AF_SMC, stream, 0}, want: noFamily},
		{name: "xdp", number: unix.SYS_SOCKET, args: []uint64{unix.AF_XDP, unix.SOCK_RAW, 0}, want: noFamily},
		{name: "no family", number: unix.SYS_SOCKET, args: []uint64{0, stream, 0}, want: noFamily},
		{name: "a pair", number: unix.SYS_SOCKETPAIR, args: []uint64{unix.AF_UNIX | high, stream, 0}, want: allow},
		{name: "a pair of tipc", number: unix.SYS_SOCKETPAIR, args: []uint64{unix.AF_TIPC, stream, 0}, want: noFamily},

		{name: "sendto", number: unix.SYS_SENDTO, args: []uint64{3, 0, 0, unix.MSG_NOSIGNAL, 0, 0}, want: allow},
		{name: "sendto, fast open", number: unix.SYS_SENDTO, args: []uint64{3, 0, 0, unix.MSG_NOSIGNAL | unix.MSG_FASTOPEN, 0, 0}, want: noFastOpen},
		{name: "sendmsg, fast open", number: unix.SYS_SENDMSG, args: []uint64{3, 0, unix.MSG_FASTOPEN | high}, want: noFastOpen},
		{name: "sendmsg", number: unix.SYS_SENDMSG, args: []uint64{3, unix.MSG_FASTOPEN, 0}, want: allow},
		{name: "sendmmsg, fast open", number: unix.SYS_SENDMMSG, args: []uint64{3, 0, 1, unix.MSG_FASTOPEN}, want: noFastOpen},

		{name: "ioctl", number: unix.SYS_IOCTL, args: []uint64{0, unix.TCGETS}, want: allow},
		{name: "TIOCSTI", number: unix.SYS_IOCTL, args: []uint64{0, unix.TIOCSTI}, want: forbidden},
		{name: "TIOCSETD", number: unix.SYS_IOCTL, args: []uint64{0, unix.TIOCSETD}, want: forbidden},
		{name: "TIOCSTI with high bits", number: unix.SYS_IOCTL, args: []uint64{0, unix.TIOCSTI | high}, want: forbidden},
		{name: "TIOCLINUX", number: unix.SYS_IOCTL, args: []uint64{0, 0x541c | 1<<32}, want: forbidden},
		{name: "a snapshot", number: unix.SYS_IOCTL, args: []uint64{3, 0x50009401 | high}, want: forbidden},
		{name: "a snapshot, version 2", number: unix.SYS_IOCTL, args: []uint64{3, 0x50009417}, want: forbidden},
		{name: "a new subvolume", number: unix.SYS_IOCTL, args: []uint64{3, 0x5000940e}, want: allow},

		{name: "to open", number: unix.SYS_OPENAT, args: []uint64{3, 0, unix.O_RDWR | unix.O_DIRECTORY, 0o4755}, want: allow},
		{name: "to make", number: unix.SYS_OPENAT, args: []uint64{3, 0, unix.O_CREAT, 0o3777}, want: allow},
		{name: "to make set-user-ID", number: unix.SYS_OPENAT, args: []uint64{3, 0, unix.O_CREAT | high, 0o4755 | high}, want: forbidden},
		{name: "to make so without a name", number: unix.SYS_OPENAT, args: []uint64{3, 0, unix.O_TMPFILE | unix.O_RDWR, 0o4700}, want: forbidden},
		{name: "to open by a structure", number: unix.SYS_OPENAT2, want: unknownCall},
		{name: "a mode", number: unix.SYS_FCHMODAT, args: []uint64{3, 0, 0o2755}, want: allow},
		{name: "set-user-ID", number: unix.SYS_FCHMODAT, args: []uint64{3, 0, 0o4755 | high}, want: forbidden},
		{name: "set-user-ID by descriptor", number: unix.SYS_FCHMOD, args: []uint64{3, 0o6000}, want: forbidden},
		{name: "set-user-ID, the newer call", number: unix.SYS_FCHMODAT2, args: []uint64{3, 0, 0o4000, unix.AT_EMPTY_PATH}, want: forbidden},
		{name: "a node set-user-ID", number: unix.SYS_MKNODAT, args: []uint64{3, 0, unix.S_IFREG | 0o4755, 0}, want: forbidden},

		{name: "fcntl", number: unix.SYS_FCNTL, args: []uint64{3, unix.F_SETFL | high, unix.F_SETLEASE}, want: allow},
		{name: "a lease", number: unix.SYS_FCNTL, args: []uint64{3, unix.F_SETLEASE | high, unix.F_WRLCK}, want: forbidden},
		{name: "a delegation", number: unix.SYS_FCNTL, args: []uint64{3, setDelegation | high, 0x7fff_0000_1000}, want: forbidden},
		{name: "an option of TCP", number: unix.SYS_SETSOCKOPT, args: []uint64{3, unix.IPPROTO_TCP, unix.TCP_NODELAY}, want: allow},
		{name: "a layer over TCP", number: unix.SYS_SETSOCKOPT, args: []uint64{3, unix.IPPROTO_TCP | high, unix.TCP_ULP | high}, want: noLayer},
		{name: "another level's option of that number", number: unix.SYS_SETSOCKOPT, args: []uint64{3, unix.SOL_SOCKET, unix.TCP_ULP}, want: allow},
		{name: "limits", number: unix.SYS_PRLIMIT64, args: []uint64{high, unix.RLIMIT_CPU, 0x7fff_0000_1000, 0}, want: allow},
		{name: "another's limits", number: unix.SYS_PRLIMIT64, args: []uint64{1, unix.RLIMIT_CPU, 0x7fff_0000_1000, 0}, want: forbidden},
		{name: "another's limits, from a round address", number: unix.SYS_PRLIMIT64, args: []uint64{1, unix.RLIMIT_CPU, 0x7fff_0000_0000, 0}, want: forbidden},
		{name: "another's limits, read", number: unix.SYS_PRLIMIT64, args: []uint64{1, unix.RLIMIT_CPU, 0, 0x7fff_0000_1000}, want: allow},

		{name: "fork", number: unix.SYS_CLONE, args: []uint64{unix.CLONE_CHILD_SETTID | unix.CLONE_CHILD_CLEARTID | uint64(unix.SIGCHLD)}, want: allow},
		{name: "a thread", number: unix.SYS_CLONE, args: []uint64{unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD}, want: allow},
		{name: "a user namespace", number: unix.SYS_CLONE, args: []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, want: forbidden, nested: allow},
		{name: "a network", number: unix.SYS_CLONE, args: []uint64{unix.CLONE_NEWNET | high}, want: forbidden, nested: allow},
		{name: "clone3", number: unix.SYS_CLONE3, want: unknownCall},
		{name: "unshare files", number: unix.SYS_UNSHARE, args: []uint64{unix.CLONE_FILES}, want: allow},
		{name: "unshare user", number: unix.SYS_UNSHARE, args: []uint64{unix.CLONE_NEWUSER | unix.CLONE_NEWNS}, want: forbidden, nested: allow},
		{name: "unshare time", number: unix.SYS_UNSHARE, args: []uint64{unix.CLONE_NEWTIME}, want: forbidden, nested: allow},
		{name: "setns", number: unix.SYS_SETNS, want: forbidden, nested: allow},
		{name: "mount", number: unix.SYS_MOUNT, want: forbidden, nested: allow},
		{name: "chroot", number: unix.SYS_CHROOT, want: forbidden, nested: allow},

		{name: "io_uring", number: unix.SYS_IO_URING_SETUP, want: unknownCall},
		{name: "process_vm_readv", number: unix.SYS_PROCESS_VM_READV, want: unknownCall},
		{name: "keyctl", number: unix.SYS_KEYCTL, want: forbidden},
		{name: "by handle", number: unix.SYS_OPEN_BY_HANDLE_AT, want: forbidden},
		{name: "bpf", number: unix.SYS_BPF, want: forbidden},
		{name: "kexec", number: unix.SYS_KEXEC_FILE_LOAD, want: forbidden},
		{name: "userfaultfd", number: unix.SYS_USERFAULTFD, want: forbidden},
		{name: "perf", number: unix.SYS_PERF_EVENT_OPEN, want: forbidden},
		{name: "another's descriptor", number: unix.SYS_PIDFD_GETFD, want: forbidden},
	} {
		for _, how := range []Calls{{}, {Nested: true}, {UDP: true}, {Nested: true, UDP: true}} {
			want := c.want
			if how.Nested && c.nested != 0 {
				want = c.nested
			}
			if how.UDP && c.udp != 0 {
				want = c.udp
			}
			if got := machine(t, how)(nativeArch, c.number, c.args...); got != want {
				t.Errorf("%s, %+v: %#x, want %#x", c.name, how, got, want)
			}
		}
	}
}

func TestFilterKnowsItsProcessor(t *testing.T) {
	run := machine(t, Calls{Nested: true, UDP: true})
	for _, arch := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_AARCH64, 0} {
		want := uint32(kill)
		if arch == nativeArch {
			want = allow
		}
		if got := run(arch, unix.SYS_READ); got != want {
			t.Errorf("arch %#x: %#x", arch, got)
		}
	}
	if nativeArch != unix.AUDIT_ARCH_X86_64 {
		return
	}
	for older, args := range map[uint32][]uint64{2: {0, unix.O_CREAT, 0o4700}, 85: {0, 0o4700}, 90: {0, 0o4700}, 133: {0, 0o4700, 0}} { // open, creat, chmod, mknod
		if got := run(nativeArch, older, args...); got != forbidden {
			t.Errorf("call %d makes a program set-user-ID: %#x", older, got)
		}
	}
	for _, number := range []uint32{0x40000000, 0x40000000 | unix.SYS_SOCKET, 0x7fffffff, 0xffffffff} {
		if got := run(nativeArch, number); got != unknownCall {
			t.Errorf("number %#x: %#x", number, got)
		}
	}
}

// No call of a list is answered by an earlier rule, and none is forgotten.
func TestFilterRefusesEveryOneOfItsLists(t *testing.T) {
	run := machine(t, Calls{})
	for want, numbers := range map[uint32][]uint32{forbidden: append(append(nesting, refused...), refusedHere...), unknownCall: missing} {
		for _, n := range numbers {
			if got := run(nativeArch, n); got != want {
				t.Errorf("call %d: %#x, want %#x", n, got, want)
			}
		}
	}
	seen := map[string]bool{}
	for n := range uint32(600) {
		seen[fmt.Sprintf("%#x", run(nativeArch, n)&unix.SECCOMP_RET_ACTION_FULL)] = true
	}
	if len(seen) != 2 {
		t.Errorf("answers other than allow and errno: %v", seen)
	}
}

func BenchmarkFilter(b *testing.B) {
	for b.Loop() {
		if _, err := Filter(Calls{}); err != nil {
			b.Fatal(err)
		}
	}
}
