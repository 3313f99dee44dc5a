package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxReadLine is the longest line that is read, LF included. It leaves room above maxLine for other writers.
const maxReadLine = 1 << 20

// TornError says that a log ends in the middle of a line: its writer was killed, the disk was full, or the line is being
// written at this moment. All before it was read.
type TornError struct {
	Line  int
	Bytes int // how much of the line there is
}

func (e *TornError) Error() string {
	return fmt.Sprintf("line %d: torn after %d bytes", e.Line, e.Bytes)
}

// LineError names a line that is no record.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap gives what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// Read calls each with every record of a log, its line's number and its bytes without LF, which are valid during the
// call. Memory stays flat. When each returns an error, Read stops and returns it. Lines that are no record, or longer
// than 1 MiB, are passed over; the first of them is returned as *LineError after all others were read. A torn last line
// is returned as *TornError. Read does not look at the chain, see [Verify].
func Read(r io.Reader, each func(line int, rec *Record, raw []byte) error) error {
	var bad error
	lines := newLineReader(r)
	for {
		l, err := lines.next()
		if err == io.EOF {
			return bad
		}
		if torn := (*TornError)(nil); errors.As(err, &torn) && bad != nil {
			return errors.Join(bad, err)
		}
		if err != nil {
			return err
		}
		rec, err := l.decode()
		if err != nil {
			if bad == nil {
				bad = &LineError{l.no, err}
			}
			continue
		}
		if err := each(l.no, rec, l.raw); err != nil {
			return err
		}
	}
}

// line is one whole line.
type line struct {
	no   int
	end  int64  // offset in the file, after the LF
	raw  []byte // without LF; valid until the next one is read
	long bool   // longer than maxReadLine; raw is empty
}

var errNoRecord = errors.New("not a record: it names no event")

func (l *line) decode() (*Record, error) {
	if l.long {
		return nil, fmt.Errorf("longer than %d bytes", maxReadLine)
	}
	rec := new(Record)
	if err := json.Unmarshal(l.raw, rec); err != nil {
		return nil, fmt.Errorf("not a record: %w", err)
	}
	if rec.Event == "" {
		return nil, errNoRecord
	}
	return rec, nil
}

// lineReader reads lines in flat memory.
type lineReader struct {
	r   *bufio.Reader
	no  int
	off int64
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxReadLine)}
}

// next gives the next whole line, io.EOF, or *TornError when what is left is no whole line.
func (lr *lineReader) next() (line, error) {
	l := line{no: lr.no + 1}
	raw, err := lr.r.ReadSlice('\n')
	n := len(raw)
	for err == bufio.ErrBufferFull {
		l.long = true
		raw, err = lr.r.ReadSlice('\n')
		n += len(raw)
	}
	lr.off += int64(n)
	l.end = lr.off
	switch {
	case err == io.EOF && n > 0:
		return line{}, &TornError{l.no, n}
	case err != nil:
		return line{}, err
	}
	lr.no++
	if !l.long {
		l.raw = raw[:len(raw)-1]
	}
	return l, nil
}
