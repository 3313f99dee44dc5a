package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// CanStart is for Linux alone.
func CanStart() error { return nil }

// Harden marks inherited descriptors close-on-exec. This system has no unprivileged way to make a process unreadable;
// what it does have (the hardened runtime of a signed binary) is given at build time.
func Harden() error { return closeOnExec() }

func originalLimits() (restore func()) { return func() {} }

func closeOnExec() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	for fd := 3; fd < int(min(limit.Cur, 4096)); fd++ {
		unix.CloseOnExec(fd)
	}
	return nil
}

// dieWithUs has nothing to set here: the reaper kills the child's group.
func dieWithUs(*syscall.SysProcAttr) {}
