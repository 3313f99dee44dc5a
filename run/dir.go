package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"agentguard/run/reap"
	"agentguard/run/sandbox"
)

const (
	runtimePrefix = reap.DirPrefix
	runtimeLock   = "lock" // held for the run's life; who can take it knows the run dead
)

// errUmask: the same would be taken from all that is made later.
var errUmask = errors.New("the umask takes its owner's own rights away")

// settleIn makes the run's own directory, where one of a run of that level is.
func (s *session) settleIn(level sandbox.Level) error {
	dir, cleanup, err := s.makeRuntime(level)
	switch {
	case errors.Is(err, errUmask):
		return failure(err, "umask 022")
	case err != nil:
		return failure(err, "set TMPDIR to a directory that is there and yours to write")
	}
	s.runtime, s.dir = dir, dir
	s.closers = append(s.closers, cleanup)
	if err := s.handOver(); err != nil {
		return failure(err, "")
	}
	return nil
}

// moveOut leaves the directory of a run that was to be sealed for that of one that is not, if it is another.
func (s *session) moveOut() error {
	if slices.Equal(s.runtimeBases(s.level.Level), s.runtimeBases(sandbox.Sealed)) {
		return nil
	}
	if s.clients != nil {
		s.clients()
	}
	s.moving.Lock()
	defer s.moving.Unlock()
	leave := s.closers[len(s.closers)-1]
	s.closers = s.closers[:len(s.closers)-1]
	leave()
	if err := s.settleIn(s.level.Level); err != nil {
		return err
	}
	if s.clients != nil {
		s.clients = begin(s.writeClients)
	}
	return nil
}

// makeRuntime makes it in the first of the usual places that takes it: XDG_RUNTIME_DIR names one that is not there after su(1), in
// cron and in containers.
func (s *session) makeRuntime(level sandbox.Level) (dir string, cleanup func(), err error) {
	var failed error
	for _, base := range s.runtimeBases(level) {
		if dir, cleanup, err = runtimeDir(base, s.id); err == nil {
			return dir, cleanup, nil
		}
		failed = cmp.Or(failed, err)
	}
	return "", nil, failed
}

// runtimeBases are where the own directory of a run of that level may go, the best first: of the usual places those to which the
// command gets.
func (s *session) runtimeBases(level sandbox.Level) (bases []string) {
	for _, base := range append(append([]string{s.RuntimeBase}, ownPlaces(level)...), os.TempDir(), "/tmp") {
		if base != "" && (s.User == nil || !s.User.owns(base) && s.User.may(base, mayEnter)) {
			bases = append(bases, base)
		}
	}
	return bases
}

// handOver makes a directory in the run's own one that the command's user has alone, and others may not list: what is written
// there is written as that user, who could put links in its way.
func (s *session) handOver() error {
	if s.User == nil {
		return nil
	}
	dir := filepath.Join(s.dir, "child")
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.Lchown(dir, int(s.User.UID), int(s.User.GID))
	}
	if err == nil {
		err = os.Chmod(s.dir, 0o711)
	}
	s.dir = dir
	return err
}

// runtimeDir makes the run's own directory under base; "": the directory for temporary files. It is private
// (0700, ours, no symlink), holds no secret, and is removed by cleanup.
func runtimeDir(base, runID string) (dir string, cleanup func(), err error) {
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
	dir = filepath.Join(base, runtimePrefix+runID)
	// Mkdir fails on whatever stands there already, a dangling symlink included.
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("runtime directory: %w", err)
	}
	lock, err := lockRuntime(dir)
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("runtime directory %s: %w", dir, err)
	}
	return dir, func() {
		removeLocked(dir, lock)
	}, nil
}

// lockRuntime takes the lock of a new directory and checks that nobody removed or replaced it before the lock was there.
func lockRuntime(dir string) (*flock.Flock, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(info); err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		return nil, errUmask
	}
	lock := flock.New(filepath.Join(dir, runtimeLock), flock.SetPermissions(0o600))
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

// removeStale removes the directories that killed runs left in base. One that is not ours, or that anybody holds, stays.
func removeStale(base string) {
	entries, err := filepath.Glob(filepath.Join(escapeGlob(base), runtimePrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range entries {
		info, err := os.Lstat(dir)
		if err != nil || checkPrivate(info) != nil || time.Since(info.ModTime()) < fresh {
			continue
		}
		lock := flock.New(filepath.Join(dir, runtimeLock), flock.SetFlag(os.O_RDWR|openNoLink))
		switch ok, err := lock.TryLock(); {
		case ok:
			removeLocked(dir, lock)
		case errors.Is(err, fs.ErrNotExist): // killed before it had a lock
			os.RemoveAll(dir)
		}
	}
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
