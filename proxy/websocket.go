package proxy

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"agentguard/policy"
	"agentguard/proxy/scrub"
)

// asksForWebSocket leaves out HTTP/1.0, which has no such question (RFC 9110 section 7.8), and what is no handshake of RFC 6455
// section 4.1: behind a 101, two would read what is left of a body.
func asksForWebSocket(r *http.Request) bool {
	return isWebSocket(r.Header) && r.ProtoAtLeast(1, 1) && r.Method == http.MethodGet && r.ContentLength == 0 && len(r.Header[webSocketKey]) == 1
}

const (
	webSocketKey    = "Sec-Websocket-Key"
	webSocketAccept = "Sec-Websocket-Accept"
)

// askForWebSocket puts a key of our own in the place of the child's. Who answers with what belongs to it has read the handshake. A 101
// that comes of something else, as of a page that answers with any status and any header, is not taken for a WebSocket: its server would
// read what the child sends next as requests, which nobody has judged.
func (ex *Exchange) askForWebSocket(h http.Header) {
	ex.key = h[webSocketKey][0]
	h[webSocketKey] = []string{base64.StdEncoding.EncodeToString([]byte(rand.Text()[:16]))}
}

// openWebSocket looks for the answer to our key, and answers the child's.
func (ex *Exchange) openWebSocket(r *http.Response) error {
	switch given := r.Header[webSocketAccept]; {
	case !ex.WebSocket || !isWebSocket(r.Header):
		return errUnasked
	case len(given) != 1 || given[0] != accepts(r.Request.Header.Get(webSocketKey)):
		return refusalError{upstreamFailed("the upstream answered 101 and has not read the WebSocket's key (Sec-WebSocket-Accept)", "")}
	}
	r.Header[webSocketAccept] = []string{accepts(ex.key)}
	return nil
}

// accepts is the answer to a key (RFC 6455 section 4.2.2).
func accepts(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func isWebSocket(h http.Header) bool {
	return strings.EqualFold(h.Get("Upgrade"), "websocket") && strings.Contains(strings.ToLower(strings.Join(h["Connection"], ",")), "upgrade")
}

// scrubMessages reads what the upstream sends over a WebSocket, message by message.
func (p *Proxy) scrubMessages(ex *Exchange, r *http.Response, set *scrub.Set) *Refusal {
	conn, ok := r.Body.(io.ReadWriteCloser)
	if !ok {
		return upstreamFailed("the upstream's WebSocket cannot be written to", "")
	}
	if ex.Claim.Kind == policy.ForService && strings.Join(r.Header["Sec-Websocket-Extensions"], "") != "" {
		return upstreamFailed("the upstream turned on a WebSocket extension that was not asked for", "")
	}
	ex.Scrubbed += set.Header(r.Header) // ReverseProxy writes this header block past our ResponseWriter
	r.Status = ""                       // and the upstream's own words for 101 with it
	m := &messages{ReadWriteCloser: conn, from: conn, run: p.ctx}
	if ex.Claim.Kind == policy.ForService && set != nil {
		m.from = set.Frames(conn, func(n int) { m.scrubbed.Add(int64(n)) })
	}
	ex.messages, r.Body = m, m
	return nil
}

// messages is the upstream's end of a WebSocket. Its counters outlive the exchange: what copies one direction may still be
// at work when the other has ended.
type messages struct {
	io.ReadWriteCloser
	from                     io.Reader
	run                      context.Context
	sent, received, scrubbed atomic.Int64
	broke                    atomic.Pointer[error] // what the upstream sent that is no frame; nil: nothing
}

func (m *messages) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.received.Add(int64(n))
	switch {
	case errors.Is(err, scrub.ErrFrame):
		broke := err // err itself would then be made anew for each Read
		m.broke.Store(&broke)
	case err == io.EOF && m.run.Err() != nil:
		err = net.ErrClosed // after an end without an error the child would be waited for
	}
	return n, err
}

func (m *messages) Write(p []byte) (int, error) {
	n, err := m.ReadWriteCloser.Write(p)
	m.sent.Add(int64(n))
	return n, err
}

func (m *messages) finish(ex *Exchange) {
	if m == nil {
		return
	}
	ex.Sent, ex.Received, ex.Scrubbed = m.sent.Load(), m.received.Load(), ex.Scrubbed+int(m.scrubbed.Load())
	if err := m.broke.Load(); err != nil && ex.Failure == "" {
		ex.Failure = "the messages broke off: " + (*err).Error()
	}
}
