//go:build unix

package run

import (
	"os"
	"syscall"
	"time"

	"agentguard/run/child"
	"agentguard/run/reap"
)

// givingUp is how long who asks the person for something has to give up by itself, since it puts the terminal back.
const givingUp = 300 * time.Millisecond

// endEarly has a signal that means the end, while there is no child yet, end us with what was made removed: a person may be asked for
// a passphrase by then, or a keychain be waited for. over ends that; what else came is then the child's.
func (s *session) endEarly() (over func()) {
	s.signals = child.Catch()
	return s.signals.Early(s.endBy)
}

// endBy ends us by a signal. It returns only where the start is over meanwhile.
func (s *session) endBy(by syscall.Signal, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-time.After(givingUp):
	}
	s.undo()
	child.DieOf(by)
	os.Exit(128 + int(by)) // as shells say it: the first process of a container is spared signals of its own
}

// undo removes what the start has made, whose other parts may go on meanwhile.
func (s *session) undo() {
	s.moving.Lock() // no other is made instead
	defer s.moving.Unlock()
	for range 10 { // something may be writing there
		reap.RemoveRuntimeDir(s.runtime)
		if _, err := os.Lstat(s.runtime); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.begunLog.discard()
}
