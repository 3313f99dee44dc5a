package job

import (
	"os/signal"
	"syscall"
	"unsafe"
)

// Until a signal is caught that ends a program at once, it is to end us as any other: Go would have us say what each goroutine was doing.
// It is ignored first, so that Go's runtime knows that there is a handler to set when it is to be caught. Of others it would not.
func init() {
	for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
		signal.Ignore(s)
		ByDefault(s)
	}
}

// ByDefault gives a signal its default action, by hand: package os/signal would start threads for it.
func ByDefault(s syscall.Signal) {
	var action struct{ handler, flags, restorer, mask uintptr } // the kernel's struct sigaction
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, unsafe.Sizeof(action.mask), 0, 0)
}
