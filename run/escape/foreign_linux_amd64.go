package escape

import (
	"os"
	"syscall"
)

// getpid32 is a system call of the 32-bit table. Where the kernel has none, a signal ends the process.
func getpid32() int

func foreignCalls(*Targets) error {
	const x32 = 0x40000000
	if n, _, errno := syscall.RawSyscall(x32|syscall.SYS_GETPID, 0, 0, 0); errno == 0 && int(n) == os.Getpid() {
		return nil
	}
	if n := getpid32(); n != os.Getpid() {
		return syscall.Errno(-n)
	}
	return nil
}
