//go:build unix

package job

import (
	"syscall"
	"unsafe"
)

// Await returns when a child has something to report, its end or a stop, and leaves that unreported.
func Await(pid int) error {
	_, err := waitID(pid, syscall.WEXITED|syscall.WSTOPPED|syscall.WNOWAIT)
	return err
}

// AwaitEnd returns when a child has ended, and leaves that unreported.
func AwaitEnd(pid int) error {
	_, err := waitID(pid, syscall.WEXITED|syscall.WNOWAIT)
	return err
}

// tookStop takes the report of a child that stopped, and says whether there was one; an end it leaves.
func tookStop(pid int) bool {
	found, err := waitID(pid, syscall.WSTOPPED|syscall.WNOHANG)
	return found && err == nil
}

// waitID is waitid(2) for one process.
func waitID(pid, options int) (found bool, err error) {
	const onePID = 1 // P_PID of sys/wait.h
	var info struct {
		signal int32 // SIGCHLD; 0: there is nothing
		_      int32
		_      [15]uint64 // a siginfo_t is at most as large
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, onePID, uintptr(pid), uintptr(unsafe.Pointer(&info)), uintptr(options), 0, 0)
	if errno != 0 {
		return false, errno
	}
	return info.signal != 0, nil
}
