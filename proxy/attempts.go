package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// attempts keeps http.Transport from sending a request more often than it was judged, counted and recorded. Where a connection ends
// without an answer, it sends one without a body again: over HTTP/1.1 once for each connection that is idle, over HTTP/2 up to seven
// times. Here what changes nothing leaves twice at most, the second time over a connection that has ended under nobody.
type attempts struct {
	method string
	left   atomic.Bool // the header of one has been written
	again  bool        // it leaves for the second time
	cancel context.CancelCauseFunc
}

var errSpent = silentError{io.ErrUnexpectedEOF}

// sparing asks so.
type sparing struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t sparing) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	a := &attempts{method: r.Method, cancel: cancel}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: a.gotConn, WroteHeaders: func() { a.left.Store(true) }})
	resp, err := t.Transport.RoundTrip(r.WithContext(ctx))
	if err == nil {
		return resp, nil
	}
	switch {
	case context.Cause(ctx) == errSpent:
		err = errSpent
	case !a.left.Load():
		err = unsentError{err}
	}
	cancel(err)
	return nil, err
}

// unsentError is why a request did not leave.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// gotConn is told of the connection of each attempt, before anything is written to it.
func (a *attempts) gotConn(c httptrace.GotConnInfo) {
	_, shared := c.Conn.(*creditConn)
	switch {
	case !a.left.Load():
		return
	case !isSafe(a.method) || a.again:
		a.cancel(errSpent) // HTTP/2 looks at it once more before it writes; HTTP/1.1 does not
	case shared || !c.Reused:
		a.again = true
		return
	}
	if !shared {
		c.Conn.Close() // has it try the next one that is idle, and at last a new one
	}
}
