package child

import (
	"os/signal"
	"syscall"
)

// DieOf ends this process by a signal, of which Go says what each of its goroutines was doing.
func DieOf(s syscall.Signal) {
	signal.Reset(s)
	syscall.Kill(syscall.Getpid(), s)
}
