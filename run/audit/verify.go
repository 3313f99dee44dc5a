package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// Problem is something about one line that should not be. Line 0 means the file as a whole.
type Problem struct {
	Line int
	What string
}

// Report is what Verify found.
type Report struct {
	Records     int
	RunID       string
	First, Last time.Time // of the first and the last line
	Complete    bool      // there is a run.end
	Torn        bool      // the last line is not whole: no problem where the anchor announces it, and does not know of it yet
	Problems    []Problem // by line; empty: the log is as it was written
	Notes       []Problem // what is worth saying and accepted
	More        int       // problems beyond those listed
}

// maxProblems keeps the report of a file that is no log at all readable.
const maxProblems = 100

// Verify checks a log against its chain and its anchor; see the package's description of what that shows. It may be
// called while the log is being written. Without anchorDir it checks the chain alone and says so in a note. The error is
// for what kept it from reading; what is wrong with the log is in the report.
//
// Where a line and its chain were both rewritten, the line named is the next one, which does not follow from it.
func Verify(path, anchorDir string) (Report, error) {
	f, err := openRegular(path)
	if err != nil {
		return Report{}, fmt.Errorf("audit log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Report{}, fmt.Errorf("audit log: %w", err)
	}
	// The size first, then the anchor, then the lines: every line within that size was announced by the time the anchor is
	// read, and whatever the anchor calls written is there by the time the lines are, though lines may be added all the
	// while.
	v := verifier{size: info.Size()}
	v.readAnchor(path, anchorDir)
	if err := v.lines(f); err != nil {
		return v.Report, fmt.Errorf("audit log %s: %w", path, err)
	}
	v.compareAnchor()
	if v.Records > 0 && !namedAfter(path, v.RunID) {
		v.problem(0, "it holds run %s, of which it does not have the name: another run's log lies in its place", Clip(v.RunID, 64))
	}
	sort.SliceStable(v.Problems, func(i, j int) bool { return v.Problems[i].Line < v.Problems[j].Line })
	return v.Report, nil
}

// namedAfter says whether a file is called as the log of a run. Of what has no such name, as a copy elsewhere, that is not asked.
func namedAfter(path, runID string) bool {
	began, rest, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), logExt), "_")
	if _, err := time.Parse(startLayout, began); err != nil {
		return true
	}
	return rest == runID || strings.HasPrefix(rest, runID+"_")
}

type verifier struct {
	Report
	size     int64
	anchored bool // there is an anchor to compare with
	anchor   anchor
	low      *link // the line that carries anchor.low's seq
	high     *link // the line that carries anchor.high's

	recent []link // the last lines, oldest first; at most lookBack
	body   []byte // what is hashed
	backs  int    // times the clock went back
}

// link is a line's place in the chain.
type link struct {
	no    int
	seq   uint64
	chain [32]byte
}

// lookBack is how many lines back a line's predecessor is looked for, to tell inserted and moved lines from altered ones.
const lookBack = 64

func (v *verifier) problem(line int, format string, args ...any) {
	if len(v.Problems) == maxProblems {
		v.More++
		return
	}
	v.Problems = append(v.Problems, Problem{line, fmt.Sprintf(format, args...)})
}

func (v *verifier) note(line int, format string, args ...any) {
	v.Notes = append(v.Notes, Problem{line, fmt.Sprintf(format, args...)})
}

func (v *verifier) readAnchor(path, anchorDir string) {
	if anchorDir == "" {
		v.note(0, "not compared with an anchor: a cut end would not show")
		return
	}
	a, err := readAnchor(path, anchorDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.problem(0, "its anchor %s is missing: a cut end would not show", anchorPath(path, anchorDir))
	case err != nil:
		v.problem(0, "its anchor cannot be used: %v", err)
	default:
		v.anchor, v.anchored = a, true
		if a.torn {
			v.note(0, "one of its anchor's two lines is not whole, as a kill may leave it")
		}
	}
}

func (v *verifier) lines(r io.Reader) error {
	lines := newLineReader(r)
	for {
		l, err := lines.next()
		if torn := (*TornError)(nil); errors.As(err, &torn) {
			if lines.off-int64(torn.Bytes) >= v.size && v.last().seq >= v.anchor.low.seq {
				return nil // being written
			}
			v.Torn = true
			v.note(torn.Line, "the last line is not whole: %d bytes of it are there", torn.Bytes)
			return nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if l.end > v.size && v.last().seq >= v.anchor.low.seq {
			return nil // written since
		}
		v.line(l)
	}
}

// last is the line before, or the start of the chain.
func (v *verifier) last() link {
	if len(v.recent) == 0 {
		return link{}
	}
	return v.recent[len(v.recent)-1]
}

func (v *verifier) line(l line) {
	v.Records++
	if l.long {
		v.problem(l.no, "longer than %d bytes: not a record", maxReadLine)
		return
	}
	m, ok := readMembers(l.raw)
	if !ok {
		v.problem(l.no, "not a record")
		return
	}
	v.facts(l.no, &m)
	stated, ok := statedChain(l.raw)
	if !ok {
		v.problem(l.no, "it has no chain")
		return
	}
	this := link{l.no, m.Seq, stated}
	if no, ok := v.copyOf(this); ok {
		v.problem(l.no, "a copy of line %d", no)
		return
	}
	v.follow(l, this)
	if v.recent = append(v.recent, this); len(v.recent) > lookBack {
		v.recent = append(v.recent[:0], v.recent[1:]...)
	}
	if m.Seq == v.anchor.low.seq {
		v.low = &this
	}
	if m.Seq == v.anchor.high.seq {
		v.high = &this
	}
}

// facts takes what the report says of the whole log.
func (v *verifier) facts(no int, m *members) {
	if len(v.recent) == 0 {
		v.RunID, v.First = m.RunID, m.Time
		v.recent = []link{{0, 0, genesis(m.RunID)}}
	}
	if m.RunID != v.RunID {
		v.problem(no, "of another run, %s", Clip(m.RunID, 64))
	}
	since, came := v.Last, m.Event == Sent || m.Event == Refused
	if came { // its time is when the request did, which may have waited while others went on
		since = v.First
	}
	if m.Time.Before(since) {
		if v.backs++; v.backs == 1 {
			v.note(no, "the clock went back by %v", since.Sub(m.Time))
		}
	}
	if !came || m.Time.After(v.Last) {
		v.Last = m.Time
	}
	v.Complete = v.Complete || m.Event == RunEnd
}

// follow checks that a line follows from the one before, and else says what happened as well as can be known.
func (v *verifier) follow(l line, this link) {
	last := v.last()
	from, known := v.predecessor(l.raw, this.chain)
	switch {
	case known && from == last:
		if this.seq != last.seq+1 {
			v.problem(l.no, "carries seq %d where %d was expected", this.seq, last.seq+1)
		}
	case known && !v.blamed(from.no): // the lines between do not belong there
		v.intruders(from.no+1, l.no)
	case this.seq > last.seq+1:
		missing := "1 line is"
		if n := this.seq - last.seq - 1; n > 1 {
			missing = fmt.Sprintf("%d lines are", n)
		}
		v.problem(l.no, "%s missing before it (it carries seq %d after %d)", missing, this.seq, last.seq)
	case this.seq <= last.seq:
		v.problem(l.no, "inserted or moved here (it carries seq %d after %d)", this.seq, last.seq)
	default:
		v.problem(l.no, "altered: it does not follow from the line before")
	}
}

// blamed says whether something was said about a line already: where it was moved, the lines after it are in place, and
// what follows from it misses it.
func (v *verifier) blamed(no int) bool {
	return slices.ContainsFunc(v.Problems, func(p Problem) bool { return p.Line == no && no > 0 })
}

// predecessor finds the recent line from which raw follows, the newest first. Past maxProblems only the last is tried:
// a file full of nonsense costs no more time than a good one.
func (v *verifier) predecessor(raw []byte, stated [32]byte) (from link, known bool) {
	v.body = append(v.body[:0], make([]byte, sha256.Size)...)
	v.body = append(append(v.body, raw[:len(raw)-chainTail]...), '}')
	oldest := 0
	if v.More > 0 {
		oldest = len(v.recent) - 1
	}
	for i := len(v.recent) - 1; i >= oldest; i-- {
		copy(v.body, v.recent[i].chain[:])
		if sha256.Sum256(v.body) == stated {
			return v.recent[i], true
		}
	}
	return link{}, false
}

// copyOf finds the recent line that has this one's chain.
func (v *verifier) copyOf(this link) (int, bool) {
	for _, r := range v.recent {
		if r.no > 0 && r.chain == this.chain {
			return r.no, true
		}
	}
	return 0, false
}

// intruders replaces what was said about the lines from first to before end, which stand between a line and its true
// predecessor.
func (v *verifier) intruders(first, end int) {
	v.Problems = slices.DeleteFunc(v.Problems, func(p Problem) bool { return first <= p.Line && p.Line < end })
	for no := first; no < end; no++ {
		v.problem(no, "inserted or moved here: the lines around it follow from each other without it")
	}
}

// statedChain takes the chain off the end of a line.
func statedChain(raw []byte) (sum [32]byte, ok bool) {
	if len(raw) < chainTail {
		return sum, false
	}
	tail := raw[len(raw)-chainTail:]
	digits, ok := bytes.CutPrefix(tail, []byte(chainMember))
	if !ok || !bytes.HasSuffix(digits, []byte(`"}`)) {
		return sum, false
	}
	digits = digits[:64]
	_, err := hex.Decode(sum[:], digits)
	return sum, err == nil && hex.EncodeToString(sum[:]) == string(digits)
}

func (v *verifier) compareAnchor() {
	if !v.anchored || v.anchor.high.seq == 0 && v.Records == 0 {
		return
	}
	last, low, high := v.last(), v.anchor.low, v.anchor.high
	switch {
	case last.seq < low.seq:
		v.problem(v.Records+1, "the end is cut off: the anchor knows of %d lines, here are %d", low.seq, last.seq)
	case low.seq == 0 && low.chain != genesis(v.RunID) && v.Records > 0:
		v.problem(1, "the anchor is of another run")
	case !low.at(v.low):
		v.problem(lineOf(v.low, low.seq), "not the line that the anchor knows: the log was rewritten, or is another one")
	case last.seq > high.seq:
		v.problem(lineOf(v.high, high.seq)+1, "%d lines were added after the anchor's last, %d", last.seq-high.seq, high.seq)
	case last.seq == high.seq && !high.at(v.high):
		v.problem(last.no, "not the line that the anchor announces: it was added, or altered")
	case v.Torn && last.seq == high.seq && !v.anchor.torn:
		v.problem(v.Records+1, "it was added: the anchor announces nothing after %d", high.seq)
	case last.seq > low.seq:
		v.note(last.no, "%d lines are written without their anchor: the process ended in between", last.seq-low.seq)
	}
}

// at says whether l is the line that h names; before the first line is none.
func (h *head) at(l *link) bool { return h.seq == 0 || l != nil && l.chain == h.chain }

// lineOf is the number of the line that carries seq, where there is one.
func lineOf(l *link, seq uint64) int {
	if l != nil {
		return l.no
	}
	return int(seq)
}
