package run

import (
	"syscall"

	"agentguard/run/job"
)

// dieOf ends this process by a signal, if it is not the first of a container, which is spared them. Go keeps handlers of its own for some.
func dieOf(s syscall.Signal) {
	job.ByDefault(s)
	syscall.Kill(syscall.Getpid(), s)
}
