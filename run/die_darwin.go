package run

import (
	"os/signal"
	"syscall"
)

// dieOf ends this process by a signal, of which Go says what each of its goroutines was doing.
func dieOf(s syscall.Signal) {
	signal.Reset(s)
	syscall.Kill(syscall.Getpid(), s)
}
