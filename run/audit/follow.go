package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// followEvery is how often Follow looks for more: what was deferred is seen within 10 ms. Polling works on every system
// and file system, and costs 0.2% of a processor.
const followEvery = 5 * time.Millisecond

// heldEvery is after how many waits it asks whether somebody still writes.
const heldEvery = 50

// ErrNoEnd says that nobody writes a log any more that has no run.end.
var ErrNoEnd = errors.New("the run is over, and no end is on record: it was killed")

// Follow calls each with every record of a log, those already there first, and waits for more. It returns nil after a
// run.end, each's error, the context's, or ErrNoEnd. A last line that is not whole is waited for; lines that are no record are
// passed over.
func Follow(ctx context.Context, path string, each func(*Record) error) error {
	f, err := openRegular(path)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	defer f.Close()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	t := tail{f: f, buf: make([]byte, 0, 2*maxLine)}
	for waits := 1; ; waits++ {
		over := waits%heldEvery == 0 && !held(f) // asked before what it wrote last is read
		ended, err := t.drain(ctx, each)
		if ended || err != nil {
			return err
		}
		if over {
			return ErrNoEnd
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// tail reads whole lines. It keeps an offset instead of a half line, since the writer takes back what a full disk cut.
type tail struct {
	f    *os.File
	off  int64 // after the last whole line
	skip bool  // inside a line that is too long
	buf  []byte
}

// drain handles the whole lines that are there.
func (t *tail) drain(ctx context.Context, each func(*Record) error) (ended bool, err error) {
	for ctx.Err() == nil {
		n, err := t.f.ReadAt(t.buf[:cap(t.buf)], t.off)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("audit log: %w", err)
		}
		end := bytes.LastIndexByte(t.buf[:n], '\n') + 1
		if end == 0 {
			if n < cap(t.buf) {
				return false, nil // not whole yet
			}
			t.skip, t.off = true, t.off+int64(n)
			continue
		}
		t.off += int64(end)
		for raw := range bytes.Lines(t.buf[:end]) {
			if ended, err := t.line(raw, each); ended || err != nil {
				return ended, err
			}
		}
	}
	return false, ctx.Err()
}

func (t *tail) line(raw []byte, each func(*Record) error) (ended bool, err error) {
	if t.skip {
		t.skip = false
		return false, nil
	}
	l := line{raw: raw}
	rec, err := l.decode()
	if err != nil {
		return false, nil
	}
	return rec.Event == RunEnd, each(rec)
}
