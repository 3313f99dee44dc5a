package proxy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"

	"agentguard/proxy/scrub"
	"agentguard/vault"
	"agentguard/vault/cred"
)

// maxBody is how much of a body may be read to know the action or to swap a field, in bytes.
const maxBody = 1 << 20

// peekedBody is a request's body that can be looked at before it is sent. What was read ahead is kept and sent first;
// what is sent is hashed and counted while it passes.
type peekedBody struct {
	ahead
	at       int64 // how much of what was read ahead has been sent
	swapped  bool  // the head is no longer what the child wrote, which is in sum already
	encoding []string
	room     scrub.Room           // of decoders that wait for src
	watch    *watch               // who must have read what is sent; nil: nobody
	from     *bulk                // whence it comes; nil: another way, or not read as it leaves
	to       atomic.Pointer[bulk] // where it leaves, if it may do so in pieces

	mu   sync.Mutex // the transport may still read when an early answer has ended the exchange
	sum  hash.Hash
	sent int64
}

// prepareBody puts a peekedBody in the place of the request's body, if it has one.
func (p *Proxy) prepareBody(ex *Exchange) {
	r := ex.in
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	ex.body = &peekedBody{
		ahead: ahead{src: &ownBody{ReadCloser: r.Body}, length: r.ContentLength, deadline: ex.deadline,
			memory: p.memory, disk: p.disk, dir: p.TempDir, most: p.most},
		encoding: r.Header["Content-Encoding"], room: p.windows, sum: sha256.New(),
	}
	r.Body = ex.body
}

func (b *peekedBody) Read(p []byte) (n int, err error) {
	n, err = b.next(p)
	sent, f := b.passes(p[:n], err)
	switch {
	case f != nil:
		n, err = 0, refusalError{f}
		fallthrough
	case err != nil || sent == b.length:
		b.atOnce()
	case sent > bulkAfter:
		b.inPieces()
	}
	return n, err
}

// passes takes down what is to be sent, and returns how much that is with it.
func (b *peekedBody) passes(p []byte, err error) (int64, *Refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.watch.sees(p, err == io.EOF || b.length >= 0 && b.sent+int64(len(p)) >= b.length); f != nil {
		return b.sent, f
	}
	if !b.swapped {
		b.sum.Write(p)
	}
	b.sent += int64(len(p))
	return b.sent, nil
}

// leaves is told by which connection the request leaves.
func (ex *Exchange) leaves(c httptrace.GotConnInfo) {
	ex.up, ex.left = bulkOf(c.Conn), true
	if b := ex.body; b != nil && ex.tunnel != nil {
		b.atOnce()
		b.from = ex.tunnel
		b.to.Store(ex.up)
	}
}

// inPieces has a long body leave so.
func (b *peekedBody) inPieces() {
	to := b.to.Load()
	if to == nil {
		return
	}
	to.hold(b.from)
	if b.to.Load() != to { // the sending has ended meanwhile
		to.release(b.from)
	}
}

// atOnce ends that.
func (b *peekedBody) atOnce() {
	if to := b.to.Swap(nil); to != nil {
		to.release(b.from)
	}
}

// next is what comes next of the body.
func (b *peekedBody) next(p []byte) (n int, err error) {
	n, err = b.held(p, b.at)
	b.at += int64(n)
	if n == 0 && err == nil && b.watch == nil {
		b.letGo()
	}
	switch {
	case n > 0 || err != nil:
	case b.end != nil:
		err = b.end
	default:
		// The transport reads once more behind the end, when the server may have closed the body already.
		n, err = b.src.Read(p)
		b.end = err
	}
	if err == b.end && err != nil && err != io.EOF && err != errBusy {
		err = &brokenBody{err}
	}
	return n, err
}

// letGo gives back what was held and has been sent: the answer may go on for long.
func (b *peekedBody) letGo() {
	if b.head == nil && b.spool == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free()
	b.head, b.spool, b.taken = nil, nil, 0
}

// brokenBody is what the child did wrong in a body that was on its way already.
type brokenBody struct{ error }

func (e *brokenBody) Unwrap() error { return e.error }

// Close ends the sending. What a push still brings is there to be taken: git reads an answer only when all is sent.
func (b *peekedBody) Close() error {
	b.atOnce()
	if b.watch != nil {
		return nil
	}
	return b.src.Close()
}

// endsWith says that the connection ends with an answer of this status: where that comes before the end of the body, as errors do
// (see endConnection), and where the child may still be waiting to be told to send the body. With another answer it never sends it
// (RFC 9110 section 10.1.1), and what comes next on the connection must not be read as it. net/http closes such a connection where
// it finds its own body in the request, HTTP/2 ends the stream.
func (b *peekedBody) endsWith(status int, r *http.Request) bool {
	switch {
	case b == nil || r.ProtoMajor != 1 || status < 200:
		return false
	case status >= 400 && !b.src.ended.Load():
		return true
	case !strings.EqualFold(r.Header.Get("Expect"), "100-continue"):
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent == 0
}

// isWhole says whether all of the body has been read ahead.
func (b *peekedBody) isWhole() bool { return b != nil && b.end == io.EOF }

// discard takes what is still to come, up to max bytes, and throws it away.
func (b *peekedBody) discard(max int64) { io.Copy(io.Discard, io.LimitReader(b.src, max)) }

// errTooLarge says that a body which decides something is longer than can be read.
var errTooLarge = errors.New("the body is too large to be read")

// whole returns the decoded body when it has at most max bytes, sent and decoded.
func (b *peekedBody) whole(max int64) ([]byte, error) {
	b.fill(max + 1)
	switch {
	case int64(len(b.head)) > max || b.spool != nil:
		return nil, fmt.Errorf("%w: over %d bytes", errTooLarge, max)
	case b.end != io.EOF:
		return nil, fmt.Errorf("the body broke off: %w", b.end)
	case len(b.encoding) == 0:
		return b.head, nil
	}
	plain, err := scrub.Decode(b.encoding, bytes.NewReader(b.head))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(plain, max+1))
	if int64(len(out)) > max {
		return nil, fmt.Errorf("%w: over %d bytes decoded", errTooLarge, max)
	}
	return out, err
}

// peek returns up to max first bytes of the decoded body.
func (b *peekedBody) peek(max int) ([]byte, error) {
	b.fill(int64(max))
	if len(b.encoding) == 0 {
		return b.head[:min(len(b.head), max)], nil
	}
	plain, err := scrub.Decode(b.encoding, bytes.NewReader(b.head))
	if err != nil {
		return nil, err
	}
	out := make([]byte, max)
	n, err := io.ReadFull(plain, out)
	if b.end == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // the rest has not been read
	}
	return out[:n], err
}

// stream opens the decoded body at its beginning, as often as it is called before the body is sent. What is read is held
// back: the first MiB in memory, more of it in a temporary file, up to maxSpool.
func (b *peekedBody) stream() (io.ReadCloser, error) {
	raw := &aheadReader{ahead: &b.ahead}
	if len(b.encoding) == 0 {
		return io.NopCloser(raw), nil
	}
	plain, err := scrub.DecodeIn(b.room, b.encoding, raw)
	if err != nil {
		return nil, err
	}
	if c, ok := plain.(io.ReadCloser); ok {
		return c, nil
	}
	return io.NopCloser(plain), nil
}

// replace sends other bytes than the child wrote.
func (b *peekedBody) replace(body []byte) {
	b.sum.Write(b.head)
	b.head, b.swapped = body, true
}

// finish puts hash and size on the exchange's record. A body that was never sent has neither.
func (b *peekedBody) finish(ex *Exchange) {
	if b == nil {
		return
	}
	b.atOnce()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free()
	known, f := b.watch.end()
	if known && ex.push != nil {
		ex.Match, ex.Decision = ex.push.match, ex.push.decision
	}
	ex.Refusal = cmp.Or(ex.Refusal, f)
	if ex.Sent = b.sent; ex.Sent > 0 {
		ex.BodyHash = hex.EncodeToString(b.sum.Sum(nil))
	}
}

// swapBody puts the secret into the body fields that the service or the policy names, if there are any.
func (p *Proxy) swapBody(ex *Exchange, c *cred.Credential, secret vault.Secret) (bool, *Refusal) {
	fields, own := c.BodyFields(ex.Claim.Host.Slots)
	if len(fields) == 0 || ex.body == nil {
		return false, nil
	}
	cannot := func(err error) (bool, *Refusal) {
		if !own {
			return false, nil // the placeholder stays where it is, inert
		}
		return false, malformed("the body could hold a credential in " + fields[0] + ", but " + err.Error())
	}
	if len(ex.body.encoding) > 0 {
		return cannot(errors.New("it is compressed"))
	}
	body, err := ex.body.whole(maxBody)
	if err != nil {
		return cannot(err)
	}
	out, swapped, err := c.SwapBody(ex.in.Header.Get("Content-Type"), body, fields, own, secret)
	if err != nil {
		return cannot(err)
	}
	if swapped {
		ex.body.replace(out)
		ex.in.ContentLength = int64(len(out))
		ex.in.Header.Del("Content-Length")
		ex.in.TransferEncoding = nil
	}
	return swapped, nil
}
