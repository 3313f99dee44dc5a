package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// diverted pretends, as the routes of a sealed run do, that its connections were made to another address.
type diverted struct {
	net.Listener
	to string
}

type divertedConn struct {
	*net.TCPConn
	to net.Addr
}

func (c *divertedConn) LocalAddr() net.Addr { return c.to }

func (l *diverted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &divertedConn{c.(*net.TCPConn), net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.to))}, nil
}

// capture serves connections that were meant for an address, and gives where to make them.
func (r *rig) capture(to string) string {
	r.t.Helper()
	l := listenHere(r.t)
	go r.proxy.ServeCaptured(&diverted{l, to})
	return l.Addr().String()
}

func (r *rig) dial(at string) net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

func ask(t *testing.T, c net.Conn, request string) (*http.Response, string) {
	t.Helper()
	io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp, bodyOf(t, resp)
}

func TestCapturedTLS(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, q.Header.Get("Authorization")) }, rigOptions{
		adjust: func(c *Config, _ *UpstreamConfig) {
			c.Name = func(a netip.Addr) (string, bool) { return "api.example.com", a == netip.MustParseAddr("198.18.0.1") }
		},
	})
	for _, c := range []struct {
		name, to, sni, host string
		status              int
		says                string
	}{
		{"by the name in the handshake", "93.184.216.34:443", "api.example.com", "api.example.com", 200, "Bearer " + r.placeholder("api-key")},
		{"the names differ", "93.184.216.34:443", "api.example.com", "other.example.com", 400, "the tunnel leads to api.example.com"},
		{"another port", "93.184.216.34:443", "api.example.com", "api.example.com:8443", 400, "the tunnel leads to"},
		{"unknown to the policy", "93.184.216.34:443", "evil.example.net", "evil.example.net", 403, "evil.example.net"},
		{"a port that the policy does not know", "93.184.216.34:8443", "api.example.com", "api.example.com:8443", 403, "not as https://api.example.com:8443"},
		{"an IPv6 address", "[2606:2800::1]:443", "api.example.com", "api.example.com", 200, "Bearer"},
		{"by the address that our name service gave", "198.18.0.1:443", "", "api.example.com", 200, "Bearer"},
		{"by the address alone", "93.184.216.34:443", "", "93.184.216.34", 403, "93.184.216.34"},
		{"an address, and a name inside", "93.184.216.34:443", "", "api.example.com", 400, "the tunnel leads to 93.184.216.34"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := tls.Client(r.dial(r.capture(c.to)), &tls.Config{ServerName: c.sni, InsecureSkipVerify: true})
			resp, body := ask(t, conn, "GET /items/1 HTTP/1.1\r\nHost: "+c.host+"\r\nConnection: close\r\n\r\n")
			if resp.StatusCode != c.status || !strings.Contains(body, c.says) || strings.Contains(body, theSecret) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			last := r.last()
			if last.Transport != "captured" || !strings.HasPrefix(last.Peer, "127.0.0.1:") {
				t.Errorf("recorded as %s from %s", last.Transport, last.Peer)
			}
		})
	}
}

func TestCapturedHTTP(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "hello from "+q.Host) }))
	defer plain.Close()
	r := newRig(t, nil, rigOptions{adjust: func(_ *Config, u *UpstreamConfig) {
		u.Resolve["open.example.com:80"] = plain.Listener.Addr().String()
	}})
	at := r.capture("93.184.216.34:80")
	for _, c := range []struct {
		name, request string
		status        int
		says          string
	}{
		{"by its Host", "GET /x HTTP/1.1\r\nHost: open.example.com\r\n\r\n", 200, "hello from open.example.com"},
		{"unknown to the policy", "GET /x HTTP/1.1\r\nHost: evil.example.net\r\n\r\n", 403, "evil.example.net"},
		{"a host for TLS alone", "GET /items/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n", 403, "https://api.example.com alone"},
		{"another port", "GET /x HTTP/1.1\r\nHost: open.example.com:8080\r\n\r\n", 400, "the connection leads to port 80"},
		{"no Host", "GET /x HTTP/1.0\r\n\r\n", 403, "93.184.216.34"},
		{"an absolute target elsewhere", "GET http://evil.example.net/ HTTP/1.1\r\nHost: open.example.com\r\n\r\n", 400, ""},
		{"CONNECT", "CONNECT open.example.com:443 HTTP/1.1\r\nHost: open.example.com\r\n\r\n", 400, "CONNECT inside a tunnel"},
		{"HTTP/2 in plain text", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := ask(t, r.dial(at), c.request)
			if resp.StatusCode != c.status && !(c.status == 400 && resp.StatusCode >= 400) || !strings.Contains(body, c.says) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
}

// One connection may carry requests for several hosts: each is judged by its own.
func TestCapturedConnectionIsJudgedByRequest(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {}, rigOptions{})
	c := r.dial(r.capture("93.184.216.34:80"))
	br := bufio.NewReader(c)
	for _, host := range []string{"evil.example.net", "api.example.com", "evil.example.org"} {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body := bodyOf(t, resp); resp.StatusCode != 403 || !strings.Contains(body, host) {
			t.Errorf("%s: %d %s", host, resp.StatusCode, body)
		}
	}
}

func TestCapturedTunnel(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "unread") }, rigOptions{
		policy: "version = 1\n[agent]\nname = \"t\"\n[network]\ntunnel = [\"open.example.com\"]\n",
	})
	conn := tls.Client(r.dial(r.capture("93.184.216.34:443")), &tls.Config{ServerName: "open.example.com", InsecureSkipVerify: true})
	if _, body := ask(t, conn, "GET / HTTP/1.1\r\nHost: open.example.com\r\nConnection: close\r\n\r\n"); body != "unread" {
		t.Error(body)
	}
	if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(r.origin.Certificate()) {
		t.Error("the certificate is not the origin's")
	}
	conn.Close()
	if last := r.last(); last.Transport != "tunnel" || last.Decision.Rule != "network.tunnel" || last.Received == 0 {
		t.Errorf("%+v", last)
	}
}

func TestCapturedOther(t *testing.T) {
	r := newRig(t, nil, rigOptions{})
	for _, c := range []struct{ name, to, send, reason string }{
		{"neither TLS nor HTTP", "93.184.216.34:443", "\x00\x01hello", "carried neither TLS nor HTTP"},
		{"a handshake that is none", "93.184.216.34:443", "\x16\x03\x01\x00\x05hello", "that cannot be read"},
		{"nothing", "93.184.216.34:25", "", "does not know 93.184.216.34:25"},
		{"SSH", "93.184.216.34:22", "SSH-2.0-OpenSSH_9.9\r\n", "SSH is not passed on"},
	} {
		conn := r.dial(r.capture(c.to))
		io.WriteString(conn, c.send)
		conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		if last := r.last(); last.Refusal == nil || !strings.Contains(last.Refusal.Reason, c.reason) || last.Authority.Host != "93.184.216.34" {
			t.Errorf("%s: %+v", c.name, last.Refusal)
		}
		if c.name == "SSH" && (!bytes.HasPrefix(answer, []byte("SSH-2.0-")) || !bytes.Contains(answer, []byte(sshRefusal))) {
			t.Errorf("SSH: %q", answer)
		}
	}
	if len(r.reached()) > 0 {
		t.Error(r.reached())
	}
}

// A listener that only the run can reach needs no token.
func TestSealedListenerNeedsNoToken(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "ok") }, rigOptions{})
	l := listenHere(t)
	go r.proxy.ServeSealed(l)
	connect := "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n"
	if resp, _ := ask(t, r.dial(r.addr), connect); resp.StatusCode != http.StatusProxyAuthRequired {
		t.Errorf("the other listener: %d", resp.StatusCode)
	}
	conn := r.dial(l.Addr().String())
	io.WriteString(conn, connect)
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	if _, body := ask(t, tlsClient(conn, r, "api.example.com"), "GET /items/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n"); body != "ok" {
		t.Error(body)
	}
}
