package sandbox

import "golang.org/x/sys/unix"

const nativeArch = unix.AUDIT_ARCH_X86_64

// refusedHere are calls that only this processor has: access to its ports.
var refusedHere = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM}

// foreignCalls answers the numbers of the x32 ABI, which has the same arch and its own number for each call.
func foreignCalls() program {
	const x32 = 0x40000000 // __X32_SYSCALL_BIT (asm/unistd.h)
	return jump(unix.BPF_JGE, x32, 0, ret(unknownCall))
}

// modesHere is for the older calls that make files and change their modes.
func modesHere() program {
	return code(on(unix.SYS_OPEN, creates(1, 2)), modes(unix.SYS_CREAT, 1), modes(unix.SYS_CHMOD, 1), modes(unix.SYS_MKNOD, 1))
}
