package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"agentguard/vault"
)

// Clients and servers that are old, broken, or within the letter of what few do.

// What a child writes behind its body is not judged, so it does not leave: also where the body was read before it was sent.
func TestTrailersOfTheChildAreDropped(t *testing.T) {
	saw := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		saw <- q.Trailer
	}, rigOptions{})
	for _, host := range []string{"other.example.com", "open.example.com"} { // the former's bodies are read ahead
		for _, announced := range []string{"", "Trailer: X-Api-Key\r\n"} {
			resp, err := r.inside(host+":443", host, "POST /any/x HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"+announced+
				"\r\nb\r\n{\"a\": \"bc\"}\r\n0\r\nX-Api-Key: the child's own\r\nX-Http-Method-Override: DELETE\r\n\r\n")
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(host, resp, err)
			}
			if got := <-saw; len(got) > 0 {
				t.Errorf("%s %q: the origin got the trailers %v", host, announced, got)
			}
		}
	}
}

// Where the messages of an upstream cannot be read, its record says why they ended.
func TestFramesThatCannotBeReadAreOnRecord(t *testing.T) {
	for frame, want := range map[string]string{"\xc1\x01x": "a reserved bit is set", "\x83\x01x": "opcode 3 is reserved", "\x81\x02ok\x88\x02\x03\xe8": ""} {
		r := newRig(t, echoAuth, rigOptions{http1: true})
		rawOrigin(t, r, func(w net.Conn, q *http.Request) {
			io.WriteString(w, switches(q)+"\r\n"+frame)
			io.Copy(io.Discard, w)
		})
		_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		tc := tlsClient(c, r, "api.example.com")
		io.WriteString(tc, "GET /any/x HTTP/1.1\r\nHost: api.example.com\r\n"+asksWS+"\r\n")
		tc.Read(make([]byte, 4096)) // the 101
		if want == "" {
			tc.Close()
		}
		if e := r.last(); !strings.Contains(e.Failure, want) || (e.Failure == "") != (want == "") {
			t.Errorf("%q: on record %q, want %q", frame, e.Failure, want)
		}
	}
}

// What an upstream says in HTTP/2, or behind a body, of how a message is framed, reaches nobody who frames one by that.
func TestFramingOfAnswersIsOurs(t *testing.T) {
	ask := func(r *rig) string {
		_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		tc := tlsClient(c, r, "api.example.com")
		io.WriteString(tc, "GET /any/x HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
		b, err := io.ReadAll(tc)
		if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200 OK\r\n") {
			t.Errorf("the child got %q, %v", b, err)
		}
		return string(b)
	}
	const trailer = "Content-Length: 77\r\nContent-Encoding: gzip\r\nTransfer-Encoding: gzip\r\nConnection: X-T\r\nX-T: 1\r\n"
	for _, lengths := range [][]string{{"2", "5"}, {"2", "2"}, {"+2"}, {"0x2"}, {}} {
		r := newRig(t, echoAuth, rigOptions{})
		h2Origin(t, r, func(f *http2.Framer, stream uint32, _ string) {
			writeFields(f, stream, false, append([]string{":status: 200"}, prefixed("content-length: ", lengths)...)...)
			f.WriteData(stream, false, []byte("ok"))
			writeFields(f, stream, true, strings.Split(strings.ToLower(strings.TrimSuffix(trailer, "\r\n")), "\r\n")...)
		})
		r.proxy.Upstream.speaks.Store("api.example.com:443", 2)
		if got := ask(r); strings.Contains(got, "Content-Length") || !strings.HasSuffix(got, "\r\n0\r\nX-T: 1\r\n\r\n") {
			t.Errorf("lengths %q: the child got %q", lengths, got)
		}
	}
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
		io.WriteString(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"+trailer+"\r\n")
	})
	if got := ask(r); !strings.HasSuffix(got, "\r\n0\r\nX-T: 1\r\n\r\n") {
		t.Errorf("the child got %q", got)
	}
}

func prefixed(with string, list []string) (out []string) {
	for _, s := range list {
		out = append(out, with+s)
	}
	return out
}

// writeFields writes a header block of "name: value" lines.
func writeFields(f *http2.Framer, stream uint32, ends bool, lines ...string) {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		enc.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: ends})
}

// A value that goes on in another line is read as one with a space there (RFC 9112 section 5.2), which may stand within a secret.
func TestFoldedLinesHoldNoSecret(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: %s\r\n %s\r\n\r\n0\r\nX-T: %[1]s\r\n\t%[2]s\r\n\r\n", theSecret[:15], theSecret[15:])
	})
	a := r.do("GET", "https://api.example.com/any/x", "")
	unfolded := func(h http.Header, name string) string { return strings.ReplaceAll(h.Get(name), " ", "") }
	if ours := r.placeholder("api-key"); unfolded(a.Header, "X-A") != ours || unfolded(a.Trailer, "X-T") != ours {
		t.Errorf("the child got %v, %v", a.Header, a.Trailer)
	}
}

// RFC 9110 section 15.2: a client of HTTP/1.0 takes a 1xx for the answer.
func TestOldClientsGetNo1xx(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
		io.WriteString(w, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	resp, err := r.inside("api.example.com:443", "api.example.com", "GET /any/x HTTP/1.0\r\nHost: api.example.com\r\n\r\n")
	if err != nil || resp.StatusCode != 200 || bodyOf(t, resp) != "ok" {
		t.Errorf("%v, %v", resp, err)
	}
}

// What a 1xx says of its connection does not hold for another, and is a fault in HTTP/2 (RFC 9113 section 8.2.2).
func TestHintsOfAConnection(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
		io.WriteString(w, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	var got textproto.MIMEHeader
	trace := httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { got = h; return nil }}
	req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &trace), "GET", "https://api.example.com/any/x", nil)
	resp, err := r.client(true).Do(req)
	if err != nil || bodyOf(t, resp) != "ok" || len(got) != 1 || got.Get("Link") != "</a>" {
		t.Errorf("%v, before it %v, %v", resp, got, err)
	}
}

// Several lines of a header are one list (RFC 9110 section 5.3), on either side; and only a handshake is one.
func TestWebSocketHandshakes(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(w net.Conn, q *http.Request) {
		if q.Header.Get("Upgrade") == "" {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(w, switches(q)+"Connection: keep-alive\r\n\r\n")
	})
	for _, c := range []struct {
		line, more string
		want       int
	}{
		{"GET /any/x HTTP/1.1", "\r\n", 101},
		{"GET /any/x HTTP/1.0", "\r\n", 200}, // cannot ask
		{"POST /any/x HTTP/1.1", "\r\n", 200},
		{"GET /any/x HTTP/1.1", "Content-Length: 2\r\n\r\nhi", 200},
		{"GET /any/x HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 200}, // and goes on
	} {
		resp, err := r.inside("api.example.com:443", "api.example.com", c.line+
			"\r\nHost: api.example.com\r\nConnection: keep-alive\r\n"+asksWS+c.more)
		if err != nil || resp.StatusCode != c.want {
			t.Errorf("%s, %q: %v, %v", c.line, c.more, resp, err)
		}
	}
}

// TestWebSocketIsAskedByOurKey: what answers 101 and has not read the handshake may read requests in what follows. So the answer has to
// belong to a key that the child does not know; one without a key asks for no WebSocket.
func TestWebSocketIsAskedByOurKey(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	var keys []string
	for _, c := range []struct {
		name, asks string
		answer     func(q *http.Request) string
		want       int
	}{
		{"as it should", asksWS, switches, 101},
		{"no accept", asksWS, func(*http.Request) string {
			return "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		}, 502},
		{"the child's", asksWS, func(*http.Request) string {
			return "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + answersWS + "\r\n"
		}, 502},
		{"two", asksWS, func(q *http.Request) string { return switches(q) + "Sec-WebSocket-Accept: " + answersWS + "\r\n" }, 502},
		{"no key", "Connection: Upgrade\r\nUpgrade: websocket\r\n", switches, 502},
		{"two keys", asksWS + "Sec-WebSocket-Key: x\r\n", switches, 502},
	} {
		for _, host := range []string{"api.example.com", "open.example.com"} {
			rawOrigin(t, r, func(w net.Conn, q *http.Request) {
				keys = append(keys, q.Header.Get("Sec-WebSocket-Key"))
				io.WriteString(w, c.answer(q)+"\r\n")
			})
			resp, err := r.inside(host+":443", host, "GET /any/x HTTP/1.1\r\nHost: "+host+"\r\n"+c.asks+"\r\n")
			if err != nil || resp.StatusCode != c.want {
				t.Errorf("%s at %s: %v, %v", c.name, host, resp, err)
			}
			if c.want == 101 && resp.Header.Get("Sec-WebSocket-Accept") != answersWS {
				t.Errorf("the child is answered %q", resp.Header)
			}
		}
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(keys[0]); len(raw) != 16 || err != nil || keys[0] == keys[1] {
		t.Errorf("the keys are %q", keys)
	}
}

// TestValuesOfHTTP2AreTrimmed: HTTP/1.1 takes off white space around a value, HTTP/2 as net/http reads it does not.
func TestValuesOfHTTP2AreTrimmed(t *testing.T) {
	var saw []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { saw = q.Header["X-A"] }, rigOptions{})
	got := r.rawH2("api.example.com:443", "api.example.com", ":method", "GET", ":scheme", "https", ":path", "/any/x", ":authority", "api.example.com", "x-a", " b\t", "x-a", "\t c d ")
	if got != "200" || !slices.Equal(saw, []string{"b", "c d"}) {
		t.Errorf("%s: the origin got %q", got, saw)
	}
}

// An extension that nobody asked for may change what frames mean, in whichever line it stands.
func TestUnaskedExtensions(t *testing.T) {
	for _, lines := range []string{"permessage-deflate", "\r\nSec-WebSocket-Extensions: permessage-deflate", ""} {
		r := newRig(t, echoAuth, rigOptions{http1: true})
		rawOrigin(t, r, func(w net.Conn, q *http.Request) {
			io.WriteString(w, switches(q)+"Sec-WebSocket-Extensions: "+lines+"\r\n\r\n")
		})
		resp, err := r.inside("api.example.com:443", "api.example.com", "GET /any/x HTTP/1.1\r\nHost: api.example.com\r\n"+asksWS+"\r\n")
		if want := map[bool]int{true: 101, false: 502}[lines == ""]; err != nil || resp.StatusCode != want {
			t.Errorf("%q: %v, %v", lines, resp, err)
		}
	}
}

// An answer that breaks off within a secret does not end with all of it but a character.
func TestBrokenAnswerHoldsNoBeginning(t *testing.T) {
	cut := theSecret[:len(theSecret)-1]
	for name, text := range map[string]string{
		"length": "Content-Length: 100\r\n\r\nhello " + cut,
		"chunk":  fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\nhello %s\r\n", len(cut)+6, cut),
	} {
		r := newRig(t, echoAuth, rigOptions{http1: true})
		rawOrigin(t, r, func(w net.Conn, _ *http.Request) { io.WriteString(w, "HTTP/1.1 200 OK\r\n"+text) })
		resp, err := r.inside("api.example.com:443", "api.example.com", "GET /any/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
		if err != nil {
			t.Fatal(name, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err == nil || strings.TrimRight(string(body), " ") != "hello" {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
}

// A few bytes of Brotli can ask for 16 MiB. When many do, others are asked for what takes less, and all is given back.
func TestWindowsShareABudget(t *testing.T) {
	asked := make(chan string, 1)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		asked <- q.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "br")
		w.Write([]byte{0x0f, 0x00, 0x80, 'h', 'i'}) // a window of 24 bits; a last block is to follow
		w.(http.Flusher).Flush()
		<-q.Context().Done()
	}, rigOptions{http1: true})
	r.proxy.patient = 100 * time.Millisecond
	var ends []func() error
	for i := range 4 {
		_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		tc := tlsClient(c, r, "api.example.com")
		ends = append(ends, tc.Close)
		io.WriteString(tc, "GET /any/x HTTP/1.1\r\nHost: api.example.com\r\nAccept-Encoding: zstd, gzip, br\r\n\r\n")
		want := "zstd, gzip, br"
		if i == 3 {
			want = "gzip" // three windows are more than half
		}
		if got := <-asked; got != want {
			t.Errorf("%d: asked for %q", i, got)
		}
		http.ReadResponse(bufio.NewReader(tc), nil)
		for end := time.Now().Add(patience); i < 3 && r.proxy.windows.left() > maxWindows-int64(i+1)<<24 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, end := range ends {
		end()
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if r.proxy.windows.left() == maxWindows {
			return
		}
	}
	t.Errorf("%d bytes are left of %d when all has ended", r.proxy.windows.left(), maxWindows)
}

// A server that says no type has said none.
func TestNoTypeIsGuessed(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
		io.WriteString(w, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>")
	})
	for _, h2 := range []bool{false, true} {
		if a := r.with(r.client(h2), "GET", "https://api.example.com/any/x", ""); a.body != "<html>" || a.Header["Content-Type"] != nil {
			t.Errorf("%v %q", a.Header, a.body)
		}
	}
}

// A secret that is replaced during the run does not come out of an answer that began before.
func TestOldStreamsKnowNewSecrets(t *testing.T) {
	const fresh = "ghp_NewValue0123456789NewValue0123456789"
	seen := make(chan string, 1)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/any/second" {
			seen <- q.Header.Get("Authorization")
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: begun\n\n")
		w.(http.Flusher).Flush()
		io.WriteString(w, "data: "+<-seen+"\n\n")
	}, rigOptions{})
	req, _ := http.NewRequest("GET", "https://api.example.com/any/first", nil)
	resp, err := r.client(false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	value, _ := vault.NewSecret([]byte(fresh))
	r.set.Get("api-key").Read = func(context.Context) (vault.Secret, error) { return value, nil }
	r.do("GET", "https://api.example.com/any/second", "")
	if got := bodyOf(t, resp); got != "data: begun\n\ndata: Bearer "+r.placeholder("api-key")+"\n\n" {
		t.Errorf("the child got %q", got)
	}
}

// A body that was read to judge it has been asked for already; the server is asked whether it wants one only if not.
func TestExpectIsAskedOnce(t *testing.T) {
	asked := make(chan string, 1)
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		asked <- q.Header.Get("Expect")
	}, rigOptions{})
	for host, want := range map[string]string{"other.example.com": "", "open.example.com": "100-continue"} { // the former's bodies are read ahead
		a := r.do("POST", "https://"+host+"/any/x", `{"a": 1}`, "Content-Type: application/json", "Expect: 100-continue")
		if got := <-asked; a.StatusCode != 200 || got != want {
			t.Errorf("%s: %s, Expect: %q", host, a.Status, got)
		}
	}
}
