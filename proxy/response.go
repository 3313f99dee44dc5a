package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"agentguard/policy"
	"agentguard/proxy/scrub"
)

// rewrite makes the outgoing request: what was matched is what is sent.
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	ex := exchangeOf(pr.In)
	out := pr.Out
	out.URL.Scheme = "https"
	if ex.Plain {
		out.URL.Scheme = "http"
	}
	out.URL.Host = ex.Authority.String()
	out.Host = ex.Authority.Short(ex.Plain)
	if swapped := pr.In.URL.Opaque; strings.HasPrefix(swapped, "/") {
		setPath(out.URL, swapped)
	} else {
		setPath(out.URL, ex.Path)
	}
	out.URL.RawQuery, out.URL.ForceQuery = pr.In.URL.RawQuery, pr.In.URL.ForceQuery
	if ex.body.isWhole() {
		out.Header.Del("Expect") // it is here already: to ask for it would be to wait in vain where a server does not answer that
	}
	out.Trailer = nil // what stands behind a body that was read ahead: nobody has judged it
	limitEncodings(out.Header, p.windows.scarce())
	if ex.WebSocket && ex.Claim.Kind == policy.ForService {
		out.Header.Del("Sec-Websocket-Extensions") // messages are read, so they must not be compressed
	}
	if ex.Claim.Kind == policy.ForService {
		out.Header.Del("Grpc-Accept-Encoding") // messages that are compressed one by one cannot be read
		out.Header.Del("Connect-Accept-Encoding")
	}
	if _, named := out.Header["User-Agent"]; !named {
		out.Header["User-Agent"] = nil // the child's choice: net/http would add its own
	}
}

// setPath has a path sent as it is. What net/url would respell goes into Opaque, except where that is not read as a path:
// net/http takes what begins with // there for the name of another host, and tells a proxy for plain HTTP no host at all.
func setPath(u *url.URL, raw string) {
	plain, err := url.PathUnescape(raw)
	u.Opaque, u.Path, u.RawPath = "", plain, raw
	if (err != nil || u.EscapedPath() != raw) && !strings.HasPrefix(raw, "//") && u.Scheme == "https" {
		u.Opaque = raw
	}
}

// limitEncodings leaves the content encodings that scrub can read, and if room is scarce those that take little.
func limitEncodings(h http.Header, scarce bool) {
	lines := h["Accept-Encoding"]
	if len(lines) == 0 {
		return
	}
	var keep []string
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "br", "zstd":
			if scarce {
				continue
			}
			fallthrough
		case "gzip", "x-gzip", "deflate", "identity":
			keep = append(keep, strings.TrimSpace(item))
		}
	}
	if len(keep) == 0 {
		keep = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(keep, ", ")}
}

func (p *Proxy) modifyResponse(r *http.Response) error {
	ex := exchangeOf(r.Request)
	if r.StatusCode == http.StatusSwitchingProtocols && (!ex.WebSocket || !isWebSocket(r.Header)) {
		return errUnasked
	}
	if r.StatusCode == http.StatusPartialContent && ex.Credential != nil { // Range was taken off: a secret in parts is not seen
		return refusalError{upstreamFailed("the upstream answered with a part that nobody asked for", "")}
	}
	if r.StatusCode < 100 || r.StatusCode > 999 { // net/http reads it, and panics when it writes it
		return refusalError{upstreamFailed("the upstream answered with the status "+strconv.Itoa(r.StatusCode), "")}
	}
	r.Header.Del("Alt-Svc") // it would send the child past the proxy
	r.Header.Del("X-Agentguard")
	r.Header.Del("X-Credential-Used") // ours to say
	if f := p.runResponse(ex, r); f != nil {
		ex.Failure = f.Reason
		return refusalError{f}
	}
	return nil
}

// scrub takes live values out of the body and the trailers. Headers are scrubbed when they are written, 1xx included.
func (p *Proxy) scrub(ex *Exchange, r *http.Response) *Refusal {
	set, fixed := p.live()
	if r.StatusCode == http.StatusSwitchingProtocols {
		return p.scrubMessages(ex, r, set)
	}
	messages := isFramed(r.Header.Get("Content-Type"))
	if messages {
		set = fixed
	}
	body := &countedBody{body: r.Body, from: r.Body, ex: ex, response: r, set: set, room: p.windows}
	r.Body = body
	if set == nil {
		return nil
	}
	if f := body.decode(); f != nil {
		return f
	}
	if ex.Claim.Kind == policy.ForService && isText(r.Header.Get("Content-Type")) {
		body.from = &text{Reader: body.from}
	}
	if !set.SameLength() {
		body.unknownLength()
	}
	hit := func(n int) { ex.Scrubbed += n }
	if messages {
		body.from = set.Messages(body.from, hit)
	} else {
		body.from = set.Reader(body.from, hit)
	}
	return nil
}

// isFramed says whether a body is a sequence of length-prefixed messages: gRPC, gRPC-Web but for its base64 form, and the
// streams of the Connect protocol.
func isFramed(contentType string) bool {
	return strings.HasPrefix(contentType, "application/grpc") && !strings.HasPrefix(contentType, "application/grpc-web-text") ||
		strings.HasPrefix(contentType, "application/connect+")
}

// decode takes the content encoding off. On an open host only one that the child asked for is, and none that cannot be.
func (b *countedBody) decode() *Refusal {
	codings := b.response.Header["Content-Encoding"]
	if len(codings) == 0 || !bodyAllowed(b.response) {
		return nil
	}
	guarded := b.ex.Claim.Kind == policy.ForService
	if !guarded && (b.response.StatusCode == http.StatusPartialContent || !asked(b.response.Request.Header, codings)) {
		return nil
	}
	plain, err := scrub.DecodeIn(b.room, codings, b.body)
	switch {
	case err == nil:
		b.from = plain
		b.codec, _ = plain.(io.Closer)
		b.response.Header.Del("Content-Encoding")
		b.unknownLength()
	case guarded:
		return upstreamFailed("the response cannot be read to keep secrets out of it: "+err.Error(), "ask for another Accept-Encoding")
	}
	return nil
}

// asked says whether the request named every coding: a client that did not may mean to keep what it gets.
func asked(request http.Header, codings []string) bool {
	accepted := strings.ToLower(strings.Join(request["Accept-Encoding"], ","))
	for coding := range strings.SplitSeq(strings.Join(codings, ","), ",") {
		if !strings.Contains(accepted, strings.ToLower(strings.TrimSpace(coding))) {
			return false
		}
	}
	return true
}

func (b *countedBody) unknownLength() {
	if bodyAllowed(b.response) {
		b.response.Header.Del("Content-Length")
		b.response.ContentLength = -1
	}
}

// bodyAllowed says whether the response has a body at all: what a HEAD or 304 names as its encoding is not there.
func bodyAllowed(r *http.Response) bool {
	return r.Request.Method != http.MethodHead && r.StatusCode != http.StatusNotModified && r.StatusCode != http.StatusNoContent
}

// scrubMessages reads what the upstream sends over a WebSocket, message by message.
func (p *Proxy) scrubMessages(ex *Exchange, r *http.Response, set *scrub.Set) *Refusal {
	conn, ok := r.Body.(io.ReadWriteCloser)
	if !ok {
		return upstreamFailed("the upstream's WebSocket cannot be written to", "")
	}
	if ex.Claim.Kind == policy.ForService && r.Header.Get("Sec-Websocket-Extensions") != "" {
		return upstreamFailed("the upstream turned on a WebSocket extension that was not asked for", "")
	}
	ex.Scrubbed += set.Header(r.Header) // ReverseProxy writes this header block past our ResponseWriter
	r.Status = ""                       // and the upstream's own words for 101 with it
	m := &messages{ReadWriteCloser: conn, from: conn}
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
	sent, received, scrubbed atomic.Int64
}

func (m *messages) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.received.Add(int64(n))
	return n, err
}

func (m *messages) Write(p []byte) (int, error) {
	n, err := m.ReadWriteCloser.Write(p)
	m.sent.Add(int64(n))
	return n, err
}

func (m *messages) finish(ex *Exchange) {
	if m != nil {
		ex.Sent, ex.Received, ex.Scrubbed = m.sent.Load(), m.received.Load(), ex.Scrubbed+int(m.scrubbed.Load())
	}
}

// countedBody is a response's body on its way to the child: scrubbed, counted, its trailers scrubbed when they are there.
type countedBody struct {
	body     io.ReadCloser // the upstream's
	from     io.Reader     // body, decoded and scrubbed
	codec    io.Closer
	room     scrub.Room // of codec
	response *http.Response
	set      *scrub.Set
	ex       *Exchange
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.ex.Received += int64(n)
	switch {
	case err == io.EOF:
		b.ex.Scrubbed += b.set.Header(b.response.Trailer)
	case err != nil:
		text, n := b.set.String("the response broke off: " + err.Error()) // which may quote a line of the response
		b.ex.Failure, b.ex.Scrubbed = text, b.ex.Scrubbed+n
	}
	return n, err
}

func (b *countedBody) Close() error {
	err := b.body.Close()
	if b.codec != nil {
		b.codec.Close()
	}
	return err
}

// childWriter is the way to the child. It takes live values out of every header block, 1xx included, and hands on what
// there is of a body as soon as more is to come: net/http would hold back the last 4 KiB. The end needs no such flush, and
// a short answer leaves in one piece.
type childWriter struct {
	http.ResponseWriter
	p    *Proxy
	ex   *Exchange
	out  *bulk // the tunnel, nil: none, or not to be used
	from *bulk // where a long body comes from, while it is held back in out
	sent int64 // bytes of the body
	left int64 // bytes of the body still to come, where the upstream told; ReverseProxy itself flushes where not
}

// onePiece is how long a body may be that its header waits for, in bytes.
const onePiece = 16 << 10

func (w *childWriter) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		return // HTTP/2 has none (RFC 9113 section 8.6), HTTP/1.1 would end with it; that of a WebSocket goes past us
	}
	if status < 200 && !w.ex.in.ProtoAtLeast(1, 1) {
		return // RFC 9110 section 15.2: to such a client it would be the answer
	}
	set, _ := w.p.live()
	w.ex.Scrubbed += set.Header(w.Header())
	if w.ex.Transport == "gateway" && w.ex.Credential != nil && status >= 200 {
		w.Header().Set("X-Credential-Used", w.ex.Credential.Name)
	}
	if _, told := w.Header()["Content-Type"]; !told && status >= 200 {
		w.Header()["Content-Type"] = nil // net/http would guess one
	}
	if status >= 200 && w.ex.body.awaited(w.ex.in) {
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
	if status < 200 {
		return
	}
	if n, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64); err == nil {
		if w.left = n; n > onePiece {
			w.flush()
		}
	}
}

func (w *childWriter) Write(p []byte) (int, error) {
	if w.out == nil || w.from != nil {
		return w.write(p)
	}
	w.sent += int64(len(p))
	switch {
	case w.sent > bulkAfter && w.ex.up != nil:
		w.from = w.ex.up
		w.out.hold(w.from)
		return w.write(p)
	case len(p) <= onePiece:
		return w.write(p)
	}
	w.out.hold(nil)
	n, err := w.write(p)
	if failed := w.release(); err == nil {
		err = failed
	}
	return n, err
}

// release lets out what is held back.
func (w *childWriter) release() error {
	if w.out == nil {
		return nil
	}
	return w.out.release(w.from)
}

func (w *childWriter) write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	if w.left > 0 {
		if w.left -= int64(n); w.left > 0 && err == nil {
			err = w.flush()
		}
	}
	return n, err
}

func (w *childWriter) flush() error { return http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController flush and hijack.
func (w *childWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// refusalError carries a refusal out of ModifyResponse.
type refusalError struct{ *Refusal }

func (e refusalError) Error() string { return e.Reason }

// upstreamError answers when the upstream could not be asked or its answer not be passed on.
func (p *Proxy) upstreamError(w http.ResponseWriter, r *http.Request, err error) {
	ex := exchangeOf(r)
	if ex.Failure == "" {
		ex.Failure = err.Error()
	}
	f := p.Upstream.refusal(ex, err)
	var told refusalError
	var broken *brokenBody
	var atGate *Refusal
	if ex.body != nil && ex.body.gate != nil {
		atGate = ex.body.gate.stop(ex)
	}
	switch {
	case atGate != nil:
		f = atGate
	case errors.As(err, &told):
		f = told.Refusal
	case errors.As(err, &broken):
		f = malformed("the request's body could not be read: " + broken.Error())
	case errors.Is(err, errUnasked):
		f = upstreamFailed(err.Error(), "")
	case errors.Is(err, context.Canceled):
		f = upstreamFailed("the client went away", "")
	}
	// What the upstream sent may be quoted in the error.
	set, _ := p.live()
	for _, text := range []*string{&ex.Failure, &f.Reason, &f.Hint} {
		clean, n := set.String(*text)
		*text, ex.Scrubbed = clean, ex.Scrubbed+n
	}
	ex.Refusal, ex.Status = f, f.Status
	if broken != nil && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // nobody knows where the body ends and the next request begins
	}
	f.write(w, ex)
}
