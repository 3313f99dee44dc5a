package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"agentguard/policy/limit"
	"agentguard/vault"
)

func echoAuth(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "auth=%s key=%s query=%s", r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"), r.URL.RawQuery)
}

// sawAuth remembers what the origin was given.
type sawAuth struct {
	headers atomic.Pointer[http.Header]
	query   atomic.Pointer[string]
	body    atomic.Pointer[string]
}

func (s *sawAuth) handle(w http.ResponseWriter, r *http.Request) {
	h := r.Header.Clone()
	s.headers.Store(&h)
	s.query.Store(&r.URL.RawQuery)
	b, _ := io.ReadAll(r.Body)
	body := string(b)
	s.body.Store(&body)
	w.Write([]byte("ok"))
}

func (s *sawAuth) get(name string) string {
	if h := s.headers.Load(); h != nil {
		return strings.Join(h.Values(name), "|")
	}
	return "(nothing came)"
}

// Section 1: one parsed authority.

func TestTunnelAuthorityIsHostAndSNI(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	for _, c := range []struct{ name, connect, sni, host, want string }{
		{"agreeing", "api.example.com:443", "api.example.com", "api.example.com", "200"},
		{"trailing dot and case", "API.example.com.:443", "api.example.com", "Api.Example.Com", "200"},
		{"explicit port", "api.example.com:443", "api.example.com", "api.example.com:443", "200"},
		{"another Host", "api.example.com:443", "api.example.com", "other.example.com", "the tunnel leads to"},
		{"another port", "api.example.com:443", "api.example.com", "api.example.com:8443", "the tunnel leads to"},
		{"another SNI", "api.example.com:443", "other.example.com", "api.example.com", "handshake"},
		{"userinfo", "api.example.com:443", "api.example.com", "x@api.example.com", "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := r.inside(c.connect, c.sni, "GET /items/1 HTTP/1.1\r\nHost: "+c.host+"\r\nConnection: close\r\n\r\n")
			got := fmt.Sprint(err)
			if err == nil {
				got = resp.Status + " " + bodyOf(t, resp)
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	for _, e := range r.reached() {
		if !strings.HasSuffix(e, "api.example.com/items/1") {
			t.Errorf("the origin was asked %q", e)
		}
	}
}

func TestResumedSessionStillChecksSNI(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	if resp, err := r.inside("api.example.com:443", "api.example.com", "GET /items/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n"); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	if _, err := r.inside("other.example.com:443", "api.example.com", "GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n"); err == nil {
		t.Error("a handshake for another name passed")
	}
}

func TestAbsoluteTargetWinsOverHost(t *testing.T) {
	plain := strings.Replace(rigPolicy, `hosts = ["api.example.com", "*.api.example.com", "127.0.0.1"]`, `hosts = ["http://api.example.com"]`, 1)
	r := newRig(t, echoAuth, rigOptions{policy: plain})
	resp, _, _ := r.raw("GET http://unknown.example.net/ HTTP/1.1\r\nHost: api.example.com\r\n{auth}\r\n")
	if resp.StatusCode != 403 {
		t.Errorf("the Host header decided: %s", resp.Status)
	}
	if b := bodyOf(t, resp); !strings.Contains(b, "unknown.example.net") {
		t.Errorf("refused for another reason: %s", b)
	}
}

func TestMalformedTargetsAreRefused(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	for _, line := range []string{
		"CONNECT api.example.com HTTP/1.1", "CONNECT api.example.com:0 HTTP/1.1", "CONNECT user@api.example.com:443 HTTP/1.1",
		"CONNECT api.example.com:443x HTTP/1.1", "CONNECT 0x7f.1:443 HTTP/1.1", "CONNECT 2130706433:443 HTTP/1.1", "CONNECT [fe80::1%25lo]:443 HTTP/1.1",
		"GET http://api.example.com@evil.example.net/ HTTP/1.1", "GET ftp://api.example.com/ HTTP/1.1", "OPTIONS * HTTP/1.1",
	} {
		resp, _, _ := r.raw(line + "\r\nHost: api.example.com\r\n{auth}\r\n")
		if resp != nil && resp.StatusCode != 400 && resp.StatusCode != 403 {
			t.Errorf("%s: %s", line, resp.Status)
		}
	}
	r.notAsked()
}

func TestPathsWithTwoReadingsAreRefused(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	for _, path := range []string{"/any/../items/1", "/any/%2e%2e/items/1", "/any//x", "/any/a%2fb", "/any/a%5cb", "/any/a\\b", "/any/%00", "/any/%252e%252e/x", "/any/..;/x"} {
		resp, err := r.inside("api.example.com:443", "api.example.com", "GET "+path+" HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
		if err != nil || resp.StatusCode != 400 {
			t.Errorf("%s: %v %v", path, resp, err)
		}
	}
	r.notAsked()
}

func TestSentIsWhatWasMatched(t *testing.T) {
	var uri atomic.Value
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { uri.Store(q.RequestURI) }, rigOptions{})
	for _, path := range []string{"/any/a%20b/%E2%82%AC", "/any/a!$&'()*+,=:@~b", "/any/a%3Bb=c,d", "/any/x?a=1;b=2&c=%zz", "/any/x?"} {
		if resp, err := r.inside("api.example.com:443", "api.example.com", "GET "+path+" HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n"); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v %v", path, resp, err)
		}
		if got := uri.Load(); got != path {
			t.Errorf("sent %q as %q", path, got)
		}
	}
}

func TestNoConnectInATunnel(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	resp, err := r.inside("api.example.com:443", "api.example.com", "CONNECT other.example.com:443 HTTP/1.1\r\nHost: other.example.com:443\r\n\r\n")
	if err != nil || resp.StatusCode != 400 || !strings.Contains(bodyOf(t, resp), "CONNECT inside a tunnel") {
		t.Error(resp, err)
	}
}

func TestNoH2CAndNoUnasked101(t *testing.T) {
	var saw sawAuth
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		saw.handle(w, q)
	}, rigOptions{http1: true})
	r.do("GET", "https://api.example.com/items/1", "", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__")
	if got := saw.get("Upgrade") + saw.get("Http2-Settings"); got != "" {
		t.Errorf("the origin was asked to upgrade: %q", got)
	}
	r = newRig(t, func(w http.ResponseWriter, q *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nhello")
		time.Sleep(50 * time.Millisecond)
		c.Close()
	}, rigOptions{http1: true})
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 502 {
		t.Errorf("an unasked 101 came through as %s", a.Status)
	}
}

func TestRewriteHeadersAreStripped(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	names := []string{"X-HTTP-Method-Override", "X_HTTP_Method_Override", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "Forwarded", "X-Agent-ID",
		"X-Forwarded-Method", "X_Forwarded_Anything", "X-Original-Method", "X-Override-URL", "X-Rewrite-Path", "X-HTTP-Path-Override", "X-Real-IP", "True-Client-IP", "Proxy-Authorization",
		"X-Method", "X-Http-Verb", "_method", "X-RestLi-Method", "X-HTTP-Methode-Override", "X-Host-Override", "X-Envoy-Original-Path", "X-Request-URI", "X-Script-Name", "Destination",
		"Impersonate-User", "Impersonate_Group", "X-Remote-User", "Remote-User", "Sudo", "X-Auth-Request-User", "X-Webauth-User", "SSL-Client-Verify", "X-Forward-For", "X-Ms-Client-Principal-Id",
		"Content_Type", "content_encoding", "Content_Length", "Transfer_Encoding"}
	var header []string
	for _, n := range names {
		header = append(header, n+": DELETE")
	}
	others := []string{"Access-Control-Request-Method", "X-Methods", "X-Remote", "Referer", "X-Request-Id", "X"}
	for _, n := range others {
		header = append(header, n+": PUT")
	}
	r.do("GET", "https://api.example.com/items/1", "", header...)
	for _, n := range names {
		if v := saw.get(n); v != "" {
			t.Errorf("%s reached the origin: %q", n, v)
		}
	}
	for _, n := range others {
		if saw.get(n) != "PUT" {
			t.Errorf("%s did not reach the origin", n)
		}
	}
}

// TestMethodInTheBodyIsDenied: a field _method behind whatever else a body holds; and a body without one is sent whole.
func TestMethodInTheBodyIsDenied(t *testing.T) {
	got := make(chan int64, 1)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n, _ := io.Copy(io.Discard, q.Body)
		got <- n
	}, rigOptions{})
	file := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"_method\"\r\n\r\n" + strings.Repeat("x", maxBody/2) + "\r\n"
	field := "--B\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n"
	for _, h2 := range []bool{false, true} {
		for body, kind := range map[string]string{
			file + field + "--B--\r\n":  "multipart/form-data; boundary=B",
			"a=1&%5Fmethod=DELETE":      "application/x-www-form-urlencoded",
			`{"\u005fmethod":"DELETE"}`: "application/json",
		} {
			a := r.with(r.client(h2), "POST", "https://api.example.com/items", body, "Content-Type: "+kind)
			if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Hint+m.Message, "_method of the body would change the method") {
				t.Errorf("%s: %d %s", kind, a.StatusCode, a.body)
			}
		}
	}
	if len(r.reached()) > 0 {
		t.Errorf("the origin was asked: %v", r.reached())
	}
	whole := file + "--B--\r\n"
	if a := r.do("POST", "https://api.example.com/items", whole, "Content-Type: multipart/form-data; boundary=B"); a.StatusCode != 200 || <-got != int64(len(whole)) {
		t.Errorf("a form without one: %d %s", a.StatusCode, a.body)
	}
}

// TestMethodInALongBodyIsDenied: one that is too long to be held is searched on its way, and its end does not leave when it
// holds a _method; without one it arrives whole, of whatever type it says it is.
func TestMethodInALongBodyIsDenied(t *testing.T) {
	whole := make(chan int64, 100)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if n, err := io.Copy(io.Discard, q.Body); err == nil {
			whole <- n
		}
	}, rigOptions{policy: strings.Replace(rigPolicy, "create_item = \"5/hour\"", "create_item = \"500/hour\"", 1)})
	long := strings.Repeat("x", maxBody+100<<10)
	const form, parts = "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"
	part := func(name string) string {
		return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n"
	}
	send := func(h2, chunked bool, kind, body string) answer {
		q, _ := http.NewRequest("POST", "https://api.example.com/items", strings.NewReader(body))
		if chunked {
			q.ContentLength = -1
		}
		if kind != "" {
			q.Header.Set("Content-Type", kind)
		}
		resp, err := r.client(h2).Do(q)
		if err != nil {
			t.Fatalf("%q: %v", kind, err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return answer{resp, string(text)}
	}
	for _, h2 := range []bool{false, true} {
		for _, chunked := range []bool{false, true} {
			for _, c := range []struct{ kind, body string }{
				{form, "a=" + long + "&_method=DELETE"},
				{form, "a=" + long + ";%5Fmethod=DELETE;b=1"},
				{form, strings.Repeat("+", 1<<20) + "_method=DELETE&a=" + long},
				{"", long + "&_method=DELETE"},
				{parts, part("a") + long + "\r\n" + part("_method") + "DELETE\r\n--B--\r\n"},
				{"application/json", `{"a":"` + long + `","_method":"DELETE"}`},
			} {
				a := send(h2, chunked, c.kind, c.body)
				if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Message, "_method") {
					t.Errorf("%q %.20q: %d %s", c.kind, c.body, a.StatusCode, a.body)
				}
			}
			for kind, body := range map[string]string{
				form:               "a=" + long + "&payment_method=card",
				"":                 long,
				parts:              part("a") + long + "\r\n--B--\r\n",
				"application/json": `{"a":"` + long + `"}`,
			} {
				a := send(h2, chunked, kind, body)
				if a.StatusCode != 200 {
					t.Errorf("%q without one: %d %s", kind, a.StatusCode, a.body)
				} else if n := <-whole; n != int64(len(body)) {
					t.Errorf("%q without one: %d bytes of %d came, or what was denied came whole", kind, n, len(body))
				}
			}
		}
	}
}

// TestAnswerBeforeTheBody: what an upload has left when the answer came early is not taken for the next request.
func TestAnswerBeforeTheBody(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}, rigOptions{})
	token := "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+theToken))
	smuggled := "GET /proxy/api/items/1 HTTP/1.1\r\nHost: x\r\nAuthorization: " + token + "\r\n\r\n"
	body := strings.Repeat(smuggled, 1<<20/len(smuggled))
	resp, c, rest := r.raw("POST /proxy/api/items HTTP/1.1\r\nHost: x\r\nAuthorization: " + token + "\r\n" +
		"Content-Type: application/octet-stream\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	if resp == nil || resp.StatusCode != http.StatusTeapot {
		t.Fatalf("the early answer: %+v", resp)
	}
	io.Copy(io.Discard, resp.Body)
	go func() {
		io.WriteString(c, body)
		c.(*net.TCPConn).CloseWrite()
	}()
	if more, _ := io.ReadAll(rest); len(more) > 0 {
		t.Errorf("the rest of the body was answered: %.200q", more)
	}
	if got := r.reached(); len(got) != 1 {
		t.Errorf("the origin was asked %d times, want once", len(got))
	}
}

// The same where the rest comes in the middle of a chunk, or there is little of it.
func TestAnswerWithinTheBody(t *testing.T) {
	for _, encoding := range []string{"Transfer-Encoding: chunked\r\n\r\n200\r\n", "Content-Length: 512\r\n\r\n"} {
		var asked atomic.Int32
		r := newRig(t, echoAuth, rigOptions{http1: true})
		rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
			asked.Add(1)
			io.WriteString(w, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		})
		_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
		tc := tlsClient(c, r, "api.example.com")
		io.WriteString(tc, "POST /any/x HTTP/1.1\r\nHost: api.example.com\r\n"+encoding+strings.Repeat("x", 256))
		br := bufio.NewReader(tc)
		if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 413 {
			t.Fatal(resp, err)
		}
		r.last()
		io.WriteString(tc, strings.Repeat("GET /any/smuggled HTTP/1.1\r\nHost: api.example.com\r\n\r\n", 10))
		if more, _ := io.ReadAll(br); len(more) > 0 || asked.Load() != 1 {
			t.Errorf("%q: the rest of the body was answered, the origin was asked %d times: %.200q", encoding, asked.Load(), more)
		}
	}
}

func TestConnectionHeaderCannotDropOthers(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	resp, err := r.inside("api.example.com:443", "api.example.com", "GET /items/1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close, Authorization\r\n\r\n")
	if err != nil || resp.StatusCode != 400 {
		t.Error(resp, err)
	}
}

// Section 2: twins.

func TestEveryFormIsDenied(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	check := func(form string, a answer) {
		t.Helper()
		m := a.refusal(t)
		if a.StatusCode != 403 || m.Error != "Action delete_item is denied" || m.Rule != "deny.deletions" {
			t.Errorf("%s: %d %s", form, a.StatusCode, a.body)
		}
	}
	check("h1", r.do("DELETE", "https://api.example.com/items/1", ""))
	check("h2", r.with(r.client(true), "DELETE", "https://api.example.com/items/1", ""))
	check("gateway", r.with(&http.Client{}, "DELETE", "http://x:"+theToken+"@"+r.addr+"/proxy/api/items/1", ""))
	check("websocket", r.do("DELETE", "https://api.example.com/items/1", "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	resp, _, _ := r.raw("DELETE https://api.example.com/items/1 HTTP/1.1\r\nHost: api.example.com\r\n{auth}\r\n")
	check("absolute", answer{resp, bodyOf(t, resp)})
	r.notAsked()
}

// Section 3: fail closed.

func TestNothingWorksWithoutItsParts(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a proxy without parts was made")
	}
}

func TestUnclaimedHostIsRefusedWithTheReasonUnresolved(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	a := r.do("GET", "https://does-not-exist.invalid/x", "")
	if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Error, "does-not-exist.invalid") || m.Hint == "" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if e := r.last(); e.Refusal == nil || e.Failure != "" || e.Recorded {
		t.Errorf("recorded as %+v", e)
	}
}

// Where nobody would read a refusal in the tunnel, none is opened.
func TestTunnelsInWhichNobodyReads(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	for at, want := range map[string]int{
		"evil.example.net:22": 403, "evil.example.net:25": 403, "169.254.169.254:80": 403, "[::ffff:169.254.169.254]:443": 403, "10.0.0.1:6443": 403, "[::1]:443": 403,
		"evil.example.net:443": 200, "evil.example.net:8443": 200, "api.example.com:443": 200, "127.0.0.1:443": 200, // the last is a service's
	} {
		resp, _, _ := r.raw("CONNECT " + at + " HTTP/1.1\r\nHost: " + at + "\r\n{auth}\r\n")
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%s: %v", at, resp)
			continue
		}
		if want == 403 {
			if text, e := bodyOf(t, resp), r.last(); !strings.Contains(text, "does not know") || e.Method != "CONNECT" || e.Refusal == nil || !e.Refusal.Unknown || e.Authority.Host == "" {
				t.Errorf("%s: %s, on record %+v", at, text, e.Refusal)
			}
		}
	}
}

// Who opens a tunnel to such a host is on record, once, whatever becomes of it.
func TestUnclaimedHostIsOnRecord(t *testing.T) {
	for name, use := range map[string]func(r *rig, c net.Conn, host string){
		"nothing is sent":       func(*rig, net.Conn, string) {},
		"the CA is not trusted": func(_ *rig, c net.Conn, host string) { tls.Client(c, &tls.Config{ServerName: host}).Handshake() },
		"no HTTP is sent":       func(r *rig, c net.Conn, host string) { io.WriteString(tlsClient(c, r, host), "SSH-2.0-x\r\n\r\n") },
		"no TLS and no HTTP is": func(_ *rig, c net.Conn, _ string) { io.WriteString(c, "\x00") },
		"a request is sent": func(r *rig, c net.Conn, host string) {
			io.WriteString(tlsClient(c, r, host), "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		},
		"another name is wanted": func(r *rig, c net.Conn, _ string) {
			tls.Client(c, &tls.Config{ServerName: "api.example.com", InsecureSkipVerify: true}).Handshake()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, echoAuth, rigOptions{})
			for _, host := range []string{"api.example.com", "evil.example.net"} { // of the first the policy knows what may come
				_, c, br := r.raw("CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + "\r\n{auth}\r\n")
				use(r, c, host)
				c.SetReadDeadline(time.Now().Add(time.Second / 10))
				io.Copy(io.Discard, br)
				c.Close()
			}
			about := func() (n int) {
				time.Sleep(20 * time.Millisecond)
				r.mu.Lock()
				defer r.mu.Unlock()
				for _, e := range r.records {
					if e.Authority.Host == "evil.example.net" && e.Refusal != nil {
						n++
					}
				}
				return n
			}
			for tries := 0; about() == 0 && tries < 3000; tries++ {
			}
			if n := about(); n != 1 {
				t.Errorf("%d records", n)
			}
		})
	}
}

func TestWhatCannotBeRecordedIsNotSent(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	r.failLog = errors.New("no space left on device")
	a := r.do("GET", "https://api.example.com/items/1", "")
	if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Error, "no space left") || m.Hint == "" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	r.notAsked()
}

func TestRecordStandsBeforeTheRequestLeaves(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	r.do("GET", "https://api.example.com/items/1", "")
	r.last()
	if got := strings.Join(r.events, ", "); got != "recorded, origin GET api.example.com/items/1, ended" {
		t.Error(got)
	}
}

type brokenStore struct{}

func (brokenStore) Take(context.Context, []limit.Take) (limit.Verdict, error) {
	return limit.Verdict{}, &limit.Error{Err: errors.New("the store is gone"), Hint: "put it back"}
}

func TestNoLimitStoreRefuses(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{adjust: func(c *Config, _ *UpstreamConfig) { c.Limits = brokenStore{} }})
	a := r.do("POST", "https://api.example.com/items", "{}")
	if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Error, "the store is gone") || m.Hint != "put it back" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if len(r.notices) != 1 || !strings.Contains(r.notices[0], "the store is gone (put it back)") {
		t.Errorf("the person was told %q", r.notices)
	}
	r.notAsked()
}

func TestUnreadableCredentialRefuses(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	r.set.Get("api-key").Read = func(context.Context) (vault.Secret, error) { return vault.Secret{}, errors.New("the file is gone") }
	a := r.do("GET", "https://api.example.com/items/1", "")
	if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Error, "the file is gone") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	r.notAsked()
}

func TestLimitAnswers429(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }, rigOptions{})
	for i := range 6 {
		a := r.do("POST", "https://api.example.com/items", "{}")
		want := 201
		if i == 5 {
			want = 429
		}
		if a.StatusCode != want {
			t.Errorf("request %d: %s %s", i+1, a.Status, a.body)
		}
		if want == 429 && a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if n := len(r.reached()); n != 5 {
		t.Errorf("%d reached the origin", n)
	}
}

// Section 4: secrets.

func TestCredentialIsPutInItsSlot(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	ph := r.placeholder("api-key")
	basic := func(s string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct{ name, header, want string }{
		{"added", "Accept: */*", "Bearer " + theSecret},
		{"placeholder", "Authorization: Bearer " + ph, "Bearer " + theSecret},
		{"scheme kept", "Authorization: token " + ph, "token " + theSecret},
		{"uri form", "Authorization: Bearer vault://api-key", "Bearer " + theSecret},
		{"inside basic", basic("git:" + ph), "Basic " + base64.StdEncoding.EncodeToString([]byte("git:"+theSecret))},
		{"basic user", basic(ph + ":"), "Basic " + base64.StdEncoding.EncodeToString([]byte(theSecret+":"))},
		{"uri inside basic", basic("git:vault://api-key"), "Basic " + base64.StdEncoding.EncodeToString([]byte("git:"+theSecret))},
		{"its own replaced", "Authorization: Bearer ghp_attacker", "Bearer " + theSecret},
		{"two of its own replaced", "Authorization: Bearer ghp_attacker", "Bearer " + theSecret},
		{"other spelling removed", "AUTHORIZATION: Bearer ghp_attacker", "Bearer " + theSecret},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := r.do("GET", "https://api.example.com/items/1", "", c.header); a.StatusCode != 200 {
				t.Fatal(a.Status, a.body)
			}
			if got := saw.get("Authorization"); got != c.want {
				t.Errorf("the origin got %q", got)
			}
		})
	}
}

func TestEverySpellingOfTheSlotIsRemoved(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	r.do("GET", "https://other.example.com/x", "", "X_Api_Key: attacker-key", "x-api-key: attacker-key", "X-API_KEY: attacker-key")
	for name, values := range *saw.headers.Load() {
		if strings.Contains(strings.Join(values, " "), "attacker") {
			t.Errorf("%s: %s reached the origin", name, values)
		}
	}
	if got := saw.get("X-Api-Key"); got != r.secrets["other-key"] {
		t.Errorf("the origin got %q", got)
	}
}

func TestPolicyNamedPlacesAreSwapped(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	ph, secret := r.placeholder("other-key"), r.secrets["other-key"]
	r.do("GET", "https://other.example.com/x?a=1&key="+ph+"&b=2", "")
	if got := *saw.query.Load(); got != "a=1&key="+secret+"&b=2" {
		t.Errorf("query %q", got)
	}
	if got := saw.get("X-Api-Key"); got != "" {
		t.Errorf("sent twice: %q", got)
	}
	r.do("GET", "https://other.example.com/x", "", "X-Second: key "+ph)
	if got := saw.get("X-Second"); got != "key "+secret {
		t.Errorf("header %q", got)
	}
	r.do("POST", "https://other.example.com/x", `{"auth": {"token":"`+ph+`"}, "note":"`+ph+`"}`, "Content-Type: application/json")
	if got := *saw.body.Load(); got != `{"auth": {"token":"`+secret+`"}, "note":"`+ph+`"}` {
		t.Errorf("body %q", got)
	}
	r.do("POST", "https://other.example.com/x", "a=b&key=vault%3A%2F%2Fother-key", "Content-Type: application/x-www-form-urlencoded")
	if got := *saw.body.Load(); got != "a=b&key="+secret {
		t.Errorf("form %q", got)
	}
}

func TestPlaceholderGoesNowhereElse(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	ph := r.placeholder("api-key")
	basic := base64.StdEncoding.EncodeToString([]byte("u:" + ph))
	for _, c := range []struct{ name, url, header, want string }{
		{"open host", "https://open.example.com/", "Authorization: Bearer " + ph, "was sent to open.example.com"},
		{"open host, basic", "https://open.example.com/", "Authorization: Basic " + basic, "was sent to open.example.com"},
		{"open host, query", "https://open.example.com/?q=" + ph, "", "was sent to open.example.com"},
		{"open host, path", "https://open.example.com/" + ph, "", "was sent to open.example.com"},
		{"open host, cookie", "https://open.example.com/", "Cookie: s=" + ph, "was sent to open.example.com"},
		{"open host, uri", "https://open.example.com/", "X-Key: vault://api-key", "was sent to open.example.com"},
		{"another service", "https://other.example.com/x", "X-Api-Key: " + ph, "was sent to other.example.com"},
		{"unknown host", "https://evil.example.net/", "X-Key: " + ph, "was sent to evil.example.net"},
		{"unknown name", "https://api.example.com/items/1", "Authorization: Bearer vault://nobody", "cannot be resolved"},
		{"its host, elsewhere", "https://api.example.com/items/1", "X-Debug: " + ph, "where it is not swapped"},
		{"its host, query", "https://api.example.com/items/1?t=" + ph, "", "where it is not swapped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.header != "" {
				header = []string{c.header}
			}
			a := r.do("GET", c.url, "", header...)
			if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Error, c.want) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	r.notAsked()
	if len(r.notices) < 8 {
		t.Errorf("the person was told %d times", len(r.notices))
	}
}

func TestPlaceholderInABodyElsewhereIsInert(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	body := `{"history":"my token is ` + r.placeholder("api-key") + ` vault://api-key"}`
	for _, host := range []string{"open.example.com", "other.example.com"} {
		if a := r.do("POST", "https://"+host+"/x", body, "Content-Type: application/json"); a.StatusCode != 200 {
			t.Fatal(a.Status, a.body)
		}
		if got := *saw.body.Load(); got != body {
			t.Errorf("%s got %q", host, got)
		}
	}
}

func TestOpenHostsGetNoCredential(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	r.do("GET", "https://open.example.com/x", "")
	if got := saw.get("Authorization") + saw.get("X-Api-Key"); got != "" {
		t.Errorf("an open host got %q", got)
	}
}

func TestRangeIsStripped(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	r.do("GET", "https://api.example.com/items/1", "", "Range: bytes=10-20", "If-Range: x", "Request-Range: bytes=10-20", "X-Ms-Range: bytes=10-20", "A-IM: gzip")
	if got := saw.get("Range") + saw.get("If-Range") + saw.get("Request-Range") + saw.get("X-Ms-Range") + saw.get("A-IM"); got != "" {
		t.Errorf("the origin was asked for %q", got)
	}
	var status int
	r = newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-19/40")
		w.WriteHeader(status)
		io.WriteString(w, theSecret[:20])
	}, rigOptions{})
	for _, status = range []int{http.StatusIMUsed, http.StatusPartialContent} {
		if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 502 || !strings.Contains(a.refusal(t).Error, "a part that nobody asked for") {
			t.Errorf("a part: %d %s", a.StatusCode, a.body)
		}
	}
	if a := r.do("GET", "https://open.example.com/x", "", "Range: bytes=0-19"); a.StatusCode != 206 {
		t.Errorf("a part of an open host: %d %s", a.StatusCode, a.body)
	}
}

func TestUpstreamMustBeVerified(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) { u.Roots = nil }})
	a := r.do("GET", "https://api.example.com/items/1", "")
	if m := a.refusal(t); a.StatusCode != 502 || !strings.Contains(m.Error, "cannot be trusted") || !strings.Contains(m.Hint, "[upstream] ca") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	r.notAsked()
}

func TestHTTPIsRefusedUnlessThePolicySaysSo(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	a := r.do("GET", "http://api.example.com/items/1", "")
	if a.StatusCode != 403 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	resp, c, br := r.raw("CONNECT api.example.com:80 HTTP/1.1\r\nHost: api.example.com:80\r\n{auth}\r\n")
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	io.WriteString(c, "GET /items/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 403 {
		t.Error(resp, err)
	}
	r.notAsked()
}

// Section 5: the way out.

func TestAddressGuard(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) { u.Resolve = nil }})
	a := r.do("GET", "https://127.0.0.1/items/1", "")
	if m := a.refusal(t); a.StatusCode != 403 || !strings.Contains(m.Error, "127.0.0.1") || !strings.Contains(m.Hint, "allow_private") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Section 6: who may use the proxy.

func TestOnlyTheTokenOpens(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	for _, auth := range []string{"", "Basic " + base64.StdEncoding.EncodeToString([]byte("x:wrong")), "Basic !", "Bearer " + theToken, "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"))} {
		for _, line := range []string{"CONNECT api.example.com:443", "GET http://api.example.com/"} {
			head := ""
			if auth != "" {
				head = "Proxy-Authorization: " + auth + "\r\n"
			}
			resp, _, _ := r.raw(line + " HTTP/1.1\r\nHost: api.example.com\r\n" + head + "\r\n")
			if resp.StatusCode != 407 || resp.Header.Get("Proxy-Authenticate") != `Basic realm="agentguard"` {
				t.Errorf("%s with %q: %s", line, auth, resp.Status)
			}
		}
	}
	for _, path := range []string{"/proxy/api/items/1", "/", "/debug/pprof"} {
		resp, err := http.Get("http://" + r.addr + path)
		if err != nil || resp.StatusCode != 401 {
			t.Errorf("%s: %v %v", path, resp, err)
		}
	}
	r.notAsked()
}

// TestOursOpens: a process of the run needs no token for the proxy, but none stands for a wrong one, or at the gateway.
func TestOursOpens(t *testing.T) {
	for _, ours := range []bool{true, false} {
		var asked atomic.Int32
		r := newRig(t, echoAuth, rigOptions{adjust: func(c *Config, _ *UpstreamConfig) {
			c.Ours = func(net.Conn) bool { asked.Add(1); return ours }
		}})
		want := map[bool]int{true: 200, false: 407}[ours]
		resp, _, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
		if resp.StatusCode != want {
			t.Errorf("ours %v: %s", ours, resp.Status)
		}
		wrong := "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x:wrong")) + "\r\n"
		for _, line := range []string{"CONNECT api.example.com:443", "GET http://api.example.com/"} {
			if resp, _, _ := r.raw(line + " HTTP/1.1\r\nHost: api.example.com\r\n" + wrong + "\r\n"); resp.StatusCode != 407 {
				t.Errorf("ours %v, a wrong token, %s: %s", ours, line, resp.Status)
			}
		}
		if resp, _, _ := r.raw("GET /proxy/api/items/1 HTTP/1.1\r\nHost: " + r.addr + "\r\n\r\n"); resp.StatusCode != 401 {
			t.Errorf("ours %v, the gateway: %s", ours, resp.Status)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		r.notAsked()
	}
}

func TestTokenIsNeverForwarded(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{})
	r.with(&http.Client{}, "GET", "http://x:"+theToken+"@"+r.addr+"/proxy/api/items/1", "")
	r.do("GET", "https://api.example.com/items/1", "")
	for name, values := range *saw.headers.Load() {
		if s := strings.Join(values, " "); strings.Contains(s, theToken) || strings.Contains(s, base64.StdEncoding.EncodeToString([]byte("x:"+theToken))) {
			t.Errorf("%s: %s", name, values)
		}
	}
}

// A condition is on what is sent: the same bytes decide and leave.
func TestConditionsReadTheBodyThatIsSent(t *testing.T) {
	var saw sawAuth
	r := newRig(t, saw.handle, rigOptions{policy: strings.Replace(rigPolicy, `actions = ["read_item", "create_item", "anything"]`,
		`actions = ["read_item", "create_item", "anything"]
when = { base = "main" }`, 1)})
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"base":"main","title":"x"}`, 200}, {`{"base":"prod"}`, 403}, {`{"title":"x"}`, 403}, {`{"base":"prod","base":"main"}`, 403}, {`{"base":"main"`, 403}, {`{"base":["main"]}`, 403},
	} {
		a := r.do("POST", "https://api.example.com/items", c.body, "Content-Type: application/json")
		if a.StatusCode != c.want {
			t.Errorf("%s: %d %s", c.body, a.StatusCode, a.body)
		}
		if c.want == 200 && *saw.body.Load() != c.body {
			t.Errorf("the origin got %q", *saw.body.Load())
		}
	}
}
