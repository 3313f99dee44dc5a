package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// The bounds of a refusal that is said aloud: of the words behind its status, and of a body that is waited for, so that the connection
// can go on.
const (
	maxPhrase = 300
	maxUnread = 256 << 10
)

// writeAloud answers as write does, and in HTTP/1.1 says the reason behind the status too (RFC 9112, section 4): wget, Python, Perl, Ruby
// and many others show nothing else of an answer. net/http writes its own words there, so the connection is taken from it for that.
func (f *Refusal) writeAloud(w http.ResponseWriter, ex *Exchange) {
	a := &held{ResponseWriter: w}
	f.write(a, ex)
	if a.status >= http.StatusBadRequest && ex.ownsLine() && a.aloud(ex, phrase(a.status, f.sentence()), ex.wasRead()) == nil {
		return
	}
	w.WriteHeader(a.status)
	w.Write(a.body.Bytes())
	if ex.in != nil && ex.in.ProtoMajor == 2 && ex.in.ContentLength > 0 { // without a length it may be a stream that waits for our end
		ex.after = func(*Proxy) { takeStream(w, ex.in.Body) }
	}
}

// ownsLine says whether the request came in HTTP/1 through a tunnel.
func (ex *Exchange) ownsLine() bool {
	return ex.in != nil && ex.in.ProtoMajor == 1 && ex.in.Context().Value(tunnelKey{}) != nil
}

// wasRead says whether all of the body came. A short one is waited for, unless it waits for a 100.
func (ex *Exchange) wasRead() bool {
	if n := ex.in.ContentLength; n < 0 || n > maxUnread || n > 0 && ex.in.Header.Get("Expect") != "" {
		return false
	}
	_, err := io.Copy(io.Discard, ex.in.Body)
	return err == nil
}

// held is an answer that is not sent yet; its header is the ResponseWriter's.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *held) WriteHeader(status int)      { a.status = status }
func (a *held) Write(p []byte) (int, error) { return a.body.Write(p) }

// aloud sends it with other words behind its status. After an error nothing is sent.
func (a *held) aloud(ex *Exchange, words string, whole bool) error {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err != nil {
		return err
	}
	h := a.Header()
	minor := min(ex.in.ProtoMinor, 1) // what we speak, whatever higher one was asked in (RFC 9110, section 2.5)
	unasked := rw.Reader.Buffered() > 0
	last := !whole || unasked || ex.in.Close || minor == 0 || h.Get("Connection") == "close"
	if last {
		h.Set("Connection", "close")
	}
	h.Set("Content-Length", fmt.Sprint(a.body.Len()))
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.%d %d %s\r\n", minor, a.status, words)
	h.Write(&b)
	b.WriteString("\r\n")
	if ex.in.Method != http.MethodHead {
		a.body.WriteTo(&b)
	}
	conn.SetDeadline(time.Now().Add(headerTimeout))
	if _, err := b.WriteTo(conn); err != nil || last && whole {
		conn.Close()
		return nil
	}
	conn.SetDeadline(time.Time{})
	if whole {
		ex.after = func(p *Proxy) { p.queue.push(conn) } // the inner server gets back what was taken from it
	} else {
		ex.after = func(p *Proxy) { p.takeRest(conn) }
	}
	return nil
}

// takeRest takes what is still to come of a body that was refused, and ends the connection: many clients read no answer before they have
// sent all, and who closes a connection while something comes in has the system take back what went out.
func (p *Proxy) takeRest(conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(p.ctx, func() { conn.Close() })()
	take(conn, conn.SetReadDeadline, headerTimeout)
}

// takeStream takes the same in HTTP/2: a stream that ends before its body has Java's client wait for ever, while Go's sends no more once it was
// answered.
func takeStream(w http.ResponseWriter, body io.Reader) {
	rc := http.NewResponseController(w)
	rc.Flush()
	take(body, rc.SetReadDeadline, time.Second)
}

// take throws away what comes, until it ends, is too much, or pauses.
func take(r io.Reader, deadline func(time.Time) error, pause time.Duration) {
	for left := int64(maxDiscard); left > 0; left -= maxUnread {
		deadline(time.Now().Add(pause))
		if _, err := io.CopyN(io.Discard, r, maxUnread); err != nil {
			return
		}
	}
}

// phrase begins with the usual words, since programs look for them, and is one line of printable ASCII.
func phrase(status int, reason string) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, http.StatusText(status)+": agentguard: "+reason)
	if len(text) > maxPhrase {
		text = text[:maxPhrase-3] + "..."
	}
	return text
}
