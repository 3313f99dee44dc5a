package proxy

import (
	"errors"
	"io"

	"agentguard/proxy/scrub"
)

// watchedPiece is how much of a watched body is handed over at once, in bytes: less costs more in changing over than in reading.
const watchedPiece = 256 << 10

// watch has a body read by who must know all of it, while it is sent. The reading may be a piece behind what is sent; the end is
// sent only after the verdict.
type watch struct {
	to      *io.PipeWriter
	piece   []byte // not yet handed over
	verdict chan error
	said    error // once the verdict is known
	over    bool
}

// watched sets it up, for when the body is sent.
func (b *peekedBody) watched(judge func(io.Reader) error) { b.judge = judge }

func newWatch(encoding []string, judge func(io.Reader) error) *watch {
	from, to := io.Pipe()
	w := &watch{to: to, verdict: make(chan error, 1)}
	go func() {
		body, err := io.Reader(from), error(nil)
		if len(encoding) > 0 {
			body, err = scrub.Decode(encoding, from)
		}
		if err == nil {
			err = judge(body)
		}
		from.Close()
		w.verdict <- err
	}()
	return w
}

// sees is asked before bytes are sent. An error is why they must not be.
func (w *watch) sees(p []byte, last bool) error {
	if w.over {
		return w.said
	}
	w.piece = append(w.piece, p...)
	if len(w.piece) < watchedPiece && !last {
		return nil
	}
	_, err := w.to.Write(w.piece)
	w.piece = w.piece[:0]
	if err == nil && !last {
		return nil
	}
	w.piece = nil
	w.to.Close()
	w.over, w.said = true, <-w.verdict
	if err != nil && w.said == nil {
		w.said = errors.New("its body goes on behind the end of its content encoding")
	}
	return w.said
}

// end is for a body that is sent no further.
func (w *watch) end() { w.to.CloseWithError(io.ErrUnexpectedEOF) }
