package proxy

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// Over how many connections ever an upstream ends without an answer: what changes nothing reaches it twice, all else once.
func TestRequestsLeaveTwiceAtMost(t *testing.T) {
	const idle = 4
	for _, c := range []struct {
		method string
		key    string
		want   int32
	}{{"GET", "", 2}, {"DELETE", "", 1}, {"POST", "Idempotency-Key", 1}} {
		var asked, open atomic.Int32
		all := make(chan struct{})
		s := newScript(t, func(_ *bulk, w io.Writer, conn, nth int, _ *http.Request) bool {
			if nth > 1 || conn > idle {
				asked.Add(1)
				return false
			}
			if open.Add(1) == idle {
				close(all)
			}
			<-all
			say(w, conn, nth)
			return true
		})
		ask := func(method string) (*http.Response, error) { // as a child that speaks HTTP/2, of an upstream that does not
			r, _ := http.NewRequestWithContext(t.Context(), method, "https://api.example.com/", nil)
			r.ProtoMajor = 2
			if c.key != "" {
				r.Header.Set(c.key, "1")
			}
			resp, err := s.RoundTrip(r)
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			return resp, err
		}
		var made sync.WaitGroup
		for range idle {
			made.Go(func() { ask("GET") })
		}
		made.Wait()
		if resp, err := ask(c.method); err == nil || asked.Load() != c.want {
			t.Errorf("%s %s: %v %v, it came %d times, want %d", c.method, c.key, resp, err, asked.Load(), c.want)
		}
	}
}

func TestRequestsLeaveTwiceAtMostOverHTTP2(t *testing.T) {
	for _, c := range []struct {
		method string
		code   http2.ErrCode
		want   int32
	}{{"GET", http2.ErrCodeProtocol, 2}, {"DELETE", http2.ErrCodeProtocol, 1}, {"DELETE", http2.ErrCodeInternal, 1}} {
		r := newRig(t, echoAuth, rigOptions{})
		var asked atomic.Int32
		h2Origin(t, r, func(f *http2.Framer, stream uint32, _ string) {
			asked.Add(1)
			f.WriteRSTStream(stream, c.code)
		})
		a := r.with(r.client(true), c.method, "https://api.example.com/any/x", "")
		if a.StatusCode != 502 || asked.Load() != c.want {
			t.Errorf("%s %v: %s %s, it came %d times, want %d", c.method, c.code, a.Status, a.body, asked.Load(), c.want)
		}
	}
}
