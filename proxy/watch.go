package proxy

import (
	"errors"
	"io"
	"iter"

	"agentguard/proxy/scrub"
)

// watch has a body read by who must know all of it, while it is sent: what is sent has been read. The reading is a coroutine, which
// costs less to change over to than a goroutine, and finds the bytes in the nearest cache. A nil *watch is nobody's.
type watch struct {
	judge    func(io.Reader) error
	encoding []string // that it is read without
	room     scrub.Room

	p       []byte // not yet read
	last    bool   // nothing comes behind it
	read    func() (struct{}, bool)
	stop    func() // nil: nothing was sent yet
	verdict error
	over    bool // it is known
}

// watched sets it up, for when the body is sent.
func (b *peekedBody) watched(judge func(io.Reader) error) {
	b.watch = &watch{judge: judge, encoding: b.encoding, room: b.room}
}

func (w *watch) begin() {
	w.read, w.stop = iter.Pull(func(more func(struct{}) bool) {
		body, err := io.Reader(&watchedBody{w, more}), error(nil)
		if len(w.encoding) > 0 {
			body, err = scrub.DecodeIn(w.room, w.encoding, body)
		}
		if err == nil {
			err = w.judge(body)
		}
		if c, ok := body.(io.Closer); ok {
			c.Close()
		}
		w.verdict, w.over = err, true
	})
}

// watchedBody is the body as the judge reads it.
type watchedBody struct {
	*watch
	more func(struct{}) bool
}

// Read lets what was read be sent, and goes on when more is to be.
func (w *watchedBody) Read(p []byte) (int, error) {
	for len(w.p) == 0 {
		if w.last {
			return 0, io.EOF
		}
		if !w.more(struct{}{}) {
			return 0, io.ErrUnexpectedEOF
		}
	}
	n := copy(p, w.p)
	w.p = w.p[n:]
	return n, nil
}

// sees is asked before bytes are sent, and says why they must not be.
func (w *watch) sees(p []byte, last bool) *Refusal {
	if w == nil {
		return nil
	}
	if w.stop == nil {
		w.begin()
	}
	w.p, w.last = p, last
	if !w.over {
		w.read()
	}
	if w.over && w.verdict == nil && len(w.p) > 0 {
		w.verdict = errors.New("its body goes on behind the end of its content encoding")
	}
	w.p = nil
	return w.refusal()
}

func (w *watch) refusal() *Refusal {
	var told refusalError
	switch {
	case w.verdict == nil:
		return nil
	case errors.As(w.verdict, &told):
		return told.Refusal
	}
	return deny(w.verdict.Error(), "")
}

// end is for a body that is sent no further. It says whether the verdict is known, and what that refuses.
func (w *watch) end() (known bool, f *Refusal) {
	if w == nil || w.stop == nil {
		return false, nil
	}
	known, f = w.over, w.refusal()
	w.stop()
	return known, f
}
