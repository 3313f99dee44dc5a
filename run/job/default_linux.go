package job

import (
	"os/signal"
	"syscall"
	"unsafe"
)

// EndByDefault has signals that end a program at once end us so until they are caught: Go would have us say what each goroutine was doing.
// They are ignored first, so that Go's runtime knows that there is a handler to set when one is to be caught. Of others it would not.
func EndByDefault() {
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
