package account

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// What may asks about.
const (
	mayEnter = unix.X_OK
	mayWrite = unix.W_OK
)

// Do works on files as the user: what root reads or writes at a path that somebody else has in hand, it may be led to read or
// write elsewhere. That is so for one thread (setfsuid(2)), which is thrown away after it; what Do is given starts no goroutine.
func (u *User) Do(work func() error) error {
	if u == nil {
		return work()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		if err := u.onFiles(); err != nil {
			done <- fmt.Errorf("work on files as %s: %w", u, err)
			return
		}
		done <- work()
	}()
	return <-done
}

// onFiles has this thread work on files as the user. setfsuid(2) tells no failure, so it is asked what came of it.
func (u *User) onFiles() error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return errno
	}
	const nobody = ^uintptr(0) // no such id: nothing changes
	for _, call := range [][2]uintptr{{unix.SYS_SETFSGID, uintptr(u.GID)}, {unix.SYS_SETFSUID, uintptr(u.UID)}} {
		unix.RawSyscall(call[0], call[1], 0, 0)
		if is, _, _ := unix.RawSyscall(call[0], nobody, 0, 0); is != call[1] {
			return unix.EPERM
		}
	}
	return nil
}

// may says whether the user has a right to a path.
func (u *User) may(path string, right uint32) bool {
	return u.Do(func() error { return unix.Faccessat(unix.AT_FDCWD, path, right, unix.AT_EACCESS) }) == nil
}

// Owns says whether a path belongs to the user.
func (u *User) Owns(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == u.UID
}
