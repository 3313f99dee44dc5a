package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSpecialAddressesAreRefused(t *testing.T) {
	g := newGuard([]string{"git.corp.internal", "10.1.0.0/16", "192.168.7.7"})
	for _, s := range []string{
		"127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "100.100.100.200",
		"198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
		"::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::", "fec0::1",
		"::ffff:0:7f00:1", "64:ff9b:1::7f00:1", "100::1", "3fff::1", "5f00::1", "fc00::1", "1fff::1", "4000::1", "8000::1", "e000::1",
	} {
		var guarded *GuardError
		if err := g.check("api.example.com", netip.MustParseAddr(s)); !errors.As(err, &guarded) {
			t.Errorf("%s may be dialled: %v", s, err)
		}
	}
	for _, c := range []struct{ host, addr string }{
		{"api.example.com", "140.82.112.5"}, {"api.example.com", "2606:50c0:8000::153"}, {"api.example.com", "2001:4860:4860::8888"}, {"api.example.com", "3ffe::1"}, {"git.corp.internal", "10.9.9.9"}, {"x.example.com", "10.1.2.3"},
		{"x.example.com", "192.168.7.7"}, {"x.example.com", "::ffff:10.1.2.3"},
	} {
		if err := g.check(c.host, netip.MustParseAddr(c.addr)); err != nil {
			t.Errorf("%s at %s: %v", c.host, c.addr, err)
		}
	}
}

// corporate is a CONNECT proxy with a password that leads everywhere to one origin.
func corporate(t *testing.T, origin string) (addr string, asked func() []string) {
	t.Helper()
	l := listenHere(t)
	var mu sync.Mutex
	var list []string
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		list = append(list, r.Method+" "+r.RequestURI)
		mu.Unlock()
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("corp:pass word")) {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		up, err := net.Dial("tcp", origin)
		if err != nil {
			return
		}
		c, rw, _ := http.NewResponseController(w).Hijack()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(up, rw); up.(*net.TCPConn).CloseWrite() }()
		io.Copy(c, up)
		c.Close()
	}))
	return l.Addr().String(), func() []string { mu.Lock(); defer mu.Unlock(); return list }
}

func TestCorporateProxyWithCredentials(t *testing.T) {
	var asked func() []string
	r := newRig(t, echoAuth, rigOptions{})
	addr, asked := corporate(t, r.origin.Listener.Addr().String())
	p := &url.URL{Scheme: "http", User: url.UserPassword("corp", "pass word"), Host: addr}
	roots := x509.NewCertPool()
	roots.AddCert(r.origin.Certificate())
	up, err := NewUpstream(UpstreamConfig{Roots: roots, Proxy: func(*url.URL) (*url.URL, error) { return p, nil }})
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.Upstream = up
	r.proxy.forward.Transport = up
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 200 || !strings.Contains(a.body, r.placeholder("api-key")) {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if a := r.do("GET", "https://unknown.example.net/", ""); a.StatusCode != 403 {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if got := asked(); len(got) != 1 || got[0] != "CONNECT api.example.com:443" {
		t.Errorf("the corporate proxy was asked %q", got)
	}
}

const tunnelPolicy = rigPolicy + `tunnel = ["pinned.example.com"]
`

func TestTunnelIsUnreadAndOnRecord(t *testing.T) {
	for _, corp := range []bool{false, true} {
		var addr string
		r := newRig(t, echoAuth, rigOptions{policy: tunnelPolicy, adjust: func(_ *Config, u *UpstreamConfig) {}})
		to := r.origin.Listener.Addr().String()
		cfg := UpstreamConfig{Resolve: map[string]string{"pinned.example.com:443": to}}
		if corp {
			addr, _ = corporate(t, to)
			p := &url.URL{Scheme: "http", User: url.UserPassword("corp", "pass word"), Host: addr}
			cfg = UpstreamConfig{Proxy: func(*url.URL) (*url.URL, error) { return p, nil }}
		}
		up, err := NewUpstream(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.proxy.Upstream = up
		resp, c, _ := r.raw("CONNECT pinned.example.com:443 HTTP/1.1\r\nHost: pinned.example.com:443\r\n{auth}\r\n")
		if resp == nil || resp.StatusCode != 200 {
			t.Fatal(resp)
		}
		tc := tls.Client(c, &tls.Config{RootCAs: roots(r.origin), ServerName: "example.com"}) // the origin's own certificate: nobody in between
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
		io.WriteString(tc, "GET /x HTTP/1.1\r\nHost: pinned.example.com\r\nConnection: close\r\n\r\n")
		got, err := http.ReadResponse(bufio.NewReader(tc), nil)
		if err != nil || got.StatusCode != 200 {
			t.Fatal(got, err)
		}
		tc.Close()
		e := r.last()
		if e.Transport != "tunnel" || !e.Recorded || e.Decision.Rule != "network.tunnel" || e.Sent == 0 || e.Received == 0 {
			t.Errorf("recorded %+v", e)
		}
		if a := r.do("GET", "http://pinned.example.com/", ""); a.StatusCode != 403 {
			t.Errorf("a tunnelled host was read: %s", a.Status)
		}
	}
}

func roots(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

func TestPrivateCAFile(t *testing.T) {
	if _, err := NewUpstream(UpstreamConfig{CA: []byte("no certificate")}); err == nil {
		t.Error("a CA file without a certificate was taken")
	}
	r := newRig(t, echoAuth, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) { u.Roots = nil }})
	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.origin.Certificate().Raw})
	to := r.origin.Listener.Addr().String()
	up, err := NewUpstream(UpstreamConfig{CA: caPEM, Resolve: map[string]string{"api.example.com:443": to}})
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.forward.Transport = up
	if a := r.do("GET", "https://api.example.com/items/1", ""); a.StatusCode != 200 {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

func TestOriginOfHTTP2Only(t *testing.T) {
	var protos sync.Map
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { protos.Store(q.Proto, true) }, rigOptions{})
	r.origin.TLS.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		only := r.origin.TLS.Clone()
		only.GetConfigForClient, only.NextProtos = nil, []string{"h2"}
		if !slices.Contains(hello.SupportedProtos, "h2") {
			only.NextProtos = []string{"none"} // crypto/tls would let HTTP/1.1 pass beside h2
		}
		return only, nil
	}
	for range 2 {
		if a := r.do("POST", "https://api.example.com/items", "{}"); a.StatusCode != 200 {
			t.Errorf("%s %s", a.Status, a.body)
		}
	}
	if _, h1 := protos.Load("HTTP/1.1"); h1 {
		t.Error("the origin was asked in HTTP/1.1")
	}
}

// Nor is one that says it of itself asked twice.
func TestOriginThatClaimsToBeOfHTTP2Only(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{http1: true})
	var asked atomic.Int32
	rawOrigin(t, r, func(w net.Conn, _ *http.Request) {
		asked.Add(1)
		io.WriteString(w, "HTTP/1.1 200 OK\r\nno application protocol\r\n\r\n")
	})
	for _, c := range []struct{ method, body string }{{"DELETE", ""}, {"POST", "x"}} { // by either way to ask in HTTP/1.1
		asked.Store(0)
		if a := r.do(c.method, "https://api.example.com/any/x", c.body); a.StatusCode != 502 || asked.Load() != 1 {
			t.Errorf("%s: %s, it came %d times", c.method, a.Status, asked.Load())
		}
	}
}

func TestUnreachableUpstreamIs502WithTheReason(t *testing.T) {
	l := listenHere(t)
	l.Close()
	r := newRig(t, echoAuth, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) { u.Resolve["api.example.com:443"] = l.Addr().String() }})
	a := r.do("GET", "https://api.example.com/items/1", "")
	if m := a.refusal(t); a.StatusCode != 502 || !strings.Contains(m.Error, "refused") {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if e := r.last(); e.Failure == "" || !e.Recorded {
		t.Errorf("recorded %+v", e)
	}
}

func TestMendsTrust(t *testing.T) {
	for want, err := range map[string]error{
		"the clock of this machine": x509.CertificateInvalidError{Reason: x509.Expired},
		"somebody else answers":     x509.HostnameError{},
		"[upstream] ca":             x509.UnknownAuthorityError{},
	} {
		if got := mendsTrust(fmt.Errorf("tls: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%T: %q", err, got)
		}
	}
}

func TestLeavesVerifyStrictly(t *testing.T) {
	now := time.Now()
	ca, err := NewCA(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.PEM())
	for _, host := range []string{"api.example.com", "127.0.0.1", "::1", "xn--bcher-kva.example", strings.Repeat("a", 63) + ".example.com"} {
		leaf, err := ca.Leaf(host)
		if err != nil {
			t.Fatal(err)
		}
		c := leaf.Leaf
		if _, err := c.Verify(x509.VerifyOptions{Roots: pool, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if len(c.SubjectKeyId) == 0 || len(c.AuthorityKeyId) == 0 || c.IsCA || c.NotAfter.Sub(now) > 398*24*time.Hour {
			t.Errorf("%s: ski %x aki %x until %s", host, c.SubjectKeyId, c.AuthorityKeyId, c.NotAfter)
		}
		if again, _ := ca.Leaf(host); again != leaf {
			t.Errorf("%s was minted twice", host)
		}
	}
	old, _ := ca.Leaf("api.example.com")
	now = now.Add(20 * 24 * time.Hour)
	if fresh, _ := ca.Leaf("api.example.com"); fresh == old {
		t.Error("a leaf near its end was used again")
	}
}

// A child that has no more to say gets the rest, and one that is gone does not leave its tunnel behind.
func TestTunnelWithOneEnd(t *testing.T) {
	l := listenHere(t)
	ended := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.Copy(io.Discard, c)
		io.WriteString(c, "rest")
		<-t.Context().Done() // and is not heard of again
		c.Close()
	}()
	r := newRig(t, echoAuth, rigOptions{policy: tunnelPolicy, linger: 2 * time.Second, adjust: func(_ *Config, u *UpstreamConfig) {
		u.Resolve["pinned.example.com:443"] = l.Addr().String()
	}})
	_, c, br := r.raw("CONNECT pinned.example.com:443 HTTP/1.1\r\nHost: pinned.example.com:443\r\n{auth}\r\n")
	c.(*net.TCPConn).CloseWrite()
	go func() {
		rest, err := io.ReadAll(br)
		if string(rest) != "rest" {
			t.Errorf("the child got %q", rest)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the tunnel stays")
	}
	if e := r.last(); e.Transport != "tunnel" || e.Received != 4 {
		t.Errorf("recorded %+v", e)
	}
}
