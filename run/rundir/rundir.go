// Package rundir makes a run's own directory, and removes those that killed runs left.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"agentguard/run/reap"
)

const lockName = "lock" // held for the run's life; who can take it knows the run dead

// ErrUmask: the same would be taken from all that is made later.
var ErrUmask = errors.New("the umask takes its owner's own rights away")

// Make makes the run's own directory under base; "": the directory for temporary files. It is private
// (0700, ours, no symlink), holds no secret, and is removed by cleanup.
func Make(base, runID string) (dir string, cleanup func(), err error) {
	if runID == "" || strings.ContainsAny(runID, "/\\\x00") || strings.HasPrefix(runID, ".") {
		return "", nil, fmt.Errorf("run id %q: cannot name a directory", runID)
	}
	if base == "" {
		base = os.TempDir()
	}
	if base, err = filepath.Abs(base); err != nil {
		return "", nil, err
	}
	if err := checkBase(base); err != nil {
		return "", nil, fmt.Errorf("runtime directory: %w", err)
	}
	dir = filepath.Join(base, reap.DirPrefix+runID)
	// Mkdir fails on whatever stands there already, a dangling symlink included.
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("runtime directory: %w", err)
	}
	lock, err := lockNew(dir)
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("runtime directory %s: %w", dir, err)
	}
	return dir, func() {
		removeLocked(dir, lock)
	}, nil
}

// lockNew takes the lock of a new directory and checks that nobody removed or replaced it before the lock was there.
func lockNew(dir string) (*flock.Flock, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(info); err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		return nil, ErrUmask
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock: %w", err)
	case !ok:
		return nil, errors.New("lock: is held by another process")
	}
	now, err := os.Stat(lock.Path())
	if err == nil {
		var held fs.FileInfo
		if held, err = lock.Stat(); err == nil && !os.SameFile(now, held) {
			err = errors.New("was replaced while it was made")
		}
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// fresh is how long a directory whose lock is free may be one that is being made: it stays for a later run to remove.
const fresh = time.Minute

// RemoveStale removes the directories that killed runs left in base. One that is not ours, or that anybody holds, stays.
func RemoveStale(base string) {
	entries, _ := os.ReadDir(base)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), reap.DirPrefix) {
			continue
		}
		dir := filepath.Join(base, entry.Name())
		info, err := os.Lstat(dir)
		if err != nil || checkPrivate(info) != nil || time.Since(info.ModTime()) < fresh {
			continue
		}
		lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_RDWR|openNoLink))
		switch ok, err := lock.TryLock(); {
		case ok:
			removeLocked(dir, lock)
		case errors.Is(err, fs.ErrNotExist): // killed before it had a lock
			os.RemoveAll(dir)
		}
	}
}
