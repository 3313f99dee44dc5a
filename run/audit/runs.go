package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Run is one log, in short.
type Run struct {
	Path, RunID, AgentID string
	Start                time.Time
	Requests             int // its "request" records
	Denied               int // its "refused" records
}

// Runs lists the logs in dir, newest first. It reads the head and the tail of each; only of a run without a run.end the
// whole file has to be counted. Files that are no logs are left out; a missing directory has no runs.
func Runs(dir string) ([]Run, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit logs: %w", err)
	}
	var runs []Run
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), logExt) {
			continue
		}
		if run, ok := readRun(filepath.Join(dir, e.Name())); ok {
			runs = append(runs, run)
		}
	}
	sort.Slice(runs, func(i, j int) bool { // the names begin with the time
		return filepath.Base(runs[i].Path) > filepath.Base(runs[j].Path)
	})
	return runs, nil
}

// Names gives the ids of the runs that left a log in dir, newest first, and the names of their agents, each once: as far as
// the files' names tell.
func Names(dir string) (ids, agents []string) {
	entries, _ := os.ReadDir(dir) // by name, which begins with the time
	seen := map[string]bool{}
	for i := range entries {
		name, isLog := strings.CutSuffix(entries[len(entries)-1-i].Name(), logExt)
		parts := strings.SplitN(name, "_", 3)
		if !isLog || len(parts) < 2 {
			continue
		}
		ids = append(ids, parts[1])
		if len(parts) == 3 && !seen[parts[2]] {
			seen[parts[2]] = true
			agents = append(agents, parts[2])
		}
	}
	return ids, agents
}

func readRun(path string) (Run, bool) {
	f, err := openRegular(path)
	if err != nil {
		return Run{}, false
	}
	defer f.Close()
	first, ok := firstRecord(f)
	if !ok {
		return Run{}, false
	}
	run := Run{Path: path, RunID: first.RunID, AgentID: first.AgentID, Start: first.Time}
	if last, ok := lastRecord(f); ok && last.Event == RunEnd {
		run.Requests, run.Denied = int(last.Requests), int(last.Denied)
		return run, true
	}
	run.Requests, run.Denied = countEvents(f)
	return run, true
}

func firstRecord(f *os.File) (Record, bool) {
	b := make([]byte, maxLine)
	n, _ := f.ReadAt(b, 0) // a short file ends in io.EOF
	raw, _, whole := bytes.Cut(b[:n], []byte{'\n'})
	return decodeWhole(raw, whole)
}

// lastRecord reads the last whole line.
func lastRecord(f *os.File) (Record, bool) {
	info, err := f.Stat()
	if err != nil {
		return Record{}, false
	}
	b := make([]byte, min(info.Size(), 2*maxLine)) // a torn line and the whole one before it
	n, _ := f.ReadAt(b, info.Size()-int64(len(b)))
	end := bytes.LastIndexByte(b[:n], '\n')
	if end < 0 {
		return Record{}, false
	}
	return decodeWhole(b[bytes.LastIndexByte(b[:end], '\n')+1:end], true)
}

func decodeWhole(raw []byte, whole bool) (r Record, ok bool) {
	return r, whole && json.Unmarshal(raw, &r) == nil && r.Event != ""
}

// countEvents reads the whole file.
func countEvents(f *os.File) (requests, denied int) {
	lines := newLineReader(io.NewSectionReader(f, 0, 1<<62))
	for {
		l, err := lines.next()
		if err != nil {
			return requests, denied
		}
		switch m, _ := readMembers(l.raw); m.Event {
		case Sent:
			requests++
		case Refused:
			denied++
		}
	}
}

// Lost names the logs that an anchor knows of and that are gone, or hold no record any more, by the path they had. An anchor
// without lines does not count: its run ended before its log was made.
func Lost(dir, anchorDir string) ([]string, error) {
	entries, err := os.ReadDir(anchorDir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit anchors: %w", err)
	}
	var lost []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), anchorExt)
		path := filepath.Join(dir, name+logExt)
		if !ok || isLog(path) {
			continue
		}
		a, err := readAnchor(path, anchorDir)
		if _, gone := os.Lstat(path); err != nil || a.low.seq > 0 || os.IsNotExist(gone) && a.high.seq > 0 {
			lost = append(lost, path)
		}
	}
	return lost, nil
}

func isLog(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() { // Runs takes no link either
		return false
	}
	f, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, ok := firstRecord(f)
	return ok
}
