package run

import (
	"syscall"
	"unsafe"
)

// From sys/wait.h; package syscall has no names for them.
const (
	pPID     = 1
	wExited  = 0x4
	wStopped = 0x8
	wNoWait  = 0x20
)

// waitExitOrStop returns when the child has something to report, and leaves it unreported. It calls waitid(2) as package os
// does for itself.
func waitExitOrStop(pid int) error {
	var info [16]uint64 // at least a siginfo_t
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), uintptr(unsafe.Pointer(&info)), wExited|wStopped|wNoWait, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
