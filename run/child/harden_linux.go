package child

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

var (
	hardenedCore sync.Mutex
	childCore    *unix.Rlimit // RLIMIT_CORE as we found it, for the child; nil: unchanged
)

// CanStart says why nothing could be started here: agentguard starts itself anew by its link in /proc, at every level.
func CanStart() error {
	if _, err := os.Readlink("/proc/self/exe"); err != nil {
		return fmt.Errorf("there is no /proc here, without which no command can be started: %w", err)
	}
	return nil
}

// Harden makes the process hard to read for others of the same user, and must come before any secret is loaded: no
// ptrace and no /proc/PID/mem (PR_SET_DUMPABLE 0), no core file, and no inherited descriptor that goes on to the child.
// The child gets the old limit on core files; execve makes it dumpable again.
func Harden() error {
	if err := closeOnExec(); err != nil {
		return fmt.Errorf("close inherited files: %w", err)
	}
	if err := noCore(); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid reading our memory: %w", err)
	}
	return nil
}

// noCore lowers the soft limit alone: the hard one could not be raised again for the child.
func noCore() error {
	hardenedCore.Lock()
	defer hardenedCore.Unlock()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &old); err != nil {
		return err
	}
	if childCore == nil {
		childCore = &old
	}
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: old.Max})
}

// coreLimit is the limit on core files that we found; nil: ours is that one.
func coreLimit() *syscall.Rlimit {
	hardenedCore.Lock()
	defer hardenedCore.Unlock()
	if childCore == nil {
		return nil
	}
	return &syscall.Rlimit{Cur: childCore.Cur, Max: childCore.Max}
}

// originalLimits puts the limits that a child is to inherit in place until restore is called. The process stays
// undumpable meanwhile, so no core of it is written.
func originalLimits() (restore func()) {
	hardenedCore.Lock()
	if childCore == nil {
		return hardenedCore.Unlock
	}
	unix.Setrlimit(unix.RLIMIT_CORE, childCore)
	return func() {
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: childCore.Max})
		hardenedCore.Unlock()
	}
}

// closeOnExec marks all descriptors above 2: Go opens its own that way, but those that we inherited are not.
func closeOnExec() error {
	err := unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) {
		return err
	}
	entries, err := os.ReadDir("/proc/self/fd") // before Linux 5.11
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// dieWithUs has the kernel kill the child when the thread that forks it ends, whatever ends it.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
