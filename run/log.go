package run

import (
	"errors"
	"fmt"
	"path/filepath"

	"agentguard/run/audit"
)

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
	log, err := s.begunLog()
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
	return failure(fmt.Errorf("the audit log: %w", err), "nothing runs without it: free space, or set HOME or XDG_STATE_HOME to a directory of yours")
}
