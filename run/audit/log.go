package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"agentguard/run/private"
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
}

// Log is one run's record, open for appending. A nil *Log refuses every record.
type Log struct {
	opts Options
	path string

	mu     sync.Mutex
	file   *os.File
	anchor *anchorFile
	size   int64   // of the whole lines in file
	disk   head    // of the last of them
	broken bool    // the disk may not be as size and disk say
	last   head    // of the last line, pending or in file
	enc    encoder // its b: the previous chain, and the line

	pending []byte      // lines that are not in file yet
	late    error       // why they could not be written; nil: they wait for their time
	timer   *time.Timer // writes them; nil until something was deferred
	armed   bool        // it will fire; holds whenever something is pending

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
	name, start := fileName(o), head{0, genesis(o.RunID)}
	// The anchor comes first: a log without one cannot be told from a log whose anchor was taken away.
	anchorName := strings.TrimSuffix(name, logExt) + anchorExt
	anchor, err := createAnchor(o.AnchorDir, anchorName, &start)
	if err != nil {
		return nil, err
	}
	file, err := createFile(o.Dir, name)
	if err != nil {
		anchor.close()
		os.Remove(filepath.Join(o.AnchorDir, anchorName))
		return nil, err
	}
	hold(file)
	return &Log{opts: o, path: filepath.Join(o.Dir, name), file: file, anchor: anchor, disk: start, last: start}, nil
}

// createFile makes name in dir, which it makes where needed. O_EXCL never follows a link. What is to be mapped must be
// open for reading too.
func createFile(dir, name string) (*os.File, error) {
	root, err := private.Dir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	var at *fs.PathError
	if errors.As(err, &at) { // which says where in root alone
		at.Op, at.Path = "open", filepath.Join(dir, name)
	}
	return file, err
}

func validRunID(id string) bool {
	return id != "" && len(id) <= 64 && id[0] != '.' && wordOf(id) == id
}

// startLayout is how the name of a log says when its run began.
const startLayout = "20060102T150405.000Z"

// fileName sorts by time.
func fileName(o Options) string {
	parts := []string{o.Now().UTC().Format(startLayout), o.RunID}
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

// Append writes r, after whatever was deferred before it, and their anchor. It sets Seq and RunID, and where they are
// empty Time and AgentID; of a run.end also Requests and Denied. When it returns an error the caller must refuse the
// request: the record is not, or not surely, in the file. A line written in part is taken back, so that later records
// may succeed once there is space again.
func (l *Log) Append(r *Record) error {
	if l == nil {
		return errNone
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return named(l.append(r))
}

// Defer takes r as Append does, its place in the chain included, but leaves the writing to the next Append, to a timer
// of 5 ms, or to Close: a kill may lose the records of these last milliseconds. It is for what has happened already and
// holds nothing up. An error says that deferred lines cannot be written now. They are kept, r too, and tried again until
// they can, except that r is dropped where 1 MiB of them waits already. Append refuses all that while.
func (l *Log) Defer(r *Record) error {
	if l == nil {
		return errNone
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return named(l.postpone(r))
}

var errNone = errors.New("audit log: there is none")

func named(err error) error {
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// Close writes what was deferred and ends the log; later records are refused.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	err := errors.Join(l.flush(), l.file.Close(), l.anchor.close())
	l.file, l.anchor = nil, nil
	return named(err)
}

// Discard ends and removes a log that has no line. Any other it leaves as it is.
func (l *Log) Discard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || l.last.seq > 0 {
		return
	}
	l.file.Close()
	l.anchor.close()
	l.file, l.anchor = nil, nil
	os.Remove(l.path)
	os.Remove(anchorPath(l.path, l.opts.AnchorDir))
}
