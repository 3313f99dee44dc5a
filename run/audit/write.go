package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"time"
)

const (
	deferFor   = 5 * time.Millisecond
	retryAfter = 100 * time.Millisecond // a disk that took nothing is asked again
	flushAt    = 32 << 10               // bytes pending that wait no longer
	maxPending = 1 << 20                // bytes pending to which nothing is added: the disk takes nothing
)

func (l *Log) append(r *Record) error {
	if l.file == nil {
		return os.ErrClosed
	}
	before, n := l.last, len(l.pending)
	l.add(r)
	err := l.flush()
	if err != nil && len(l.pending) > n { // its line is not in the file, and must not come later: the caller refuses
		l.last, l.pending = before, l.pending[:n]
		if n == 0 {
			l.late = nil
		}
		return err
	}
	l.count(r)
	return err
}

func (l *Log) postpone(r *Record) error {
	if l.file == nil {
		return os.ErrClosed
	}
	if len(l.pending) > maxPending {
		return fmt.Errorf("a record was dropped, since %d bytes wait that cannot be written: %w", len(l.pending), l.late)
	}
	l.add(r)
	l.count(r)
	if len(l.pending) > flushAt && l.late == nil {
		l.flush()
	}
	if len(l.pending) > 0 {
		l.arm()
	}
	return l.late
}

// arm has the timer fire in time. It is left running when an Append takes the pending lines along: to stop and start it
// for each would cost more than that it fires in vain, once in 5 ms at most.
func (l *Log) arm() {
	switch {
	case l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(deferFor, l.fire)
	default:
		l.timer.Reset(deferFor)
	}
	l.armed = true
}

// fire is what the timer does.
func (l *Log) fire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return
	}
	l.flush() // its error is in late
	if l.armed = len(l.pending) > 0; l.armed {
		l.timer.Reset(retryAfter)
	}
}

func (l *Log) complete(r *Record) {
	r.Seq = l.last.seq + 1
	r.RunID = l.opts.RunID
	if r.AgentID == "" {
		r.AgentID = l.opts.AgentID
	}
	if r.Time.IsZero() {
		r.Time = l.opts.Now()
	}
	if r.Event == RunEnd {
		r.Requests, r.Denied = l.sent, l.refused
	}
}

func (l *Log) count(r *Record) {
	switch r.Event {
	case Sent:
		l.sent++
	case Refused:
		l.refused++
	}
}

// add makes r the last line, pending.
func (l *Log) add(r *Record) {
	l.complete(r)
	l.last = l.encode(r)
	l.pending = append(l.pending, l.enc.b[sha256.Size:]...)
}

// encode leaves the line in enc.b, after the previous chain: what is hashed lies in one piece.
func (l *Log) encode(r *Record) head {
	e := &l.enc
	e.b = append(e.b[:0], l.last.chain[:]...)
	e.record(r)
	next := head{r.Seq, sha256.Sum256(e.b)}
	e.b = append(e.b[:len(e.b)-1], chainMember...)
	e.b = hex.AppendEncode(e.b, next.chain[:])
	e.b = append(e.b, '"', '}', '\n')
	return next
}

// flush writes the pending lines, all at once, between the anchor's two lines. What it cannot write stays pending.
func (l *Log) flush() error {
	err := l.write()
	l.late = nil
	if len(l.pending) > 0 {
		l.late = err
	}
	return err
}

func (l *Log) write() error {
	if l.broken {
		if err := l.repair(); err != nil {
			return err
		}
	}
	if len(l.pending) == 0 {
		return nil
	}
	if err := l.anchor.store(writing, &l.last); err != nil {
		return err
	}
	if err := l.writePending(); err != nil {
		return err
	}
	l.size += int64(len(l.pending))
	l.disk, l.pending = l.last, l.pending[:0]
	// Where this fails the lines stay, since what is whole is never taken back. The next write has to mend the anchor
	// first: no more than what one write holds is ever ahead of it.
	err := l.anchor.store(written, &l.disk)
	l.broken = err != nil
	return err
}

// writePending writes the pending lines at the end of the whole ones, or takes back what it wrote of them.
func (l *Log) writePending() error {
	if err := l.inPlace(); err != nil {
		return err
	}
	_, err := l.file.WriteAt(l.pending, l.size)
	if err != nil {
		l.broken = l.file.Truncate(l.size) != nil
	}
	return err
}

// repair brings the disk to what size and disk say.
func (l *Log) repair() error {
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	if err := l.anchor.store(written, &l.disk); err != nil {
		return err
	}
	l.broken = false
	return nil
}
