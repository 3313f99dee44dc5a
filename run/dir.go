package run

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"agentguard/run/rundir"
	"agentguard/run/sandbox"
)

// settleIn makes the run's own directory. A signal that comes meanwhile waits for that, or it would leave it.
func (s *session) settleIn(level sandbox.Level) error {
	s.moving.Lock()
	defer s.moving.Unlock()
	return s.ownDir(level)
}

// ownDir makes it where one of a run of that level is.
func (s *session) ownDir(level sandbox.Level) error {
	dir, cleanup, err := s.makeRuntime(level)
	switch {
	case errors.Is(err, rundir.ErrUmask):
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
	if err := s.ownDir(s.level.Level); err != nil {
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
		if dir, cleanup, err = rundir.Make(base, s.id); err == nil {
			return dir, cleanup, nil
		}
		failed = cmp.Or(failed, err)
	}
	return "", nil, failed
}

// runtimeBases are where the own directory of a run of that level may go, the best first: of the usual places those to which the
// command gets, and after the others those that are full.
func (s *session) runtimeBases(level sandbox.Level) (bases []string) {
	var full []string
	for _, base := range append(append([]string{s.RuntimeBase}, ownPlaces(level)...), os.TempDir(), "/tmp") {
		if base != "" && (s.User == nil || !s.User.Owns(base) && s.User.MayEnter(base)) {
			if isFull(base) {
				full = append(full, base)
				continue
			}
			bases = append(bases, base)
		}
	}
	return append(bases, full...)
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
