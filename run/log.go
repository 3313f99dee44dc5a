package run

import (
	"errors"
	"path/filepath"
	"sync/atomic"

	"agentguard/run/audit"
)

// begunLog is a log that is made before it is wanted. Who ends the start meanwhile, from another goroutine, discards it.
type begunLog struct {
	wait atomic.Pointer[func() (*audit.Log, error)] // nil: it has not begun
}

func (b *begunLog) begin(create func() (*audit.Log, error)) {
	wait := begin(create)
	b.wait.Store(&wait)
}

// discard removes the log, unless it has a line.
func (b *begunLog) discard() {
	wait := b.wait.Load()
	if wait == nil {
		return
	}
	if log, err := (*wait)(); err == nil {
		log.Discard()
	}
}

// createLog makes the run's log, which has no line yet.
func (s *session) createLog() (*audit.Log, error) {
	if !filepath.IsAbs(s.StateHome) { // where the command is, it could rewrite it
		return nil, failure(errors.New("the audit log: there is no place to keep it"), "set HOME or XDG_STATE_HOME")
	}
	dir, anchors := audit.Dirs(s.StateHome)
	log, err := audit.Create(audit.Options{Dir: dir, AnchorDir: anchors, RunID: s.id, AgentID: s.Agent})
	if err != nil {
		return nil, noLog(err)
	}
	return log, nil
}

func (s *session) openLog() error {
	log, err := (*s.begunLog.wait.Load())()
	if err != nil {
		return err
	}
	s.log = log
	if err := log.Append(s.startRecord()); err != nil {
		return noLog(err)
	}
	return nil
}

func noLog(err error) error {
	return failure(err, "nothing runs without it: free space, or set HOME or XDG_STATE_HOME to a directory of yours")
}
