package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// leaks looks for the secret in text, in the forms that decode to it.
func leaks(text string) string {
	for name, form := range map[string]string{
		"raw": theSecret, "base64": base64.StdEncoding.EncodeToString([]byte(theSecret)), "hex": hex.EncodeToString([]byte(theSecret)),
		"query": url.QueryEscape(theSecret), "basic": base64.StdEncoding.EncodeToString([]byte("git:" + theSecret))[8:40],
	} {
		if strings.Contains(text, form) {
			return name
		}
	}
	return ""
}

func TestResponsesHoldNoSecret(t *testing.T) {
	compress := map[string]func(io.Writer) io.WriteCloser{
		"identity": nil,
		"gzip":     func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"br":       func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":     func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		secret := strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("X-Echo", secret)
		w.Header().Set("Set-Cookie", "t="+secret)
		w.Header().Set("Location", "https://evil.example.net/?t="+url.QueryEscape(secret))
		w.Header().Set("Trailer", "X-Trailer")
		body := strings.Join([]string{secret, base64.StdEncoding.EncodeToString([]byte("git:" + secret)), hex.EncodeToString([]byte(secret))}, "\n")
		coding := q.URL.Query().Get("c")
		w.Header().Set("Content-Encoding", coding)
		w.WriteHeader(302)
		var out io.Writer = w
		if z := compress[coding]; z != nil {
			zw := z(w)
			defer zw.Close()
			out = zw
		}
		io.WriteString(out, body)
		w.Header().Set("X-Trailer", secret)
	}, rigOptions{})
	for coding := range compress {
		for _, h2 := range []bool{false, true} {
			a := r.with(r.client(h2), "GET", "https://api.example.com/any/x?c="+coding, "", "Accept-Encoding: "+coding)
			if a.StatusCode != 302 || a.Header.Get("Content-Encoding") == coding && coding != "identity" {
				t.Errorf("%s: %s %s", coding, a.Status, a.Header)
			}
			all := fmt.Sprint(a.Header, a.Trailer, a.body)
			if form := leaks(all); form != "" {
				t.Errorf("%s: the child got the secret in %s: %s", coding, form, all)
			}
			if n := strings.Count(all, r.placeholder("api-key")); n < 5 {
				t.Errorf("%s: the placeholder stands in %d places: %s", coding, n, all)
			}
		}
	}
	if e := r.last(); e.Scrubbed < 6 || e.Credential == nil || e.Credential.Name != "api-key" {
		t.Errorf("recorded %+v", e)
	}
}

func TestEarlyHintsHoldNoSecret(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Link", "<"+q.Header.Get("Authorization")+">")
		w.Header().Set("Alt-Svc", "h3")
		w.Header().Set("X-Agentguard", "refused")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.WriteHeader(200)
		w.Header().Set(http.TrailerPrefix+"Alt-Svc", "h3")
		w.Header().Set(http.TrailerPrefix+"X-Agentguard", "refused")
		w.Header().Set(http.TrailerPrefix+"X-Other", "kept")
		http.NewResponseController(w).Flush()
	}, rigOptions{})
	var got []string
	req, _ := http.NewRequest("GET", "https://api.example.com/items/1", nil)
	req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		got = append(got, fmt.Sprint(code, h))
		return nil
	}}))
	resp, err := r.client(false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if len(got) != 1 || leaks(got[0]) != "" || !strings.Contains(got[0], r.placeholder("api-key")) {
		t.Errorf("the child got %v", got)
	}
	if strings.Contains(strings.Join(got, ""), "h3") || strings.Contains(strings.Join(got, ""), "refused") || len(resp.Trailer) != 1 || resp.Trailer.Get("X-Other") != "kept" {
		t.Errorf("the child was told %v before the answer, %v behind it", got, resp.Trailer)
	}
}

// TestNo101BeforeAnAnswer: HTTP/2 can say 101 as if it were a hint, and a child that speaks HTTP/1.1 would take what follows for another
// protocol.
func TestNo101BeforeAnAnswer(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.ProtoMajor == 2 {
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
		io.WriteString(w, q.Proto)
	}, rigOptions{})
	for _, only := range []string{"", "h2"} {
		if only != "" { // then it is asked in HTTP/2 for a child of HTTP/1.1 too
			r.proxy.Upstream.speaks.Store("api.example.com:443", 2)
		}
		req, _ := http.NewRequest("GET", "https://api.example.com/items/1", nil)
		req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			t.Errorf("the child got %d", code)
			return nil
		}}))
		resp, err := r.client(only == "").Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || string(body) != "HTTP/2.0" {
			t.Errorf("%s %q", resp.Status, body)
		}
	}
}

func TestUnreadableEncodingIs502(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "x-own")
		w.Write([]byte("????"))
	}, rigOptions{})
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 502 || !strings.Contains(a.body, "cannot be read") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := r.do("GET", "https://open.example.com/", ""); a.StatusCode != 200 || a.body != "????" {
		t.Errorf("an open host: %d %s", a.StatusCode, a.body)
	}
}

// What calls itself text and is compressed, though its encoding does not say so, is not passed on by a service: nobody has
// looked through it. A file may be what it is.
func TestUnnamedEncodingIsCutOff(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, theSecret)
	z.Close()
	twice := bytes.Clone(packed.Bytes())
	packed.Reset()
	z = gzip.NewWriter(&packed)
	z.Write(twice)
	z.Close()
	for _, c := range []struct {
		kind, encoding string
		body           []byte
		whole          bool
	}{
		{"application/json", "", twice, false}, {"text/plain; charset=utf-8", "identity", twice, false}, {"text/html", "gzip", packed.Bytes(), false},
		{"text/xml", "", []byte("\x28\xb5\x2f\xfd..."), false}, {"text/css", "", []byte("\x78\x01..."), false}, {"application/gzip", "", twice, true}, {"text/plain", "", []byte("x"), true},
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			if c.encoding != "" {
				w.Header().Set("Content-Encoding", c.encoding)
			}
			w.Write(c.body[:1])
			w.(http.Flusher).Flush() // one byte tells nothing yet
			w.Write(c.body[1:])
		}, rigOptions{})
		var body []byte
		resp, err := r.client(false).Get("https://api.example.com/items/1")
		if err == nil { // else it was cut off before its header had left
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if whole := err == nil && bytes.Equal(body, c.body); whole != c.whole || !whole && (bytes.Contains(body, c.body[:2]) || !strings.Contains(r.last().Failure, "does not name")) {
			t.Errorf("%s %s: %q, %v; recorded %q", c.kind, c.encoding, body, err, r.last().Failure)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "https://other.example.com/x", http.StatusFound)
	}, rigOptions{})
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 302 || len(r.reached()) != 1 {
		t.Errorf("%s, origin: %v", a.Status, r.reached())
	}
}

func TestStreamIsNotHeldBack(t *testing.T) {
	for _, coding := range []string{"", "gzip", "br", "zstd"} {
		next := make(chan bool)
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			var out io.Writer = w
			flush := func() { http.NewResponseController(w).Flush() }
			switch coding {
			case "gzip":
				z := gzip.NewWriter(w)
				out, flush = z, func() { z.Flush(); http.NewResponseController(w).Flush() }
			case "br":
				z := brotli.NewWriter(w)
				out, flush = z, func() { z.Flush(); http.NewResponseController(w).Flush() }
			case "zstd":
				z, _ := zstd.NewWriter(w)
				out, flush = z, func() { z.Flush(); http.NewResponseController(w).Flush() }
			}
			if coding != "" {
				w.Header().Set("Content-Encoding", coding)
			}
			before := make([]byte, 4*bulkPiece) // which compression leaves as long
			for i := range 3 {
				fmt.Fprintf(out, "data: %d\n\n", i)
				if i == 1 {
					rand.Read(before)
					fmt.Fprintf(out, "data: %x\n\ndata: now\n\n", before)
				}
				flush()
				select {
				case <-next:
				case <-time.After(patience):
					return
				}
			}
		}, rigOptions{})
		for _, h2 := range []bool{false, true} {
			req, _ := http.NewRequest("GET", "https://api.example.com/any/sse", nil)
			if coding != "" {
				req.Header.Set("Accept-Encoding", coding)
			}
			resp, err := r.client(h2).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			br := bufio.NewReader(resp.Body)
			for i := range 3 {
				line, err := br.ReadString('\n')
				if want := fmt.Sprintf("data: %d\n", i); line != want {
					t.Fatalf("%s h2=%v: event %d: %q %v", coding, h2, i, line, err)
				}
				for i == 1 && line != "data: now\n" {
					if line, err = br.ReadString('\n'); err != nil {
						t.Fatalf("%s h2=%v: after much: %v", coding, h2, err)
					}
				}
				br.ReadString('\n')
				select {
				case next <- true:
				case <-time.After(patience):
					t.Fatalf("%s h2=%v: event %d came when the origin had given up", coding, h2, i)
				}
			}
			resp.Body.Close()
		}
	}
}

func TestBothSidesSpeakEitherProtocol(t *testing.T) {
	for _, origin1 := range []bool{true, false} {
		for _, client2 := range []bool{true, false} {
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("Trailer", "X-Sum")
				w.Write(b)
				sum := sha256.Sum256(b)
				w.Header().Set("X-Sum", hex.EncodeToString(sum[:]))
			}, rigOptions{http1: origin1})
			body := make([]byte, 3<<20)
			rand.Read(body)
			req, _ := http.NewRequest("POST", "https://api.example.com/any/echo", io.MultiReader(bytes.NewReader(body))) // chunked
			req.Header.Set("Expect", "100-continue")
			resp, err := r.client(client2).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			sum := sha256.Sum256(body)
			if err != nil || !bytes.Equal(got, body) || resp.Trailer.Get("X-Sum") != hex.EncodeToString(sum[:]) {
				t.Errorf("origin1=%v client2=%v: %d bytes, trailer %v, %v", origin1, client2, len(got), resp.Trailer, err)
			}
			if e := r.last(); e.BodyHash != hex.EncodeToString(sum[:]) || e.Sent != int64(len(body)) || e.Received != int64(len(body)) {
				t.Errorf("recorded %s %d %d", e.BodyHash, e.Sent, e.Received)
			}
			if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[client2]; resp.Proto != want {
				t.Errorf("the client spoke %s", resp.Proto)
			}
		}
	}
}

func TestGRPCShapeBothWays(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		w.WriteHeader(200)
		rc.Flush()
		buf := make([]byte, 10)
		for {
			n, err := io.ReadFull(q.Body, buf)
			if err != nil {
				break
			}
			w.Write(buf[:n])
			rc.Flush()
		}
		w.Header().Set("Grpc-Status", "0")
	}, rigOptions{})
	pr, pw := io.Pipe()
	req, _ := http.NewRequest("POST", "https://api.example.com/any/svc/Method", pr)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	resp, err := r.client(true).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		msg := "\x00\x00\x00\x00\x05" + fmt.Sprintf("msg-%d", i)
		io.WriteString(pw, msg)
		buf := make([]byte, 10)
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != msg {
			t.Fatalf("message %d: %q %v", i, buf, err)
		}
	}
	pw.Close()
	io.ReadAll(resp.Body)
	if resp.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("trailers %v", resp.Trailer)
	}
	a := r.with(r.client(true), "DELETE", "https://api.example.com/items/1", "", "Content-Type: application/grpc")
	if a.Header.Get("Grpc-Status") != "7" || !strings.Contains(a.Header.Get("Grpc-Message"), "delete_item is denied") {
		t.Errorf("a refused call: %s %v", a.Status, a.Header)
	}
}

const (
	// asksWS is a client's part of a handshake, whose key is RFC 6455's own.
	asksWS = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	// answersWS is what belongs to it.
	answersWS = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// switches is a server's part of the handshake that q asks for; further lines may follow.
func switches(q *http.Request) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accepts(q.Header.Get("Sec-WebSocket-Key")) + "\r\n"
}

// wsOrigin answers each text message with the Authorization header it was given, split over two frames.
func wsOrigin(w http.ResponseWriter, q *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	ext := ""
	if e := q.Header.Get("Sec-WebSocket-Extensions"); e != "" {
		ext = "Sec-WebSocket-Extensions: " + e + "\r\n"
	}
	fmt.Fprintf(conn, switches(q)+"X-Echo: %s\r\n%s\r\n", q.Header.Get("Authorization"), ext)
	in := make([]byte, 6)
	for {
		if _, err := io.ReadFull(rw, in); err != nil {
			return
		}
		msg := q.Header.Get("Authorization")
		half := len(msg) / 2
		conn.Write(append([]byte{0x01, byte(half)}, msg[:half]...))
		time.Sleep(5 * time.Millisecond)
		conn.Write(append([]byte{0x80, byte(len(msg) - half)}, msg[half:]...))
	}
}

func TestWebSocketMessagesHoldNoSecret(t *testing.T) {
	r := newRig(t, wsOrigin, rigOptions{http1: true})
	resp, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	tc := tlsClient(c, r, "api.example.com")
	io.WriteString(tc, "GET /any/ws HTTP/1.1\r\nHost: api.example.com\r\n"+asksWS+"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
	br := bufio.NewReader(tc)
	resp, err := http.ReadResponse(br, &http.Request{Method: "GET"})
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Sec-Websocket-Extensions") != "" || resp.Header.Get("Sec-WebSocket-Accept") != answersWS {
		t.Fatal(resp, err)
	}
	if got := resp.Header.Get("X-Echo"); got != "Bearer "+r.placeholder("api-key") {
		t.Errorf("the 101 holds %q", got)
	}
	tc.Write([]byte{0x81, 0x80, 1, 2, 3, 4})
	var text []byte
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(br, head); err != nil {
			t.Fatal(err, string(text))
		}
		p := make([]byte, head[1]&0x7f)
		io.ReadFull(br, p)
		text = append(text, p...)
		if head[0]&0x80 != 0 {
			break
		}
	}
	if want := "Bearer " + r.placeholder("api-key"); string(text) != want {
		t.Errorf("the child got %q", text)
	}
	tc.Close()
	if e := r.last(); !e.WebSocket || e.Scrubbed == 0 || e.Status != 101 {
		t.Errorf("recorded %+v", e)
	}
}

// Gateway: the guide's own cases.
func TestGateway(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Got", q.Header.Get("Authorization")+" "+q.Header.Get("X-Agent-Id"))
		w.WriteHeader(201)
	}, rigOptions{})
	base := "http://x:" + theToken + "@" + r.addr + "/proxy/"
	c := &http.Client{}
	a := r.with(c, "POST", base+"api/items", "{}", "X-Agent-ID: tester")
	if a.StatusCode != 201 || a.Header.Get("X-Credential-Used") != "api-key" || a.Header.Get("X-Got") != "Bearer "+r.placeholder("api-key") {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	if a := r.with(c, "DELETE", base+"api/items/1", ""); a.StatusCode != 403 || a.refusal(t).Error != "Action delete_item is denied" {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if a := r.with(c, "GET", base+"nobody/x", ""); a.StatusCode != 401 || a.refusal(t).Error != "Unknown service" {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if ex := r.last(); ex.Path != "/proxy/nobody/x" {
		t.Errorf("the path of what was refused is %q", ex.Path)
	}
	if a := r.with(c, "GET", base+"api/items/1", "", "X-Agent-ID: tester", "X-Agent-ID: someone-else"); a.StatusCode != 403 {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	c := r.client(false)
	errs := make(chan error, 64)
	for i := range 64 {
		go func() {
			resp, err := c.Get(fmt.Sprintf("https://api.example.com/items/%d", i))
			if err == nil {
				b, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 || leaks(string(b)) != "" {
					err = fmt.Errorf("%s %s", resp.Status, b)
				}
			}
			errs <- err
		}()
	}
	for range 64 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// TestUnreadStreamsAreBounded: of an answer over HTTP/2 that a child does not read, little is taken from the upstream.
func TestUnreadStreamsAreBounded(t *testing.T) {
	var sent atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		for block := make([]byte, 16<<10); q.Context().Err() == nil; {
			n, err := w.Write(block)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}, rigOptions{})
	c := r.client(true)
	c.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
	resp, err := c.Get("https://api.example.com/any/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for last := int64(-1); last != sent.Load() || last < 64<<10; time.Sleep(200 * time.Millisecond) {
		last = sent.Load()
	}
	if n := sent.Load(); n > streamBuffer+1<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestBigBodyInFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MiB")
	}
	const size = 64 << 20
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		block := bytes.Repeat([]byte("0abc\n\n6789abcdef"), 4096)
		for sent := 0; sent < size; sent += len(block) {
			w.Write(block)
		}
	}, rigOptions{})
	resp, err := r.client(false).Get("https://api.example.com/any/big")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if n != size || err != nil {
		t.Error(n, err)
	}
}

// net/http's server ends the request's body when an answer begins, its transport reads once more behind the body's end, and
// what that gives must not cut the answer short.
func TestQuickAnswersToShortUploadsAreWhole(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		w.Header().Set("Content-Length", "94")
		w.WriteHeader(201)
		http.NewResponseController(w).Flush()
		io.WriteString(w, strings.Repeat("x", 94))
	}, rigOptions{http1: true})
	c := r.client(false)
	for i := range 400 {
		resp, err := c.Post("https://api.example.com/any/x", "application/json", strings.NewReader(`{"title":"x"}`))
		if err != nil {
			t.Fatal(i, err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(b) != 94 {
			t.Fatalf("request %d: %d bytes, %v", i, len(b), err)
		}
	}
}

// Both directions of an HTTP/1.1 exchange flow at once, as they do without a proxy.
func TestAnswerFlowsWhileTheUploadDoes(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		buf := make([]byte, 5)
		for {
			n, err := io.ReadFull(q.Body, buf)
			if err != nil {
				return
			}
			w.Write(buf[:n])
			rc.Flush()
		}
	}, rigOptions{http1: true})
	pr, pw := io.Pipe()
	defer pw.Close()
	go io.WriteString(pw, "abc\n\n")
	req, _ := http.NewRequest("POST", "https://api.example.com/any/x", pr)
	resp, err := r.client(false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 5)
	for i := range 3 {
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "abc\n\n" {
			t.Fatalf("part %d: %q, %v", i, buf, err)
		}
		go io.WriteString(pw, "abc\n\n")
	}
}

// An archive that a mirror serves as gzip-encoded is kept as it is: the client compares its checksum.
func TestUnaskedEncodingOfAnOpenHostStays(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte("an archive"))
	w.Close()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(z.Bytes())
	}, rigOptions{})
	if a := r.do("GET", "https://open.example.com/x.tar.gz", ""); a.body != z.String() || a.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%q %v", a.body, a.Header)
	}
	if a := r.do("GET", "https://open.example.com/x.tar.gz", "", "Accept-Encoding: gzip"); a.body != "an archive" {
		t.Errorf("%q %v", a.body, a.Header)
	}
}

// TestRefusedBodyKeepsTheConnection: a client may send its next request on the connection of one that was refused with a body,
// and does: it would not repeat a POST whose connection is cut. Who waits for 100 gets the refusal instead.
func TestRefusedBodyKeepsTheConnection(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.Copy(io.Discard, q.Body) }, rigOptions{})
	post := func(path, more, body string) string {
		return fmt.Sprintf("POST /proxy/api%s HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 6\r\n%s\r\n%s", path, more, body)
	}
	resp, c, br := r.raw(post("/unknown", "", "a body"))
	for i := range 20 {
		if resp == nil || resp.StatusCode != []int{403, 200}[i%2] {
			t.Fatalf("request %d: %+v", i, resp)
		}
		io.Copy(io.Discard, resp.Body)
		next := strings.Replace(post([]string{"/any/x", "/unknown"}[i%2], "", "a body"), "{auth}", "Proxy-Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+theToken))+"\r\n", 1)
		if _, err := io.WriteString(c, next); err != nil {
			t.Fatal(err)
		}
		var err error
		if resp, err = http.ReadResponse(br, nil); err != nil {
			t.Fatalf("request %d: %v", i+1, err)
		}
	}
	if resp, _, _ := r.raw(post("/unknown", "Expect: 100-continue\r\n", "")); resp == nil || resp.StatusCode != 403 {
		t.Errorf("waiting for 100: %+v", resp)
	}
}

// TestHalfClosedRequest: a client that has said all may end its half of the connection, in TLS and below it. One that has waited for
// long is told that this ends its request; not that the upstream has failed, which many would try again.
func TestHalfClosedRequest(t *testing.T) {
	answered := func(patient time.Duration, end func(c *tls.Conn)) error {
		asked := make(chan struct{}, 1)
		slow := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			asked <- struct{}{}
			for _, word := range []string{"the ", "answer ", "in ", "pieces"} {
				select {
				case <-q.Context().Done():
					panic(http.ErrAbortHandler)
				case <-time.After(patient * 3 / 8):
					io.WriteString(w, word)
					w.(http.Flusher).Flush()
				}
			}
		}, rigOptions{})
		slow.proxy.patient = patient
		_, c, _ := slow.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		tc := tlsClient(c, slow, "api.example.com")
		io.WriteString(tc, "GET /any/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
		<-asked
		end(tc)
		resp, err := http.ReadResponse(bufio.NewReader(tc), nil)
		if err != nil {
			return err
		}
		if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(text) != "the answer in pieces" {
			return fmt.Errorf("%s %q, %v", resp.Status, text, err)
		}
		return nil
	}
	for _, end := range []func(c *tls.Conn){
		func(c *tls.Conn) { c.CloseWrite() },
		func(c *tls.Conn) { c.NetConn().(*net.TCPConn).CloseWrite() },
	} {
		for patient := 400 * time.Millisecond; ; patient *= 4 { // a busy machine may be late with a piece
			if err := answered(patient, end); err == nil {
				break
			} else if patient > 5*time.Second {
				t.Error(err)
				break
			}
		}
	}

	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-q.Context().Done():
			panic(http.ErrAbortHandler)
		case <-time.After(patience):
		}
	}, rigOptions{})
	r.proxy.patient = 100 * time.Millisecond
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	token := base64.StdEncoding.EncodeToString([]byte("x:" + theToken))
	io.WriteString(c, "GET /proxy/api/items/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "+token+"\r\n\r\n")
	c.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := bodyOf(t, resp); resp.StatusCode != 400 || !resp.Close || !strings.Contains(text, "its half of it") {
		t.Errorf("%s, close %v: %s", resp.Status, resp.Close, text)
	}
	if ex := r.last(); ex.Status != 400 || ex.Refusal == nil || ex.Refusal.Effect != "error" {
		t.Errorf("%+v", ex.Refusal)
	}
}

// TestWaitingBodyOfAFailedRequest: a client that waits for 100 (boto3 does) and gets a failure instead sends no body; its next
// request on the connection must not be read as one.
func TestWaitingBodyOfAFailedRequest(t *testing.T) {
	r := newRig(t, nil, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) { u.Resolve["api.example.com:443"] = "127.0.0.1:1" }})
	resp, err := r.inside("api.example.com:443", "api.example.com", fmt.Sprintf(
		"PUT /any/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 100\r\nExpect: 100-continue\r\nAuthorization: Bearer %s\r\n\r\n", r.placeholder("api-key")))
	if err != nil || resp.StatusCode != 502 || !resp.Close {
		t.Errorf("%+v, %v", resp, err)
	}
}
