package limit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"
)

// The journal of a File is text, one line for each thing that happened:
//
//	<checksum> agentguard limits 1
//	<checksum> window <key> <per> <t> <t> ...
//	<checksum> at <now> <mono> <wall> <boot> [<per> <n> <key>]...
//
// Fields are separated by tabs. The first line names the format. A window holds what was live when the file was last
// written anew. Each "at" is one Take, of as many triples as it had, or of none; the first ends the windows, and a file
// without one is not whole. Times are nanoseconds: now and t since the file was first made, wall since 1970, mono of the
// start of the machine that boot names. A checksum is the CRC-32 (IEEE) of the line and of all before it, in 8 hex digits.
//
// A line is what lies between two line feeds. What follows the last one was never finished: whoever wrote it was killed
// before it gave the permit.

const journalHead = "agentguard limits 1"

// journal is what a journal says, as far as it was read.
type journal struct {
	book
	now    time.Duration // of the last "at"
	clocks Reading       // of that moment
	sum    uint32        // over all that was read
	line   int
	fixed  int64 // bytes up to the first "at", included: what there is however little was taken since
	begun  bool  // the first "at" was read
}

// read takes in whole lines. After an error the journal is worth nothing.
func (j *journal) read(text []byte) error {
	for line := range bytes.Lines(text) {
		j.line++
		if !j.begun {
			j.fixed += int64(len(line))
		}
		if err := j.readLine(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			return fmt.Errorf("line %d %w", j.line, err)
		}
	}
	if !j.begun {
		return errors.New("is not whole")
	}
	return nil
}

func (j *journal) readLine(line []byte) error {
	_, body, _ := bytes.Cut(line, []byte("\t"))
	same := lines{sum: j.sum}
	same.add(body)
	if j.sum = same.sum; !bytes.Equal(line, same.text[:len(same.text)-1]) {
		return errors.New("is not what was written: its checksum is another")
	}
	fields := strings.Split(string(body), "\t")
	switch {
	case j.line == 1 && string(body) == journalHead:
		return nil
	case j.line == 1:
		return fmt.Errorf("says %q, where this agentguard writes %q", body, journalHead)
	case fields[0] == "window" && len(fields) > 3 && !j.begun:
		return j.window(fields[1], fields[2:])
	case fields[0] == "at" && len(fields) >= 5 && len(fields)%3 == 2:
		return j.entry(fields[1:])
	}
	return errors.New("is of no known kind")
}

func (j *journal) window(key string, fields []string) error {
	var n numbers
	w := &window{per: time.Duration(n.from(1, fields[0])), log: make([]time.Duration, 0, len(fields)-1)}
	for _, f := range fields[1:] {
		t := time.Duration(n.from(0, f))
		if k := len(w.log); k > 0 && t < w.log[k-1] {
			return errOrder
		}
		w.log = append(w.log, t)
	}
	j.now = max(j.now, w.log[len(w.log)-1])
	j.windows[strings.Clone(key)] = w
	return n.err
}

func (j *journal) entry(fields []string) error {
	var n numbers
	now := time.Duration(n.from(0, fields[0]))
	clocks := Reading{
		Mono: time.Duration(n.from(0, fields[1])),
		Wall: time.Unix(0, n.from(math.MinInt64, fields[2])),
		Boot: fields[3],
	}
	var takes []Take
	for f := fields[4:]; len(f) > 0; f = f[3:] {
		takes = append(takes, Take{Key: f[2], N: int(n.from(1, f[1])), Rate: Rate{Per: time.Duration(n.from(1, f[0]))}})
		if takes[len(takes)-1].N > MaxPermits {
			return fmt.Errorf("takes %s permits at once", f[1])
		}
	}
	switch {
	case n.err != nil:
		return n.err
	case now < j.now:
		return errOrder
	}
	j.begun = true
	j.took(takes, now, clocks)
	return nil
}

// took notes what a line says.
func (j *journal) took(takes []Take, now time.Duration, clocks Reading) {
	j.now, j.clocks = now, clocks
	j.count(takes, now)
}

var errOrder = errors.New("is of an earlier time than what stands before it")

// numbers reads numbers, and keeps the first error.
type numbers struct{ err error }

func (n *numbers) from(least int64, s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if (err != nil || v < least) && n.err == nil {
		n.err = fmt.Errorf("holds %q where a number must be", s)
	}
	return v
}

// lines are lines of a journal in the making.
type lines struct {
	text []byte
	sum  uint32
}

func (l *lines) add(body []byte) {
	l.sum = crc32.Update(l.sum, crc32.IEEETable, body)
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], l.sum)
	l.text = append(append(hex.AppendEncode(l.text, sum[:]), '\t'), body...)
	l.text = append(l.text, '\n')
}

// entry adds the line of a Take.
func (l *lines) entry(takes []Take, now time.Duration, clocks Reading) {
	b := append(make([]byte, 0, 256), "at"...)
	for _, v := range [...]int64{int64(now), int64(clocks.Mono), clocks.Wall.UnixNano()} {
		b = strconv.AppendInt(append(b, '\t'), v, 10)
	}
	b = append(append(b, '\t'), clocks.Boot...)
	for _, t := range takes {
		b = strconv.AppendInt(append(b, '\t'), int64(t.Rate.Per), 10)
		b = strconv.AppendInt(append(b, '\t'), int64(t.N), 10)
		b = append(append(b, '\t'), t.Key...)
	}
	l.add(b)
}

// anew is a journal that says what j says at now, in as few lines as can be.
func (j *journal) anew(now time.Duration, clocks Reading) lines {
	var l lines
	l.add([]byte(journalHead))
	for key, w := range j.windows {
		live := w.log[w.expired(now-w.per):]
		if len(live) == 0 {
			continue
		}
		b := strconv.AppendInt([]byte("window\t"+key+"\t"), int64(w.per), 10)
		for _, t := range live {
			b = strconv.AppendInt(append(b, '\t'), int64(t), 10)
		}
		l.add(b)
	}
	l.entry(nil, now, clocks)
	return l
}
