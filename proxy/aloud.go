package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The bounds of a refusal that is said aloud: of the words behind its status, and of a body that has to be read before, as net/http
// reads it (maxPostHandlerReadBytes).
const (
	maxPhrase = 300
	maxUnread = 256 << 10
)

// writeAloud answers as write does, and in HTTP/1.1 says the reason behind the status too (RFC 9112, section 4): wget, Python, Perl, Ruby
// and many others show nothing else of an answer. net/http writes its own words there, so the connection is taken from it for that.
func (f *Refusal) writeAloud(w http.ResponseWriter, ex *Exchange) {
	a := &held{ResponseWriter: w}
	f.write(a, ex)
	if a.status >= http.StatusBadRequest && ex.ownsLine() && a.aloud(ex, phrase(a.status, f.sentence())) == nil {
		return
	}
	w.WriteHeader(a.status)
	w.Write(a.body.Bytes())
}

// ownsLine says whether the request came in HTTP/1 through a tunnel, and whole: who closes a connection while something comes in has
// the system take back what went out. A body that waits for a 100 is not asked for.
func (ex *Exchange) ownsLine() bool {
	if ex.in == nil || ex.in.ProtoMajor != 1 || ex.in.Context().Value(tunnelKey{}) == nil || ex.in.Header.Get("Expect") != "" {
		return false
	}
	_, err := io.CopyN(io.Discard, ex.in.Body, maxUnread)
	return err == io.EOF
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
func (a *held) aloud(ex *Exchange, words string) error {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err != nil {
		return err
	}
	h := a.Header()
	minor := min(ex.in.ProtoMinor, 1)                                                               // RFC 9110, section 2.5: what we speak, whatever higher one was asked in
	last := ex.in.Close || minor == 0 || h.Get("Connection") == "close" || rw.Reader.Buffered() > 0 // it is sent on unasked
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
	if _, err := b.WriteTo(conn); err != nil || last {
		conn.Close()
		return nil
	}
	conn.SetDeadline(time.Time{})
	ex.again = conn
	return nil
}

// goOn gives the inner server back what was taken from it.
func (p *Proxy) goOn(ex *Exchange) {
	if ex.again != nil {
		p.queue.push(ex.again)
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
