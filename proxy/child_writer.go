package proxy

import (
	"net/http"
	"strconv"
)

// childWriter is the way to the child. It takes live values out of every header block, 1xx included, and hands on what
// there is of a body as soon as more is to come: net/http would hold back the last 4 KiB. The end needs no such flush, and
// a short answer leaves in one piece.
type childWriter struct {
	http.ResponseWriter
	p    *Proxy
	ex   *Exchange
	wait *wait
	out  *bulk // the tunnel, nil: none, or not to be used
	from *bulk // where a long body comes from, while it is held back in out
	sent int64 // bytes of the body
	left int64 // bytes of the body still to come, where the upstream told; ReverseProxy itself flushes where not
}

// ofConnection are the fields of the connection that a 1xx came by (RFC 9110 section 7.6.1); a client of HTTP/2 ends a stream that has one.
// ReverseProxy takes them off the answer alone.
var ofConnection = [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade"}

// onePiece is how long a body may be that its header waits for, in bytes.
const onePiece = 16 << 10

func (w *childWriter) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		return // HTTP/2 has none (RFC 9113 section 8.6), HTTP/1.1 would end with it; that of a WebSocket goes past us
	}
	if status < 200 && !w.ex.in.ProtoAtLeast(1, 1) {
		return // RFC 9110 section 15.2: to such a client it would be the answer
	}
	if status < 200 {
		unsay(w.Header())
		for _, name := range ofConnection {
			w.Header().Del(name)
		}
		// net/http leaves this out of a hint, and for that writes a copy. Over HTTP/2 it may be writing still when the child's connection has
		// ended and ReverseProxy clears the header: two at one map would be the end of us.
		w.Header().Set("Content-Length", "0")
		defer w.Header().Del("Content-Length")
	}
	set := w.p.live()
	w.ex.Scrubbed += set.Header(w.Header()) + w.p.keptFrom(w.ex).Header(w.Header())
	if w.ex.Transport == "gateway" && w.ex.Credential != nil && status >= 200 {
		w.Header().Set("X-Credential-Used", w.ex.Credential.Name)
	}
	if _, told := w.Header()["Content-Type"]; !told && status >= 200 {
		w.Header()["Content-Type"] = nil // net/http would guess one
	}
	if w.ex.body.endsWith(status, w.ex.in) {
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
	w.wait.came.Add(int64(n))
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
