package run

import (
	"syscall"
	"unsafe"
)

// dieOf ends this process by a signal, if it is not the first of a container, which is spared them. Go keeps handlers of its own for some, so the default action is set by hand.
func dieOf(s syscall.Signal) {
	var byDefault struct{ handler, flags, restorer, mask uintptr } // the kernel's struct sigaction
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&byDefault)), 0, unsafe.Sizeof(byDefault.mask), 0, 0)
	syscall.Kill(syscall.Getpid(), s)
}
