package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync/atomic"
)

// What an upstream sends ahead of a child that does not read it waits in memory. HTTP/1.1 leaves that to the system, for each connection;
// a connection in HTTP/2 has a hundred answers, each of which has a window of its own (RFC 9113 section 5.2), and none may wait for
// another. net/http gives all of them the same. Here an answer begins with a small one, and it grows while it is read, as long as there
// is room for all of the run together.

const (
	// streamBuffer is the most that may wait of an answer, in bytes; what net/http believes that each may.
	streamBuffer = 1 << 20
	// firstWindow is what each may have, whatever waits of others.
	firstWindow = 16 << 10
	// usualWindow is what it has at once while half of the room is left: few answers are longer.
	usualWindow = 256 << 10
	// maxAnswers is the room of a run for what is beyond the first windows, in bytes.
	maxAnswers = 8 << 20

	prefaceLen = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
)

var errOverflow = errors.New("the upstream sent more over HTTP/2 than it was given credit for")

// answerRoom counts what may wait in a run and what does, in bytes.
type answerRoom struct {
	given atomic.Int64 // to answers that go on, beyond the first windows
	waits atomic.Int64 // has come and has not been read
}

// take gives n bytes of it where that leaves no more than most taken.
func (r *answerRoom) take(n, most int64) bool {
	if r.given.Add(n)+r.waits.Load() <= most {
		return true
	}
	r.given.Add(-n)
	return false
}

// answerWindows are those of one connection.
type answerWindows struct {
	all    *answerRoom
	of     map[uint32]answerWindow
	waits  int64  // of all.waits
	last   uint32 // stream that began
	opened bool   // the connection's own window is told
	closed bool
}

// answerWindow is that of a stream whose answer goes on.
type answerWindow struct {
	left  int64 // may come at once
	given int64 // of all.given
	read  int64 // since it last grew
}

// narrowed is what a connection begins with, the window of its streams being a small one.
func narrowed(p []byte) []byte {
	p = bytes.Clone(p)
	var h frameHead
	at := prefaceLen + copy(h.b[:], p[min(prefaceLen, len(p)):])
	for end := min(at+int(h.size()), len(p)); at+6 <= end; at += 6 {
		if binary.BigEndian.Uint16(p[at:]) == settingInitialWindow {
			binary.BigEndian.PutUint32(p[at+2:], firstWindow)
		}
	}
	return p
}

// begin is for a header block that is sent: it may open a stream. It says what that may have beyond the first window.
func (w *answerWindows) begin(stream uint32) int64 {
	if w.closed || stream <= w.last {
		return 0
	}
	w.last = stream
	more := int64(usualWindow - firstWindow)
	if !w.all.take(more, maxAnswers/2) {
		more = 0
	}
	w.of[stream] = answerWindow{left: firstWindow + more, given: more}
	return more
}

// read is told that n bytes have been read, and says how much a window grows: it doubles whenever all of it was read.
func (w *answerWindows) read(stream uint32, n int64) int64 {
	if stream == 0 {
		if w.opened {
			w.wait(-n)
		}
		w.opened = true
		return 0
	}
	s, goes := w.of[stream]
	if !goes {
		return 0
	}
	s.left, s.read = s.left+n, s.read+n
	more := int64(0)
	if size := firstWindow + s.given; s.read >= size {
		if more = min(size, streamBuffer-size); !w.all.take(more, maxAnswers) {
			more = 0
		}
		s.read = 0
	}
	s.left, s.given = s.left+more, s.given+more
	w.of[stream] = s
	return more
}

// comes says whether n bytes of an answer may come.
func (w *answerWindows) comes(stream uint32, n int64) bool {
	w.wait(n)
	s, goes := w.of[stream]
	if goes {
		s.left -= n
		w.of[stream] = s
	}
	return s.left >= 0
}

func (w *answerWindows) wait(n int64) {
	if !w.closed {
		w.waits += n
		w.all.waits.Add(n)
	}
}

// end is for a stream of which nothing more may come. What has come still waits.
func (w *answerWindows) end(stream uint32) {
	w.all.given.Add(-w.of[stream].given)
	delete(w.of, stream)
}

// close gives all back.
func (w *answerWindows) close() {
	for stream := range w.of {
		w.end(stream)
	}
	w.wait(-w.waits)
	w.closed = true
}
