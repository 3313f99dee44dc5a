package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"agentguard/policy"
	"agentguard/proxy/scrub"
)

func (p *Proxy) modifyResponse(r *http.Response) error {
	ex := exchangeOf(r.Request)
	if r.StatusCode == http.StatusSwitchingProtocols {
		if err := ex.openWebSocket(r); err != nil {
			return err
		}
	}
	if (r.StatusCode == http.StatusPartialContent || r.StatusCode == http.StatusIMUsed) && ex.Credential != nil { // Range was taken off: a secret in parts is not seen
		return refusalError{upstreamFailed("the upstream answered with a part that nobody asked for", "")}
	}
	if r.StatusCode < 100 || r.StatusCode > 999 { // net/http reads it, and panics when it writes it
		return refusalError{upstreamFailed("the upstream answered with the status "+strconv.Itoa(r.StatusCode), "")}
	}
	unsay(r.Header)
	if r.ContentLength < 0 {
		r.Header.Del("Content-Length") // HTTP/2 as net/http reads it lets one pass that is no number, and two that differ
	}
	if f := p.runResponse(ex, r); f != nil {
		ex.Failure = f.Reason
		return refusalError{f}
	}
	return nil
}

// unsay takes off what an upstream may not tell the child, in its answer, before it or behind it.
func unsay(h http.Header) {
	h.Del("Alt-Svc") // it would send the child past the proxy
	h.Del("X-Agentguard")
	h.Del("X-Credential-Used") // ours to say
}

// scrub takes live values out of the body and the trailers. Headers are scrubbed when they are written, 1xx included.
func (p *Proxy) scrub(ex *Exchange, r *http.Response) *Refusal {
	set := p.live()
	if r.StatusCode == http.StatusSwitchingProtocols {
		return p.scrubMessages(ex, r, set)
	}
	body := &countedBody{body: r.Body, from: r.Body, ex: ex, response: r, set: set, room: p.windows}
	r.Body = body
	kept := p.keptFrom(ex)
	if set == nil && kept == nil {
		return nil
	}
	if f := body.decode(); f != nil {
		return f
	}
	if ex.Claim.Kind == policy.ForService && isText(r.Header.Get("Content-Type")) {
		body.from = &text{Reader: body.from}
	}
	if !set.SameLength() || !kept.SameLength() {
		body.unknownLength()
	}
	hit := func(n int) { ex.Scrubbed += n }
	if isFramed(r.Header.Get("Content-Type")) {
		body.from = set.Messages(body.from, hit)
	} else {
		body.from = set.Reader(kept.Reader(body.from, hit), hit)
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
		b.trailer()
	case err != nil:
		text, n := b.set.String("the response broke off: " + err.Error()) // which may quote a line of the response
		b.ex.Failure, b.ex.Scrubbed = text, b.ex.Scrubbed+n
	}
	return n, err
}

// trailer is to be passed on. It says nothing of the connection, nor of what came before it (RFC 9110 section 6.5.1): net/http writes
// such a field as it is.
func (b *countedBody) trailer() {
	t := b.response.Trailer
	unsay(t)
	for _, list := range [...][]string{ofConnection[:], ofMessage[:]} {
		for _, name := range list {
			t.Del(name)
		}
	}
	b.ex.Scrubbed += b.set.Header(t)
}

// ofMessage are the fields of a message's framing and of the format of its content.
var ofMessage = [...]string{"Content-Length", "Content-Encoding", "Content-Range", "Content-Type", "Host", "Trailer"}

func (b *countedBody) Close() error {
	err := b.body.Close()
	if b.codec != nil {
		b.codec.Close()
	}
	return err
}

// refusalError carries a refusal out of ModifyResponse.
type refusalError struct{ *Refusal }

func (e refusalError) Error() string { return e.Reason }

// upstreamError answers when the upstream could not be asked or its answer not be passed on.
func (p *Proxy) upstreamError(w http.ResponseWriter, r *http.Request, err error) {
	ex := exchangeOf(r)
	if ex.Failure == "" {
		ex.Failure = err.Error()
	}
	f, over := p.failure(ex, err)
	p.unquote(ex, f)
	ex.Refusal, ex.Status = f, f.Status
	if over && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	f.write(w, ex)
}

// unquote takes live values out of what is said of an upstream's failure: what it sent may be quoted there.
func (p *Proxy) unquote(ex *Exchange, f *Refusal) {
	for _, set := range []*scrub.Set{p.live(), p.kept.of(p.Kept)} {
		for _, text := range []*string{&ex.Failure, &f.Reason, &f.Hint} {
			clean, n := set.String(*text)
			*text, ex.Scrubbed = clean, ex.Scrubbed+n
		}
	}
}

// failure is what to tell the child of err, and whether its connection is over: it can carry no next request.
func (p *Proxy) failure(ex *Exchange, err error) (f *Refusal, over bool) {
	var told refusalError
	var broken *brokenBody
	switch {
	case errors.As(err, &told):
		return told.Refusal, false
	case errors.As(err, &broken): // nobody knows where the body ends and the next request begins
		return malformed("the request's body could not be read: " + broken.Error()), true
	case errors.Is(err, errUnasked):
		return upstreamFailed(err.Error(), ""), false
	case errors.Is(err, context.Canceled):
		return gone(), true
	}
	return couldNotAsk(ex, err), false
}
