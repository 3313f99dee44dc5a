package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"agentguard/policy/action"
)

// A corporate proxy stands on the way out of many networks. It makes a tunnel to a host, or refuses to, or says nothing at all.

// tunnelTimeout bounds how long one may take over a tunnel, with the TLS through it.
const tunnelTimeout = 2 * dialTimeout

// corporate is the corporate proxy on the way to a URL; nil: none.
func (u *Upstream) corporate(to *url.URL) (*url.URL, error) {
	if u.cfg.Proxy == nil {
		return nil, nil
	}
	if a, _, err := action.AuthorityOf(to); err == nil && u.cfg.Resolve[a.String()] != "" {
		return nil, nil // the policy says where it is
	}
	return u.cfg.Proxy(to)
}

// isProxy says whether addr is that of the corporate proxy.
func (u *Upstream) isProxy(addr string) bool {
	if u.cfg.Proxy == nil {
		return false
	}
	for _, scheme := range []string{"https", "http"} { // an environment may name two
		p, err := u.cfg.Proxy(&url.URL{Scheme: scheme, Host: "public.invalid"})
		if err == nil && p != nil && proxyAddr(p) == addr {
			return true
		}
	}
	return false
}

func proxyAddr(p *url.URL) string {
	port := p.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[p.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(p.Hostname(), port)
}

// noTunnelError is the answer of a corporate proxy that makes no tunnel.
type noTunnelError struct {
	by     string // host and port
	status string // "407 Proxy Authentication Required"
}

func (e *noTunnelError) Error() string {
	return "the corporate proxy " + e.by + " answered " + e.status
}

// hint says what may mend it. What the proxy says of itself is not shown.
func (e *noTunnelError) hint() string {
	if strings.HasPrefix(e.status, "407") {
		return "it wants a name and a password that it knows: HTTPS_PROXY=http://NAME:PASSWORD@" + e.by + " in agentguard's own environment"
	}
	return mendsProxy
}

const mendsProxy = `agentguard's own HTTPS_PROXY, or [upstream] proxy in the policy, leads there; NO_PROXY, or proxy = "none", leads past it`

// tunnelMade hears what the proxy at p answers to a CONNECT.
func tunnelMade(_ context.Context, p *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &noTunnelError{proxyAddr(p), answer.Status}
	}
	return nil
}

// errSOCKS: only HTTP's tunnels are made here; the others are net/http's own.
var errSOCKS = errors.New("a host of [network] tunnel cannot be reached through a SOCKS proxy")

// dialTunnel connects to the host of an exchange whose bytes are passed through unread.
func (u *Upstream) dialTunnel(ctx context.Context, ex *Exchange) (net.Conn, error) {
	a := ex.Authority
	p, err := u.corporate(&url.URL{Scheme: "https", Host: a.String()})
	ex.through = p
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return u.dial(ctx, "tcp", a.String())
	case strings.HasPrefix(p.Scheme, "socks"):
		return nil, errSOCKS
	}
	conn, err := u.dialThrough(ctx, p, a)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn, nil
}

// dialThrough asks a corporate proxy for a tunnel.
func (u *Upstream) dialThrough(ctx context.Context, p *url.URL, a action.Authority) (conn net.Conn, err error) {
	raw, err := u.dial(ctx, "tcp", proxyAddr(p))
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err} // as net/http says it
	}
	defer func() {
		if err != nil {
			raw.Close()
		}
	}()
	if conn = raw; p.Scheme == "https" {
		w, err := u.ways()
		if err != nil {
			return nil, err
		}
		cfg := w.tls.Clone()
		cfg.ServerName = p.Hostname()
		conn = tls.Client(raw, cfg)
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: a.String()}, Host: a.String(), Header: http.Header{}}
	if p.User != nil {
		password, _ := p.User.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.User.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	// The server of a tunnel that carries TLS speaks second, so nothing follows the answer that could be lost here.
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxAnswerHead)), req)
	if err != nil {
		return nil, err
	}
	return conn, tunnelMade(ctx, p, req, resp)
}
