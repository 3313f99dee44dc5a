package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawOrigin answers every TLS connection with what answer writes, after the request's header block. It returns its
// address and its certificate's pool, from the rig's own origin.
func rawOrigin(t *testing.T, r *rig, answer func(c net.Conn, head *http.Request)) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: r.origin.TLS.Certificates, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if q, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					answer(c, q)
				}
			}()
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(r.origin.Certificate())
	to := l.Addr().String()
	up, err := NewUpstream(UpstreamConfig{Roots: roots, Resolve: map[string]string{"api.example.com:443": to, "open.example.com:443": to}})
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.Upstream, r.proxy.forward.Transport = up, up
}

func TestPathNeverNamesAnotherHost(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		var mu sync.Mutex
		var got []string
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			mu.Lock()
			got = append(got, q.RequestURI+" "+q.Host)
			mu.Unlock()
		}, rigOptions{http1: !h2})
		for _, path := range []string{"//evil.example.net/x", "//evil.example.net//y?z=1", "/a|b^c/\"", "/a%2fb//c", "/a/%7Eb"} {
			got = nil
			if h2 {
				if a := r.with(r.client(true), "GET", "https://open.example.com"+path, ""); a.StatusCode != 200 {
					t.Errorf("%s: %s %s", path, a.Status, a.body)
				}
			} else if resp, err := r.inside("open.example.com:443", "open.example.com", "GET "+path+" HTTP/1.1\r\nHost: open.example.com\r\n\r\n"); err != nil || resp.StatusCode != 200 {
				t.Error(resp, err)
			}
			if want := path + " open.example.com"; len(got) != 1 || !h2 && got[0] != want || !strings.HasPrefix(got[0], "/") {
				t.Errorf("h2 %v: the origin was asked for %q, the child for %q", h2, got, want)
			}
		}
	}
}

func TestPlainRequestsThroughACorporateProxy(t *testing.T) {
	var mu sync.Mutex
	var got []string
	corp := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		got = append(got, q.RequestURI+q.Header.Get("Max-Forwards"))
		mu.Unlock()
	})}
	l := listenHere(t)
	go corp.Serve(l)
	t.Cleanup(func() { corp.Close() })
	r := newRig(t, echoAuth, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) {
		u.Resolve = nil
		u.Proxy = func(q *url.URL) (*url.URL, error) { return url.Parse("http://" + l.Addr().String()) }
	}})
	for _, c := range []struct{ sent, want string }{
		{"http://open.example.com/x?y=1", "http://open.example.com/x?y=1"},
		{"http://open.example.com//evil.example.net/x", "http://open.example.com//evil.example.net/x"},
		{"http://open.example.com", "http://open.example.com/"},
	} {
		got = nil
		resp, _, _ := r.raw("TRACE " + c.sent + " HTTP/1.1\r\nHost: open.example.com\r\nMax-Forwards: 0\r\n{auth}\r\n")
		if resp == nil || resp.StatusCode != 200 || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: the corporate proxy was asked for %q (%v)", c.sent, got, resp)
		}
	}
	for _, target := range []string{"a.evil.example.net:80/x", "x:@evil.example.net/x", "*", "http:/x", "http://u:p@/x", "http:///x"} {
		got = nil
		_, c, br := r.raw("CONNECT open.example.com:80 HTTP/1.1\r\nHost: open.example.com:80\r\n{auth}\r\n")
		io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: open.example.com\r\n\r\n")
		if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 400 || got != nil {
			t.Errorf("%s: the corporate proxy was asked for %q (%v, %v)", target, got, resp, err)
		}
	}
}

func TestSwitchingProtocolsHoldsNoSecret(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	rawOrigin(t, r, func(c net.Conn, q *http.Request) {
		secret := strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")
		fmt.Fprintf(c, strings.Replace(switches(q), "Switching Protocols", "%s", 1)+"Alt-Svc: h3=\":443\"\r\nX-Echo: %s\r\nSet-Cookie: t=%s\r\n\r\n", secret, secret, secret)
		io.Copy(io.Discard, c)
	})
	_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
	tc := tlsClient(c, r, "api.example.com")
	io.WriteString(tc, "GET /any/ws HTTP/1.1\r\nHost: api.example.com\r\n"+asksWS+"\r\n")
	buf := make([]byte, 4096)
	n, err := tc.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 101 ") || strings.Contains(string(buf[:n]), theSecret) {
		t.Errorf("%v: the child got %q", err, buf[:n])
	}
}

func TestUpstreamErrorsHoldNoSecret(t *testing.T) {
	for name, text := range map[string]string{
		"no HTTP":         "%s\r\n\r\n",
		"status":          "HTTP/1.1 %s\r\n\r\n",
		"header line":     "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"length":          "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"coding":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"body coding":     "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: 1\r\n\r\nx",
		"trailer":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\nx\r\n0\r\n%s\r\n\r\n",
		"unasked upgrade": "HTTP/1.1 101 OK\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, echoAuth, rigOptions{http1: true})
			rawOrigin(t, r, func(c net.Conn, q *http.Request) {
				fmt.Fprintf(c, text, strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer "))
			})
			req, _ := http.NewRequest("GET", "https://api.example.com/any/x", nil)
			resp, err := r.client(false).Do(req)
			if err == nil {
				var b bytes.Buffer
				resp.Write(&b)
				if strings.Contains(b.String(), theSecret) {
					t.Errorf("the child got %s", b.String())
				}
			}
			e := r.last()
			if text := fmt.Sprintf("%+v %+v", e.Failure, e.Refusal); strings.Contains(text, theSecret) || e.Failure == "" && name != "coding" {
				t.Errorf("on record: %s", text)
			}
		})
	}
}

// An answer may come before the body has been sent: what still reads the body must not race with the record.
func TestEarlyAnswerWhileTheBodyIsSent(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			io.ReadFull(q.Body, make([]byte, 100))
			w.WriteHeader(413)
		}, rigOptions{http1: !h2})
		for range 5 {
			pr, pw := io.Pipe()
			go func() {
				block := make([]byte, 32<<10)
				for range 200 {
					if _, err := pw.Write(block); err != nil {
						return
					}
				}
				pw.Close()
			}()
			req, _ := http.NewRequest("POST", "https://api.example.com/any/x", pr)
			resp, err := r.client(h2).Do(req)
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			pr.Close()
		}
	}
}

func TestCloseEndsWebSockets(t *testing.T) {
	r := newRig(t, wsOrigin, rigOptions{http1: true})
	_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
	tc := tlsClient(c, r, "api.example.com")
	io.WriteString(tc, "GET /any/ws HTTP/1.1\r\nHost: api.example.com\r\n"+asksWS+"\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(tc), &http.Request{Method: "GET"}); err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	r.proxy.Close()
	if e := r.last(); !e.WebSocket || e.Status != 101 {
		t.Errorf("recorded %+v", e)
	}
}

// A client may send its first bytes behind the CONNECT, before the answer.
func TestTunnelKeepsWhatCameEarly(t *testing.T) {
	l := listenHere(t)
	go func() {
		if c, err := l.Accept(); err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	r := newRig(t, echoAuth, rigOptions{policy: rigPolicy + `tunnel = ["pinned.example.com"]`, adjust: func(_ *Config, u *UpstreamConfig) {
		u.Resolve["pinned.example.com:443"] = l.Addr().String()
	}})
	resp, c, br := r.raw("CONNECT pinned.example.com:443 HTTP/1.1\r\nHost: pinned.example.com:443\r\n{auth}\r\nearly ")
	if resp == nil || resp.StatusCode != 200 {
		t.Fatal(resp)
	}
	io.WriteString(c, "late")
	buf := make([]byte, 10)
	if n, err := io.ReadFull(br, buf); err != nil || string(buf) != "early late" {
		t.Errorf("%q %v", buf[:n], err)
	}
}

func TestTokenInBothHeadersIsNotForwarded(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	token := "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+theToken))
	resp, _, _ := r.raw("GET /proxy/other/x HTTP/1.1\r\nHost: x\r\n{auth}Authorization: " + token + "\r\n\r\n")
	if resp == nil || resp.StatusCode != 200 {
		t.Fatal(resp)
	}
	if got := saw.get("Authorization"); got != "" {
		t.Errorf("the origin got %q", got)
	}
}

func TestNoGoroutineStaysBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("run", func(t *testing.T) {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
			<-q.Context().Done()
		}, rigOptions{})
		for i := range 10 {
			req, _ := http.NewRequest("GET", "https://api.example.com/any/x", nil)
			resp, err := r.client(i%2 == 0).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				resp.Body.Close()
			} else {
				defer resp.Body.Close()
			}
		}
		for range 5 {
			r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		}
		r.proxy.Close()
		r.origin.CloseClientConnections()
	})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if runtime.NumGoroutine() <= before+2 {
			return
		}
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
}

// rawH2 sends one header block over HTTP/2 inside a tunnel, and gives the status or how the stream ended.
func (r *rig) rawH2(authority, sni string, fields ...string) string {
	r.t.Helper()
	_, c, _ := r.raw("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n{auth}\r\n")
	tc := tls.Client(c, &tls.Config{RootCAs: r.caPool(), ServerName: sni, NextProtos: []string{"h2"}})
	defer tc.Close()
	io.WriteString(tc, http2.ClientPreface)
	framer := http2.NewFramer(tc, tc)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	for {
		f, err := framer.ReadFrame()
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return f.ErrCode.String()
		case *http2.GoAwayFrame:
			return f.ErrCode.String()
		}
		if err != nil {
			return err.Error()
		}
	}
}

func TestPseudoHeadersHaveOneReading(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	base := func(method, path, authority string, more ...string) []string {
		return append([]string{":method", method, ":scheme", "https", ":path", path, ":authority", authority}, more...)
	}
	for _, c := range []struct {
		name, want string
		fields     []string
	}{
		{"request line in the method", "400", base("GET /items/1?x=", "/any/x", "api.example.com")},
		{"absolute path", "400", base("GET", "https://evil.example.net/any/x", "api.example.com")},
		{"user in the path", "400", base("GET", "https://u:p@api.example.com/any/x", "api.example.com")},
		{"another authority", "400", base("GET", "/any/x", "evil.example.net", "host", "api.example.com")},
		{"user in the authority", "PROTOCOL_ERROR", base("GET", "/any/x", "u@api.example.com")},
		{"space in the path", "400", base("GET", "/any/x HTTP/1.1", "api.example.com")},
		{"space in the query", "400", base("GET", "/any/x?a=b HTTP/1.1", "api.example.com")},
		{"two paths", "PROTOCOL_ERROR", base("GET", "/any/x", "api.example.com", ":path", "/items/1")},
		{"line break in a value", "PROTOCOL_ERROR", base("GET", "/any/x", "api.example.com", "x-a", "b\r\nx-c: d")},
		{"connection header", "400", base("GET", "/any/x", "api.example.com", "connection", "upgrade", "upgrade", "websocket")},
		{"chunked", "400", base("POST", "/any/x", "api.example.com", "transfer-encoding", "chunked")},
		{"CONNECT", "400", []string{":method", "CONNECT", ":authority", "evil.example.net:443"}},
		{"extended CONNECT", "PROTOCOL_ERROR", base("CONNECT", "/any/x", "api.example.com", ":protocol", "websocket")},
		{"placeholder in a cookie crumb", "403", base("GET", "/any/x", "api.example.com", "cookie", "a=1", "cookie", "b="+r.placeholder("api-key"))},
	} {
		if got := r.rawH2("api.example.com:443", "api.example.com", c.fields...); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	r.notAsked()
}

// What a child may send ahead of an upstream that takes nothing waits in memory, for each of its connections.
func TestWaitingUploadsAreBounded(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
	tc := tls.Client(c, &tls.Config{RootCAs: r.caPool(), ServerName: "api.example.com", NextProtos: []string{"h2"}})
	defer tc.Close()
	io.WriteString(tc, http2.ClientPreface)
	framer := http2.NewFramer(tc, tc)
	framer.WriteSettings()
	stream := uint32(65535)
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if n, told := f.Value(http2.SettingInitialWindowSize); told {
				stream = n
			}
			if n, told := f.Value(http2.SettingMaxConcurrentStreams); !f.IsAck() && (!told || n > maxStreams) {
				t.Errorf("%d streams", n)
			}
		case *http2.WindowUpdateFrame:
			if all := 65535 + f.Increment; stream > maxWaiting || all > maxWaiting {
				t.Errorf("%d bytes of a stream, %d of all", stream, all)
			}
			return
		}
	}
}

// TestStuckUploadHoldsUpNoOther: nor does it take all that a connection may send.
func TestStuckUploadHoldsUpNoOther(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/any/stuck" {
			close(begun)
			<-end
			return
		}
		b, _ := io.ReadAll(q.Body)
		w.Write(b)
	}, rigOptions{http1: true})
	c := r.client(true)
	ctx, cancel := context.WithCancel(t.Context())
	stuck, _ := http.NewRequestWithContext(ctx, "POST", "https://api.example.com/any/stuck", endless{})
	ended := make(chan struct{})
	go func() { c.Do(stuck); close(ended) }()
	<-begun
	for range 20 { // until nothing of the other's can be on its way
		if a := r.with(c, "POST", "https://api.example.com/any/x", strings.Repeat("x", 8<<10)); a.StatusCode != 200 || len(a.body) != 8<<10 {
			t.Fatalf("%s, %d bytes", a.Status, len(a.body))
		}
	}
	cancel()
	<-ended
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestMessagesHaveOneLength(t *testing.T) {
	type got struct {
		body    string
		trailer int
		auth    []string
	}
	var last got
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		last = got{string(b), len(q.Trailer), q.Header["Authorization"]}
	}, rigOptions{http1: true})
	const host = "POST /any/x HTTP/1.1\r\nHost: api.example.com\r\n"
	for _, c := range []struct {
		request string
		status  int
	}{
		{host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n5;a=b\r\nhello\r\n0\r\nAuthorization: Bearer x\r\nX-T: 1\r\n\r\n", 200},
		{host + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nhello", 400},
		{host + "Content-Length: +5\r\n\r\nhello", 400},
		{host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
		{host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
		{host + "Host: evil.example.net\r\n\r\n", 400},
		{host + "Expect: 200-ok\r\n\r\n", 417},
		{"GET https://u:p@api.example.com/any/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n", 400},
		{"GET ftp://api.example.com/any/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n", 400},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	} {
		last = got{}
		resp, err := r.inside("api.example.com:443", "api.example.com", c.request)
		if err != nil || resp.StatusCode != c.status {
			t.Errorf("%q: %v %v", c.request, resp, err)
		}
		if c.status == 200 && (last.body != "hello" || last.trailer != 0 || len(last.auth) != 1 || last.auth[0] != "Bearer "+theSecret) {
			t.Errorf("%q: the origin got %+v", c.request, last)
		}
	}
	if n := len(r.reached()); n != 1 {
		t.Errorf("%d requests reached the origin", n)
	}
}

// What the child did wrong in the middle of a body is not the upstream's failure, which clients would try again.
func TestBrokenBodyIsTheClientsFault(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.Copy(io.Discard, q.Body) }, rigOptions{http1: http1})
		for _, body := range []string{"/any/x -1\r\n", "/any/x 5\r\nhello\r\nzz\r\n", "/any/x 5\nhello\n0\n\n", "/items zz\r\n", "/items 5\r\nhello0\r\n\r\n"} { // those to /items are read ahead
			path, body, _ := strings.Cut(body, " ")
			resp, err := r.inside("api.example.com:443", "api.example.com", "POST "+path+" HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"+body)
			if err != nil || resp.StatusCode != 400 || !resp.Close { // what follows must not be read as a request
				t.Errorf("%q: %v %v", body, resp, err)
			}
		}
	}
}

func TestHostileAnswersAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"status 0":       {"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n", 502},
		"status 99":      {"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", 502},
		"large header":   {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 2<<20) + "\r\nContent-Length: 0\r\n\r\n", 502},
		"two lengths":    {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello", 502},
		"100 alone":      {"HTTP/1.1 100 Continue\r\n\r\n", 502},
		"flood of hints": {strings.Repeat("HTTP/1.1 103 Early\r\nX: y\r\n\r\n", 2000) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200},
		"our words":      {"HTTP/1.1 200 OK\r\nX-Agentguard: refused\r\nX-Credential-Used: other\r\nAlt-Svc: h3\r\nContent-Length: 0\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, echoAuth, rigOptions{http1: true})
			rawOrigin(t, r, func(w net.Conn, _ *http.Request) { io.WriteString(w, c.text) })
			a := r.do("GET", "https://api.example.com/any/x", "")
			if e := r.last(); a.StatusCode != c.status || e.Status != c.status || (e.Failure == "") != (c.status == 200) {
				t.Errorf("%s, on record %d %q", a.Status, e.Status, e.Failure)
			}
			if c.status == 200 && a.Header.Get("X-Agentguard")+a.Header.Get("X-Credential-Used")+a.Header.Get("Alt-Svc") != "" {
				t.Errorf("the child got %v", a.Header)
			}
		})
	}
}

// A body that decides something may come slowly, not for ever.
func TestReadingAheadHasADeadline(t *testing.T) {
	var set []time.Time
	b := &peekedBody{ahead: ahead{length: -1, src: &ownBody{ReadCloser: io.NopCloser(strings.NewReader("hello"))}, deadline: func(t time.Time) error { set = append(set, t); return nil }}}
	if whole, err := b.whole(10); string(whole) != "hello" || err != nil {
		t.Fatal(whole, err)
	}
	if len(set) != 2 || time.Until(set[0]) > headerTimeout || !set[1].IsZero() {
		t.Errorf("deadlines %v", set)
	}
	if b.whole(10); len(set) != 2 {
		t.Error("a body that has been read has a deadline")
	}
}

// A part of a compressed file cannot be decoded; on a host that holds no secret it goes on as it is.
func TestPartOfACompressedFile(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Range", "bytes 10-14/100")
		w.WriteHeader(206)
		io.WriteString(w, "abcde")
	}, rigOptions{})
	if a := r.do("GET", "https://open.example.com/file.gz", "", "Range: bytes=10-14"); a.StatusCode != 206 || a.body != "abcde" || a.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%s %q %v", a.Status, a.body, a.Header)
	}
}

func TestRefusalsInsideATunnelNameIt(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	r.inside("api.example.com:443", "evil.example.net", "")
	if e := r.last(); e.Authority.Host != "api.example.com" || e.Peer == "" || !strings.Contains(e.Refusal.Reason, "evil.example.net") {
		t.Errorf("recorded %+v", e)
	}
}

// A body that broke off while it was held back has no whole that could be sent.
func TestBrokenSpoolIsNeverSentAsWhole(t *testing.T) {
	late := iotest.OneByteReader(iotest.TimeoutReader(strings.NewReader("abc"))) // fails once, and would go on
	b := &peekedBody{ahead: ahead{length: -1, src: &ownBody{ReadCloser: io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 2*maxBody)), late))}, dir: t.TempDir(), most: maxSpool}, sum: sha256.New()}
	if err := readStream(b); err == nil {
		t.Fatal("a broken body was read whole")
	}
	if n, err := io.Copy(io.Discard, b); err == nil {
		t.Errorf("%d bytes would be sent as the whole body", n)
	}
}
