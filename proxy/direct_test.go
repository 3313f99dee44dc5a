package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// script plays an upstream: answer gets each request, which connection it came on and which of that connection's it is, both
// from 1, and says whether the connection goes on.
type script struct {
	*Upstream
	t     *testing.T
	conns atomic.Int32
}

func newScript(t *testing.T, answer func(c *bulk, w io.Writer, conn, nth int, r *http.Request) bool) *script {
	t.Helper()
	ca, err := NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf("api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	l := listenHere(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	s := &script{t: t}
	if s.Upstream, err = NewUpstream(UpstreamConfig{Roots: roots, Resolve: map[string]string{"api.example.com:443": l.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Upstream.Close)
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			n := int(s.conns.Add(1))
			go func() {
				c := &bulk{Conn: raw}
				conn := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*leaf}})
				defer conn.Close()
				br := bufio.NewReader(conn)
				for nth := 1; ; nth++ {
					r, err := http.ReadRequest(br)
					if err != nil || !answer(c, conn, n, nth, r) {
						return
					}
				}
			}()
		}
	}()
	return s
}

// ask sends a request without a body and reads the answer.
func (s *script) ask(ctx context.Context, method string) (string, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "https://api.example.com:443/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// idleHasEnded waits until the system has told us of the end of the idle connection.
func (s *script) idleHasEnded() {
	s.t.Helper()
	w, _ := s.ways()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		w.h0.mu.Lock()
		var quiet, idle bool
		for _, list := range w.h0.idle {
			quiet, idle = list[0].quiet(), true
		}
		w.h0.mu.Unlock()
		switch {
		case !idle:
			s.t.Fatal("no connection is idle")
		case !quiet:
			return
		case time.Now().After(deadline):
			s.t.Fatal("a connection that has ended is taken for one that can be used")
		}
	}
}

func (s *script) must(method, want string) {
	s.t.Helper()
	if got, err := s.ask(s.t.Context(), method); err != nil || got != want {
		s.t.Errorf("%s: %q %v, want %q", method, got, err, want)
	}
}

func say(w io.Writer, conn, nth int) {
	text := fmt.Sprintf("%d.%d", conn, nth)
	fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

func TestConnectionIsUsedAgain(t *testing.T) {
	s := newScript(t, func(_ *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
		switch nth {
		case 2:
			io.WriteString(w, "HTTP/1.1 204 No Content\r\n\r\n")
		case 3:
			io.WriteString(w, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
		case 4:
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
		case 5:
			io.WriteString(w, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end")
			return false
		default:
			say(w, conn, nth)
		}
		return true
	})
	s.must("GET", "1.1")
	s.must("DELETE", "")
	s.must("GET", "ok")
	s.must("HEAD", "")
	s.must("GET", "to the end")
	s.must("GET", "2.1")
}

// What an upstream says on a connection that nobody asks on must never be the answer to the next request.
func TestUnaskedAnswerIsNobodys(t *testing.T) {
	s := newScript(t, func(c *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
		c.hold(nil)
		defer c.release(nil)
		say(w, conn, nth)
		if conn == 1 {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged") // a record of its own
		}
		return true
	})
	s.must("GET", "1.1")
	s.must("GET", "2.1")
	s.must("DELETE", "2.2")
	s = newScript(t, func(_ *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
		io.WriteString(w, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged") // in one record
		return true
	})
	for range 3 {
		s.must("GET", "")
	}
	if n := s.conns.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

// Many ask at once, of an upstream that ends connections and says too much, and some leave: what anybody gets is the answer
// to what was asked.
func TestAnswersAreOnesOwn(t *testing.T) {
	s := newScript(t, func(_ *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
		text := strings.Repeat(r.URL.Path, 400) // some of it is not there when the head is read
		switch (conn*7 + nth*3) % 11 {
		case 0:
			return false
		case 1:
			text += "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
		}
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.URL.Path)*400, text)
		return (conn+nth)%13 != 0
	})
	var group sync.WaitGroup
	var whole atomic.Int32
	for g := range 8 {
		group.Go(func() {
			for i := range 25 {
				path := fmt.Sprintf("/%d-%d", g, i)
				ctx, leave := context.WithCancel(t.Context())
				r, _ := http.NewRequestWithContext(ctx, "GET", "https://api.example.com"+path, nil)
				resp, err := s.RoundTrip(r)
				if err != nil {
					leave()
					continue
				}
				if i%5 == 0 {
					go leave()
				}
				body, err := io.ReadAll(resp.Body)
				if err == nil && string(body) != strings.Repeat(path, 400) {
					t.Errorf("%s got %q", path, body[:min(len(body), 100)])
				} else if err == nil {
					whole.Add(1)
				}
				resp.Body.Close()
				leave()
			}
		})
	}
	group.Wait()
	if n := whole.Load(); n < 100 {
		t.Errorf("only %d of 200 got an answer", n)
	}
}

func TestConnectionThatHasEndedIsNotUsed(t *testing.T) {
	ended := make(chan bool, 1)
	s := newScript(t, func(c *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
		say(w, conn, nth)
		if conn == 1 {
			c.Close()
			ended <- true
		}
		return conn > 1
	})
	s.must("GET", "1.1")
	<-ended
	s.idleHasEnded()
	s.must("DELETE", "2.1") // which nobody may send twice
}

// An idle connection may end just when a request is sent on it. Only what changes nothing is sent again.
func TestSilentEndIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		method, want string
		conns        int32
	}{{"GET", "2.1", 2}, {"DELETE", "", 1}} {
		s := newScript(t, func(_ *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
			if conn == 1 && nth == 2 {
				return false
			}
			say(w, conn, nth)
			return true
		})
		s.must(c.method, "1.1")
		got, err := s.ask(t.Context(), c.method)
		if got != c.want || (err == nil) != (c.want != "") || s.conns.Load() != c.conns {
			t.Errorf("%s: %q %v, %d connections", c.method, got, err, s.conns.Load())
		}
	}
	s := newScript(t, func(*bulk, io.Writer, int, int, *http.Request) bool { return false })
	if _, err := s.ask(t.Context(), "GET"); err == nil || !strings.Contains(err.Error(), "ended before an answer") || s.conns.Load() != 1 {
		t.Errorf("%v, %d connections: one that is new is not tried again", err, s.conns.Load())
	}
	var asked atomic.Int32
	both := make(chan struct{})
	s = newScript(t, func(_ *bulk, w io.Writer, conn, nth int, _ *http.Request) bool {
		if nth == 1 && conn < 3 {
			if conn == 2 {
				close(both)
			}
			<-both
			say(w, conn, nth)
			return true
		}
		asked.Add(1)
		return false
	})
	var idle sync.WaitGroup
	for range 2 {
		idle.Go(func() { s.ask(t.Context(), "GET") })
	}
	idle.Wait()
	if _, err := s.ask(t.Context(), "GET"); err == nil || asked.Load() != 2 {
		t.Errorf("%v, asked %d times: it is asked again once, however many connections wait", err, asked.Load())
	}
}

// One that says nothing for too long is not asked again.
func TestNoAnswerInTime(t *testing.T) {
	s := newScript(t, func(c *bulk, _ io.Writer, _, _ int, _ *http.Request) bool {
		c.Read(make([]byte, 100)) // until the other end goes
		return false
	})
	w, err := s.ways()
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.h0.open(t.Context(), way{addr: "api.example.com:443"})
	if err != nil {
		t.Fatal(err)
	}
	l.until = time.Now().Add(answerTimeout)
	l.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // as if that were over
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://api.example.com/", nil)
	var silent silentError
	if _, err = w.h0.ask(l, r); !errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &silent) {
		t.Error(err)
	}
}

func TestHeaderOfAnAnswerIsBounded(t *testing.T) {
	s := newScript(t, func(_ *bulk, w io.Writer, _, _ int, _ *http.Request) bool {
		io.WriteString(w, "HTTP/1.1 200 OK\r\n")
		for range 2 * maxAnswerHead / 1000 {
			if _, err := io.WriteString(w, "X: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
				return false
			}
		}
		return false
	})
	if _, err := s.ask(t.Context(), "GET"); !errors.Is(err, errLongHead) {
		t.Error(err)
	}
}

// Whoever goes away, before or in the middle of an answer, ends the connection.
func TestLeavingEndsTheConnection(t *testing.T) {
	for _, begun := range []bool{false, true} {
		asked, gone := make(chan bool, 1), make(chan error, 1)
		s := newScript(t, func(c *bulk, w io.Writer, _, _ int, _ *http.Request) bool {
			if begun {
				io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")
			}
			asked <- true
			_, err := c.Read(make([]byte, 100)) // close_notify, or the end
			gone <- err
			return false
		})
		ctx, leave := context.WithCancel(t.Context())
		go func() { <-asked; leave() }()
		if got, err := s.ask(ctx, "GET"); !errors.Is(err, context.Canceled) {
			t.Errorf("%q %v", got, err)
		}
		<-gone
	}
	s := newScript(t, func(_ *bulk, w io.Writer, conn, nth int, r *http.Request) bool {
		if conn == 1 && nth == 1 {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")
		} else {
			say(w, conn, nth)
		}
		return true
	})
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://api.example.com/", nil)
	resp, err := s.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(resp.Body, make([]byte, 2))
	resp.Body.Close()
	s.must("GET", "2.1") // the first has an answer to go on with
}

func TestHeadersThatWouldChangeAreNotSent(t *testing.T) {
	for _, c := range []struct{ name, value string }{{"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X", "a\x00"}, {"X", "\x7f"}, {"X Y", "a"}, {"", "a"}, {"X:", "a"}} {
		if err := sendable(http.Header{c.name: {c.value}}); err == nil {
			t.Errorf("%q: %q would be sent", c.name, c.value)
		}
	}
	if err := sendable(http.Header{"X-Y": {"a\tb \xff é", ""}}); err != nil {
		t.Error(err)
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	s := newScript(t, func(_ *bulk, w io.Writer, conn, nth int, r *http.Request) bool { say(w, conn, nth); return true })
	s.must("GET", "1.1")
	w, _ := s.ways()
	w.h0.reap()
	s.must("GET", "1.2")
	w.h0.mu.Lock()
	for _, list := range w.h0.idle {
		list[0].since = time.Now().Add(-2 * idleUpstream)
	}
	w.h0.mu.Unlock()
	w.h0.reap()
	s.must("GET", "2.1")
	s.Close()
	s.must("GET", "3.1")
	s.must("GET", "4.1") // what is closed keeps none
}

// What the child's client and the proxy agree on, with a client that would rather have the longer key exchange.
func TestKeyExchangeWithTheChild(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	a := r.do("GET", "https://api.example.com/items/1", "")
	if a.StatusCode != 200 || a.TLS == nil || a.TLS.CurveID != tls.X25519 {
		t.Errorf("%s, %+v", a.Status, a.TLS)
	}
}
