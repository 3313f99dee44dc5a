package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	logExt      = ".jsonl"
	chainMember = `,"chain":"`
	chainTail   = len(chainMember) + 64 + len(`"}`) // the end of each line, without LF
)

// Options say where a run's log goes.
type Options struct {
	Dir       string           // of logs; made 0700
	AnchorDir string           // of anchors; made 0700
	RunID     string           // of [A-Za-z0-9._-], at most 64 bytes
	AgentID   string           // becomes part of the file's name, and of records that name no agent; may be empty
	Now       func() time.Time // if nil, time.Now
	Sync      bool             // each record is on the disk, not only with the system, when Append returns
}

// Log is one run's record, open for appending. A nil *Log refuses every record.
type Log struct {
	opts Options
	path string

	mu     sync.Mutex
	file   *os.File
	anchor *os.File
	size   int64   // of the whole lines in file
	head   head    // of the last whole line
	broken bool    // the disk may not be as size and head say
	enc    encoder // its b: the previous chain, and the line
	note   []byte  // the anchor's content, encoded

	sent, refused uint64
}

// Create makes the log of a new run. It never opens an existing file, and refuses directories that are symbolic links or
// another user's.
func Create(o Options) (*Log, error) {
	l, err := create(o)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return l, nil
}

func create(o Options) (*Log, error) {
	if !validRunID(o.RunID) {
		return nil, fmt.Errorf("%q is no run id", Clip(o.RunID, 80))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	name := fileName(o)
	l := &Log{opts: o, path: filepath.Join(o.Dir, name), head: head{0, genesis(o.RunID)}}
	// The anchor comes first: a log without one cannot be told from a log whose anchor was taken away.
	var err error
	if l.anchor, err = createFile(o.AnchorDir, strings.TrimSuffix(name, logExt)+anchorExt); err != nil {
		return nil, err
	}
	if err = l.writeAnchor(); err == nil {
		l.file, err = createFile(o.Dir, name)
	}
	if err != nil {
		l.anchor.Close()
		os.Remove(anchorPath(l.path, o.AnchorDir))
		return nil, err
	}
	return l, nil
}

// createFile makes name in dir, which it makes where needed. O_EXCL never follows a link.
func createFile(dir, name string) (*os.File, error) {
	root, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func validRunID(id string) bool {
	return id != "" && len(id) <= 64 && id[0] != '.' && wordOf(id) == id
}

// fileName sorts by time.
func fileName(o Options) string {
	parts := []string{o.Now().UTC().Format("20060102T150405.000Z"), o.RunID}
	if agent := wordOf(o.AgentID); agent != "" {
		parts = append(parts, agent[:min(len(agent), 64)])
	}
	return strings.Join(parts, "_") + logExt
}

// wordOf keeps of s what is safe in a file's name on every system.
func wordOf(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, s)
}

// genesis is the chain before the first line.
func genesis(runID string) [32]byte { return sha256.Sum256([]byte("agentguard audit 1\n" + runID)) }

// Path is the log's file.
func (l *Log) Path() string { return l.path }

// Append writes r and its anchor. It sets Seq and RunID, and where they are empty Time and AgentID; of a run.end also
// Requests and Denied. When it returns an error the caller must refuse the request: the record is not, or not surely,
// on the disk. A line written in part is taken back, so that later records may succeed once there is space again.
func (l *Log) Append(r *Record) error {
	if l == nil {
		return errors.New("audit log: there is none")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.append(r); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

func (l *Log) append(r *Record) error {
	if l.file == nil {
		return os.ErrClosed
	}
	if l.broken {
		if err := l.repair(); err != nil {
			return err
		}
	}
	l.complete(r)
	next := l.encode(r)
	if err := l.writeLine(); err != nil {
		return err
	}
	l.size += int64(len(l.enc.b) - sha256.Size)
	l.head = next
	l.count(r)
	if err := l.writeAnchor(); err != nil {
		// The line stays, since what is whole is never taken back; the next record has to mend the anchor first, so
		// that the log is never more than one line ahead.
		l.broken = true
		return fmt.Errorf("anchor: %w", err)
	}
	return nil
}

func (l *Log) complete(r *Record) {
	r.Seq = l.head.seq + 1
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

// encode leaves the line in enc.b, after the previous chain: what is hashed lies in one piece.
func (l *Log) encode(r *Record) head {
	e := &l.enc
	e.b = append(e.b[:0], l.head.chain[:]...)
	e.record(r)
	next := head{r.Seq, sha256.Sum256(e.b)}
	e.b = append(e.b[:len(e.b)-1], chainMember...)
	e.b = hex.AppendEncode(e.b, next.chain[:])
	e.b = append(e.b, '"', '}', '\n')
	return next
}

// writeLine writes the line in enc.b at the end of the whole lines, or takes back what it wrote of it.
func (l *Log) writeLine() error {
	_, err := l.file.WriteAt(l.enc.b[sha256.Size:], l.size)
	if err == nil && l.opts.Sync {
		err = l.file.Sync()
	}
	if err != nil {
		l.broken = l.file.Truncate(l.size) != nil
	}
	return err
}

func (l *Log) writeAnchor() error {
	l.note = l.head.append(l.note[:0])
	_, err := l.anchor.WriteAt(l.note, 0)
	if err == nil && l.opts.Sync {
		err = l.anchor.Sync()
	}
	return err
}

// repair brings the disk to what size and head say.
func (l *Log) repair() error {
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	if err := l.writeAnchor(); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	l.broken = false
	return nil
}

// Close ends the log; later records are refused.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Close(), l.anchor.Close())
	l.file, l.anchor = nil, nil
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}
