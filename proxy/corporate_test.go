package proxy

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"agentguard/vault"
	"agentguard/vault/cred"
)

// badProxy accepts connections and does with each what it is told.
func badProxy(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l := listenHere(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go do(c)
		}
	}()
	return l.Addr().String()
}

// through has the rig's requests go by way of a corporate proxy.
func (r *rig) through(p *url.URL) {
	r.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(r.origin.Certificate())
	up, err := NewUpstream(UpstreamConfig{Roots: roots, Proxy: func(*url.URL) (*url.URL, error) { return p, nil }})
	if err != nil {
		r.t.Fatal(err)
	}
	r.proxy.Upstream, r.proxy.forward.Transport = up, up
}

// TestCorporateProxyThatMakesNoTunnel: the refusal names the proxy and says what may mend it, whatever the proxy does; one that says
// nothing is not waited for longer than the bound.
func TestCorporateProxyThatMakesNoTunnel(t *testing.T) {
	answer := func(text string) func(net.Conn) {
		return func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, text); c.Close() }
	}
	silent := func(c net.Conn) { io.Copy(io.Discard, c) }
	for _, c := range []struct {
		name, scheme string
		do           func(net.Conn) // nil: nobody is there
		want, hint   string
	}{
		{"wants a password", "http", answer("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"), "answered 407 ", "HTTPS_PROXY=http://NAME:PASSWORD@"},
		{"forbids", "http", answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nblock"), "answered 403 Forbidden", "NO_PROXY"},
		{"wants a browser", "http", answer("HTTP/1.1 302 Found\r\nLocation: http://login.example\r\nContent-Length: 0\r\n\r\n"), "answered 302 Found", "NO_PROXY"},
		{"hangs up", "http", func(c net.Conn) { c.Read(make([]byte, 4096)); c.Close() }, "ended the connection", ""},
		{"is no proxy", "http", answer("SSH-2.0-x\r\n\r\n"), "malformed HTTP", ""},
		{"says nothing", "http", silent, "did not answer in time", ""},
		{"says nothing to TLS", "https", silent, "cannot be reached", "NO_PROXY"},
		{"says nothing to SOCKS", "socks5", silent, "did not answer in time", ""},
		{"is not there", "http", nil, "refused", "NO_PROXY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:1"
			if c.do != nil {
				addr = badProxy(t, c.do)
			}
			r := newRig(t, echoAuth, rigOptions{policy: tunnelPolicy})
			r.through(&url.URL{Scheme: c.scheme, Host: addr})
			if strings.HasPrefix(c.name, "says nothing") {
				r.proxy.Upstream.tunnel = time.Second
			}
			for _, h2 := range []bool{false, true} {
				a := r.with(r.client(h2), "GET", "https://api.example.com/items/1", "")
				m := a.refusal(t)
				if a.StatusCode != 502 || !strings.Contains(m.Error, c.want) || !strings.Contains(m.Error, "the corporate proxy "+addr) || !strings.Contains(m.Hint, c.hint) {
					t.Errorf("%s %s", a.Status, a.body)
				}
			}
			if c.scheme == "socks5" {
				c.want = errSOCKS.Error()
			}
			resp, _, _ := r.raw("CONNECT pinned.example.com:443 HTTP/1.1\r\nHost: pinned.example.com:443\r\n{auth}\r\n")
			if resp == nil {
				t.Fatal("no answer to CONNECT")
			}
			text := bodyOf(t, resp)
			if resp.StatusCode != 502 || !strings.Contains(text, c.want) && c.scheme != "https" {
				t.Errorf("a tunnel that is not read: %s %s", resp.Status, text)
			}
		})
	}
}

// TestCorporateProxyThatTalksWithoutEnd: of what one answers to CONNECT no more is taken than of any other answer's header.
func TestCorporateProxyThatTalksWithoutEnd(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{policy: tunnelPolicy})
	r.through(&url.URL{Scheme: "http", Host: badProxy(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c, "X: "+strings.Repeat("x", 1<<16)+"\r\n")
		}
	})})
	const want = "ended the connection"
	resp, _, _ := r.raw("CONNECT pinned.example.com:443 HTTP/1.1\r\nHost: pinned.example.com:443\r\n{auth}\r\n")
	if resp == nil || resp.StatusCode != 502 || !strings.Contains(bodyOf(t, resp), want) {
		t.Errorf("a tunnel that is not read: %v", resp)
	}
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 502 || !strings.Contains(a.body, want) {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// TestCorporateProxyThatShowsThePassword: what a proxy repeats of its own password comes neither to the child nor into the log, in an
// answer of its own to a plain request and in its refusal of a tunnel, read or not.
func TestCorporateProxyThatShowsThePassword(t *testing.T) {
	const password = "Pr0xy-passw0rd-77"
	addr := badProxy(t, func(c net.Conn) {
		head := make([]byte, 4096)
		n, _ := c.Read(head)
		io.WriteString(c, "HTTP/1.1 407 Not with "+password+"\r\nX-Seen: corp:"+password+"\r\n\r\n"+string(head[:n]))
		c.Close()
	})
	r := newRig(t, echoAuth, rigOptions{policy: strings.Replace(tunnelPolicy, "open.example.com", "plain.example.com:80", 1)})
	r.through(&url.URL{Scheme: "http", Host: addr, User: url.UserPassword("corp", password)})
	secret, err := vault.NewSecret([]byte(password))
	r.proxy.Kept = &cred.Set{}
	if err != nil || r.proxy.Kept.Keep(secret) != nil {
		t.Fatal(err)
	}
	plain, _, _ := r.raw("GET http://plain.example.com/ HTTP/1.1\r\nHost: plain.example.com\r\n{auth}\r\n")
	blind, _, _ := r.raw("CONNECT pinned.example.com:443 HTTP/1.1\r\nHost: pinned.example.com:443\r\n{auth}\r\n")
	if plain == nil || blind == nil {
		t.Fatal("no answer")
	}
	read := r.with(r.client(false), "GET", "https://api.example.com/items/1", "")
	seen := []string{bodyOf(t, plain), plain.Header.Get("X-Seen"), bodyOf(t, blind), blind.Status, read.Status, read.body}
	r.last()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ex := range r.records {
		if seen = append(seen, ex.Failure); ex.Refusal != nil {
			seen = append(seen, ex.Refusal.Reason)
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("corp:" + password))
	for _, text := range seen {
		if strings.Contains(text, password) || strings.Contains(text, encoded[8:20]) {
			t.Errorf("%s", text)
		}
	}
	if !strings.Contains(seen[2], "answered 407 Not with ") || !strings.HasPrefix(seen[1], "corp:") {
		t.Errorf("the proxy said something else: %q", seen)
	}
}

// TestProxyPasswordIsNoAnswerToAGuess: what a child has a service say is not told from the password by what becomes of it.
func TestProxyPasswordIsNoAnswerToAGuess(t *testing.T) {
	const password = "Pr0xy-passw0rd-77"
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Said", password)
		io.WriteString(w, password)
	}, rigOptions{})
	secret, _ := vault.NewSecret([]byte(password))
	r.proxy.Kept = &cred.Set{}
	if err := r.proxy.Kept.Keep(secret); err != nil {
		t.Fatal(err)
	}
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.body != password || a.Header.Get("X-Said") != password {
		t.Errorf("%q, %q", a.body, a.Header.Get("X-Said"))
	}
}

// TestSlowAnswerThroughACorporateProxy: once there is a tunnel, answers may take their time.
func TestSlowAnswerThroughACorporateProxy(t *testing.T) {
	var bound atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { time.Sleep(time.Duration(bound.Load()) * 5 / 2) }, rigOptions{})
	addr, _ := corporate(t, r.origin.Listener.Addr().String())
	for _, h2 := range []bool{false, true} {
		for d := 200 * time.Millisecond; ; d *= 4 { // a busy machine needs longer for the tunnel
			bound.Store(int64(d))
			r.through(&url.URL{Scheme: "http", User: url.UserPassword("corp", "pass word"), Host: addr})
			r.proxy.Upstream.tunnel = d
			if a := r.with(r.client(h2), "GET", "https://api.example.com/items/1", ""); a.StatusCode == 200 {
				break
			} else if d > 3*time.Second {
				t.Errorf("h2 %v: %s %s", h2, a.Status, a.body)
				break
			}
		}
	}
}

// TestWhyTheUpstreamCouldNotBeAsked: each refusal names what failed, and says what may mend it.
func TestWhyTheUpstreamCouldNotBeAsked(t *testing.T) {
	const doubt = "whether it was carried out is not known"
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for _, c := range []struct {
		err        error
		method     string
		left       bool
		proxy      string
		want, hint string
	}{
		{reset, "POST", true, "", "api.example.com:443 ended the connection before an answer came", doubt},
		{reset, "GET", true, "", "ended the connection before an answer came", ""},
		{reset, "POST", false, "", "ended the connection before an answer came", ""},
		{silentError{io.ErrUnexpectedEOF}, "DELETE", true, "", "ended the connection", doubt},
		{errors.New("net/http: timeout"), "GET", false, "", "could not be asked: net/http: timeout", ""},
		{timedOut{}, "POST", true, "", "did not answer in time", doubt},
		{&net.DNSError{Name: "api.example.com", Err: "no such host"}, "GET", false, "http://corp:3128", "api.example.com cannot be resolved: no such host", ""},
		{&net.OpError{Op: "proxyconnect", Err: &net.DNSError{Name: "corp", Err: "no such host"}}, "GET", false, "http://corp:3128", "the corporate proxy corp:3128 cannot be resolved", "HTTPS_PROXY"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}, "GET", true, "", "certificate required", "[network] tunnel"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")}, "GET", true, "", "protocol version", "TLS 1.2"},
	} {
		a, err := authority("api.example.com")
		if err != nil {
			t.Fatal(err)
		}
		ex := &Exchange{Method: c.method, Authority: a, left: c.left}
		if c.proxy != "" {
			ex.through, _ = url.Parse(c.proxy)
		}
		f := couldNotAsk(ex, c.err)
		if f.Status != 502 || !strings.Contains(f.Reason, c.want) || !strings.Contains(f.Hint, c.hint) || c.hint == "" && f.Hint != "" {
			t.Errorf("%v of %s: %q (%q)", c.err, c.method, f.Reason, f.Hint)
		}
	}
}

type timedOut struct{}

func (timedOut) Error() string   { return "net/http: TLS handshake timeout" }
func (timedOut) Timeout() bool   { return true }
func (timedOut) Temporary() bool { return true }
