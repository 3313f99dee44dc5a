package run

import (
	"context"
	"os"
	"slices"
	"time"

	"agentguard/run/sandbox"
)

// wait serves the child until it exits. When ctx ends the child is asked to, and after a grace period made to.
func (s *session) wait(ctx context.Context) (Result, error) {
	const grace = 10 * time.Second
	stop := context.AfterFunc(ctx, func() {
		s.child.Signal(os.Interrupt)
		time.AfterFunc(grace, func() { s.child.Signal(os.Kill) })
	})
	defer stop()
	code, err := s.child.Wait()
	if err != nil {
		return Result{unsettled: s.unsettled, loose: s.loose}, failure(err, "")
	}
	if s.box != nil {
		s.box.End()
	}
	s.proxy.Close()
	s.settle()
	r := s.tally.result()
	r.unsettled, r.loose = s.unsettled, s.loose
	r.Code, r.RunID, r.AuditFile, r.Duration = code, s.id, s.log.Path(), time.Since(s.start)
	if err := s.log.Append(s.endRecord(r)); err != nil {
		s.incomplete(err)
	}
	return r, nil
}

// Made lists files that can have programs started outside, and were not there before. What the command left behind is ended once Run
// has returned, and makes none any more.
func (r Result) Made() []string { return sandbox.Made(r.unsettled) }

// Changed lists such files that were there, and are not as they were.
func (r Result) Changed() []string { return r.loose.Changed() }

// incomplete says once, where the log's end is missing, why it is.
func (s *session) incomplete(err error) {
	if !s.cut {
		s.cut = true
		s.Say("the audit log could not be completed: %v", err)
	}
}

// settle waits a moment for exchanges that Close has cut off to be recorded.
func (s *session) settle() {
	select {
	case <-s.tally.settled():
	case <-time.After(500 * time.Millisecond):
	}
}

func (s *session) close() {
	switch {
	case s.child != nil:
		s.child.Close()
	case s.signals != nil:
		s.signals.Stop()
	}
	if s.box != nil {
		s.box.Close()
	}
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.main != nil {
		s.main.Close()
	}
	switch {
	case s.log != nil:
		if err := s.log.Close(); err != nil {
			s.incomplete(err)
		}
	default: // nothing was run
		s.begunLog.discard()
	}
	if s.clients != nil {
		s.clients() // they lie in a directory that is removed now
	}
	for _, c := range slices.Backward(s.closers) {
		c()
	}
	s.box.Reap()
}
