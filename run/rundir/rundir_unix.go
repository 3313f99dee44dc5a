//go:build unix

package rundir

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/gofrs/flock"

	"agentguard/run/reap"
)

// openNoLink follows no link, and does not wait for a pipe's other end (open(2)).
const openNoLink = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// checkBase refuses a directory in which another user could rename or remove ours.
func checkBase(base string) error {
	info, err := os.Stat(base)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: is not a directory", base)
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%s: others may write to it and it has no sticky bit", base)
	}
	return nil
}

// checkPrivate says why a directory is not one that only we can have made and can read.
func checkPrivate(info fs.FileInfo) error { return reap.Private(info) }

// removeLocked removes a directory while its lock is held: a run that is being made there sees it.
func removeLocked(dir string, lock *flock.Flock) {
	reap.RemoveAll(dir)
	lock.Close()
}
