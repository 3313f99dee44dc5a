package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"agentguard/policy/action"
)

// direct asks in HTTP/1.1 from the goroutine of the exchange itself. http.Transport has two goroutines for each connection,
// and to change over to them and back costs more than all else of a short exchange. A request that has a body is not for
// it, since the answer may begin before all is sent, nor one that wants another protocol.
type direct struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config

	mu     sync.Mutex
	idle   map[way][]*line // the one used last is the last
	reaper *time.Timer     // ends those that were idle for long; nil: none is idle
	closed bool
}

// way is whom a connection leads to, and how.
type way struct {
	plain bool
	addr  string
}

// line is a connection to an upstream.
type line struct {
	net.Conn       // TLS, or plain
	bulk     *bulk // below TLS
	wire     *wire // and below that
	to       way
	r        *bufio.Reader
	w        *bufio.Writer
	left     int64     // that may be read, in bytes
	until    time.Time // reads wait; zero: for ever
	since    time.Time // it is idle
}

// The bounds of a connection that asks.
const (
	answerTimeout = 15 * time.Minute // models think long
	idleUpstream  = 90 * time.Second
	maxIdle       = 128 // connections to one upstream
	maxAnswerHead = 4 * maxHeader
	lineBuffer    = 4 << 10 // a body passes by it
)

// takes says whether a request may go this way.
func (d *direct) takes(r *http.Request) bool {
	return canProbe && (r.Body == nil || r.Body == http.NoBody) && r.Header["Upgrade"] == nil
}

// RoundTrip implements http.RoundTripper. Where a connection that was idle ends before it has said anything, its server
// meant to end it before it saw the request, and what asks for no change is asked again (RFC 9112 section 9.3.1), once: over a new one.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := sendable(r.Header); err != nil {
		return nil, err
	}
	to := wayOf(r.URL)
	if l := d.take(to); l != nil {
		resp, err := d.ask(l, r)
		var silent silentError
		if err == nil || !errors.As(err, &silent) || !isSafe(r.Method) {
			return resp, err
		}
	}
	l, err := d.open(r.Context(), to)
	if err != nil {
		return nil, unsentError{err}
	}
	return d.ask(l, r)
}

// sendable refuses headers that would not arrive as they are.
func sendable(h http.Header) error {
	for name, values := range h {
		if !action.IsToken(name) {
			return fmt.Errorf("the header name %s is no token", quote(name))
		}
		for _, v := range values {
			for i := range len(v) {
				if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
					return fmt.Errorf("the header %s holds a control character", name)
				}
			}
		}
	}
	return nil
}

func wayOf(u *url.URL) way {
	to := way{u.Scheme == "http", u.Host}
	if u.Port() == "" {
		to.addr = net.JoinHostPort(u.Hostname(), strconv.Itoa(int(action.DefaultPort(to.plain))))
	}
	return to
}

// open makes a connection.
func (d *direct) open(ctx context.Context, to way) (*line, error) {
	raw, err := d.dial(ctx, "tcp", to.addr)
	if err != nil {
		return nil, err
	}
	l := &line{to: to, wire: newWire(raw), left: math.MaxInt64}
	l.bulk = &bulk{Conn: l.wire}
	if l.Conn = l.bulk; !to.plain {
		host, _, _ := net.SplitHostPort(to.addr)
		cfg := d.tls.Clone()
		cfg.ServerName = host
		conn := tls.Client(l.bulk, cfg)
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		l.Conn = conn
	}
	l.r, l.w = bufio.NewReaderSize(l, lineBuffer), bufio.NewWriterSize(l.Conn, lineBuffer)
	return l, nil
}

// Read bounds what is read of the head of an answer.
func (l *line) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongHead
	}
	n, err := l.Conn.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

var errLongHead = fmt.Errorf("the header of the answer is longer than %d bytes", maxAnswerHead)

// silentError is a connection that ended before it said anything.
type silentError struct{ error }

func (e silentError) Error() string {
	return "the connection ended before an answer came: " + e.error.Error()
}

func (e silentError) Unwrap() error { return e.error }

// ask sends a request and reads the head of the answer.
func (d *direct) ask(l *line, r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	b := &lineBody{d: d, l: l, ctx: ctx, stop: context.AfterFunc(ctx, func() { l.Close() })}
	resp, err := l.exchange(r)
	if err != nil {
		b.end(false)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	b.again = !resp.Close && resp.StatusCode >= 200
	if r.Method == http.MethodHead || resp.ContentLength == 0 || resp.Body == http.NoBody {
		b.end(true)
		return resp, nil
	}
	if resp.ContentLength < 0 || resp.ContentLength > int64(l.r.Buffered()) {
		l.wait(time.Time{})
	}
	b.body, resp.Body = resp.Body, b
	return resp, nil
}

// exchange hands on what comes of 1xx, as http.Transport does.
func (l *line) exchange(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: l.bulk})
	}
	if now := time.Now(); l.until.Sub(now) < answerTimeout-time.Minute { // to set it for each request would cost more
		l.wait(now.Add(answerTimeout))
	}
	l.left = maxAnswerHead
	defer func() { l.left = math.MaxInt64 }()
	if err := errors.Join(r.Write(l.w), l.w.Flush()); err != nil {
		return nil, silentError{err}
	}
	switch _, err := l.r.Peek(1); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, silentError{err}
	}
	for {
		resp, err := http.ReadResponse(l.r, r)
		if err != nil || resp.StatusCode < 100 || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// wait bounds how long reads may take.
func (l *line) wait(until time.Time) {
	l.until = until
	l.SetReadDeadline(until)
}

// lineBody is the body of an answer. At its end the connection is free for the next request; who closes it before ends the
// connection.
type lineBody struct {
	body  io.ReadCloser
	d     *direct
	l     *line
	ctx   context.Context
	stop  func() bool // ending the connection with ctx
	again bool        // the connection may be used again
	over  atomic.Bool
}

func (b *lineBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil {
		b.end(err == io.EOF)
		if err != io.EOF && b.ctx.Err() != nil {
			err = context.Cause(b.ctx)
		}
	}
	return n, err
}

func (b *lineBody) Close() error {
	b.end(false)
	return nil
}

// end is done with the connection. A Read may still be under way when Close comes: one of them ends it.
func (b *lineBody) end(whole bool) {
	if b.over.Swap(true) {
		return
	}
	if b.stop() && whole && b.again && b.l.r.Buffered() == 0 {
		b.d.give(b.l)
		return
	}
	b.l.Close()
}

// take gives an idle connection, or nil. One that has ended, or says what nobody asked for, is not given.
func (d *direct) take(to way) *line {
	for {
		d.mu.Lock()
		list := d.idle[to]
		if len(list) == 0 {
			d.mu.Unlock()
			return nil
		}
		l := list[len(list)-1]
		list[len(list)-1] = nil
		d.idle[to] = list[:len(list)-1]
		d.mu.Unlock()
		if l.quiet() {
			return l
		}
		l.Close()
	}
}

// quiet says whether nothing has come on an idle connection, its end neither.
func (l *line) quiet() bool {
	l.wire.probing = true
	_, err := l.r.Peek(1)
	l.wire.probing = false
	return errors.Is(err, errNothing)
}

// give takes a connection back.
func (d *direct) give(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle[l.to]) >= maxIdle {
		go l.Close()
		return
	}
	l.since = time.Now()
	d.idle[l.to] = append(d.idle[l.to], l)
	if d.reaper == nil {
		d.reaper = time.AfterFunc(idleUpstream, d.reap)
	}
}

// reap ends what was idle for long.
func (d *direct) reap() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reaper = nil
	old := time.Now().Add(-idleUpstream)
	for to, list := range d.idle {
		n := 0
		for n < len(list) && (d.closed || !list[n].since.After(old)) {
			go list[n].Close()
			n++
		}
		if list = append([]*line(nil), list[n:]...); len(list) == 0 {
			delete(d.idle, to)
			continue
		}
		d.idle[to] = list
		if d.reaper == nil {
			d.reaper = time.AfterFunc(idleUpstream, d.reap)
		}
	}
}

// Close ends the idle connections; the others end when they have answered.
func (d *direct) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.reap()
}

func (d *direct) closeIdle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, list := range d.idle {
		for _, l := range list {
			go l.Close()
		}
	}
	clear(d.idle)
}
