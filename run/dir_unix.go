//go:build unix

package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

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
func checkPrivate(dir string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return errors.New("is not a directory")
	case !ok || int(stat.Uid) != os.Geteuid():
		return errors.New("belongs to another user")
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may read it: mode %v", info.Mode().Perm())
	}
	return nil
}

// removeLocked removes a directory while its lock is held: a run that is being made there sees it.
func removeLocked(dir string, lock *flock.Flock) {
	os.RemoveAll(dir)
	lock.Close()
}
