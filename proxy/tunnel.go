package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
)

// tunnelConn is the child's end of a CONNECT, or a captured connection: its bytes, those read ahead included, and where it
// was meant to lead.
type tunnelConn struct {
	bulk
	ahead     *bufio.Reader
	authority action.Authority // of a captured connection in plain text: none, each request has its own
	plain     bool
	peer      *peer
	captured  netip.AddrPort // where it was to go; not valid: it came by CONNECT
	asked     atomic.Bool    // something was, or its refusal is on record
	unasked   func()         // is called at its end where nothing was; nil: nobody is told
}

// Close ends it.
func (c *tunnelConn) Close() error {
	if !c.asked.Swap(true) && c.unasked != nil {
		c.unasked()
	}
	return c.bulk.Close()
}

// transport is how the requests in it came, for the record.
func (c *tunnelConn) transport() string {
	if c.captured.IsValid() {
		return "captured"
	}
	return "connect"
}

// RemoteAddr is the child's end. On captured connections the system gives it the address that was to be reached.
func (c *tunnelConn) RemoteAddr() net.Addr {
	a, ok := c.Conn.RemoteAddr().(*net.TCPAddr)
	if !ok || !c.captured.IsValid() {
		return c.Conn.RemoteAddr()
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: a.Port}
}

// putBack has the next reads give what was read already.
func (c *tunnelConn) putBack(early []byte) {
	c.ahead = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), c.Conn), len(early)+16)
	c.ahead.Peek(len(early)) // Read serves what is buffered, then goes past
}

func (c *tunnelConn) Read(p []byte) (int, error) {
	if c.ahead != nil {
		if c.ahead.Buffered() > 0 {
			return c.ahead.Read(p)
		}
		c.ahead = nil // give the buffer back, and read past it from now on
	}
	return c.bulk.Read(p)
}

// serveConnect opens a tunnel. The host is not dialled and not resolved here, and a host that the policy does not claim
// is refused inside the tunnel, where the client shows the reason: no client shows that of a refused CONNECT. (But where none
// would read it there either, it is refused at once.)
func (p *Proxy) serveConnect(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if !p.admits(r) {
		challenge(w)
		return
	}
	authority, err := action.ParseAuthority(r.RequestURI, 0)
	if err == nil && authority.Port == 0 {
		err = fmt.Errorf("CONNECT %s: the port is missing", r.RequestURI)
	}
	if err != nil {
		p.refuse(w, r, "connect", malformed(err.Error()))
		return
	}
	claim := p.Policy.Claim(authority, false)
	if claim.Kind == policy.Tunnel {
		p.serveBlind(w, r, authority, claim, start)
		return
	}
	if f := p.unclaimed(authority); f != nil && !readsHTTP(authority) {
		p.refuseExchange(w, &Exchange{Transport: "connect", Start: start, in: r, Authority: authority, Method: r.Method, Peer: r.RemoteAddr, Proto: r.Proto}, f)
		return
	}
	conn := p.takeOver(w, r, authority)
	if conn == nil {
		return
	}
	p.notesUnknown(conn)
	conn.SetDeadline(time.Now().Add(headerTimeout))
	first, err := conn.ahead.Peek(1)
	conn.SetDeadline(time.Time{})
	switch {
	case err != nil:
		conn.Close()
	case first[0] == 0x16: // TLS handshake record, RFC 8446 section 5.1
		p.queue.push(tls.Server(conn, p.tls))
	case first[0] >= 'A' && first[0] <= 'Z': // an HTTP method
		conn.plain = true
		p.queue.push(conn)
	default:
		p.refuseTunnel(conn, malformed(fmt.Sprintf("CONNECT %s carried neither TLS nor HTTP", authority)))
		conn.Close()
	}
}

// unclaimed refuses an authority that the policy knows in no way; nil: it knows it.
func (p *Proxy) unclaimed(a action.Authority) *Refusal {
	claim := p.Policy.Claim(a, false)
	if claim.Kind != policy.Unclaimed || p.Policy.Claim(a, true).Kind != policy.Unclaimed {
		return nil
	}
	return unknown(a, claim)
}

// readsHTTP says whether who opens a tunnel there is likely to. Special addresses are asked for by their number by scanners, and by
// programs that have a CA of their own for them.
func readsHTTP(a action.Authority) bool {
	if ip, err := netip.ParseAddr(a.Host); err == nil && (&guard{}).check(a.Host, ip) != nil {
		return false
	}
	return a.Port >= 1024 || a.Port == 443 || a.Port == 80
}

// notesUnknown has a connection to a host that the policy does not know be on record also where nothing is asked in it: its client may
// have gone, or not have trusted our certificate.
func (p *Proxy) notesUnknown(c *tunnelConn) {
	f := p.unclaimed(c.authority)
	if f == nil {
		return
	}
	c.unasked = func() {
		if p.ctx.Err() == nil {
			p.refuseTunnel(c, f)
		}
	}
}

func (p *Proxy) takeOver(w http.ResponseWriter, r *http.Request, a action.Authority) *tunnelConn {
	raw, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	raw.SetDeadline(time.Time{})
	if _, err := io.WriteString(raw, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		raw.Close()
		return nil
	}
	conn := &tunnelConn{bulk: bulk{Conn: raw}, authority: a, peer: peerOf(r)}
	if n := rw.Reader.Buffered(); n > 0 { // the client did not wait for our answer
		early, _ := rw.Reader.Peek(n)
		conn.putBack(bytes.Clone(early))
	} else {
		conn.ahead = bufio.NewReaderSize(raw, 512)
	}
	return conn
}

type tunnelKey struct{}

// enter tells the inner server's handlers through which tunnel a connection came.
func enter(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	tunnel := c.(*tunnelConn)
	return context.WithValue(context.WithValue(ctx, tunnelKey{}, tunnel), peerKey{}, tunnel.peer)
}

// checkName runs for each handshake, resumed ones too: the name asked for must be the tunnel's.
func (p *Proxy) checkName(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	tunnel := hello.Conn.(*tunnelConn)
	if hello.ServerName == "" {
		return nil, nil
	}
	if name, err := action.ParseAuthority(hello.ServerName, tunnel.authority.Port); err != nil || name.Host != tunnel.authority.Host {
		err := fmt.Errorf("TLS asks for %q inside a tunnel to %s", hello.ServerName, tunnel.authority)
		p.refuseTunnel(tunnel, malformed(err.Error()))
		return nil, err
	}
	return nil, nil
}

func (p *Proxy) leaf(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.CA.Leaf(hello.Conn.(*tunnelConn).authority.Host)
}

// serveInner answers a request that came through a tunnel: its Host must be the tunnel's authority.
func (p *Proxy) serveInner(w http.ResponseWriter, r *http.Request) {
	tunnel := r.Context().Value(tunnelKey{}).(*tunnelConn)
	tunnel.asked.Store(true)
	authority, err := p.within(r, tunnel)
	ex := newExchange(r, tunnel.transport(), authority, tunnel.plain)
	defer func() {
		if ex.after != nil {
			ex.after(p)
		}
	}()
	if r.Method == http.MethodConnect {
		err = errors.New("CONNECT inside a tunnel")
	}
	if err == nil {
		err = absoluteInside(r, tunnel)
	}
	if err != nil {
		p.refuseExchange(w, ex, malformed(err.Error()))
		return
	}
	p.exchange(w, ex)
}

// within is whom a request in a tunnel is for: its Host must be the tunnel's authority.
func (p *Proxy) within(r *http.Request, tunnel *tunnelConn) (action.Authority, error) {
	host, err := action.ParseAuthority(r.Host, action.DefaultPort(tunnel.plain))
	if tunnel.plain && tunnel.captured.IsValid() {
		switch {
		case r.Host == "":
			return p.meant("", tunnel)
		case err != nil:
			a, _ := p.meant("", tunnel)
			return a, err
		}
		return p.meant(host.String(), tunnel)
	}
	if err != nil || host != tunnel.authority {
		return tunnel.authority, fmt.Errorf("the request is for %q, the tunnel leads to %s", r.Host, tunnel.authority)
	}
	return host, nil
}

// absoluteInside checks a target that is no path. In absolute form, which HTTP/2 may have beside an :authority, it must name what
// the tunnel does, and no user. "*" and what net/url takes for a URL without a host ("a.example.net:80/x") name nothing, and would
// go on with the host's name where a corporate proxy is told both together.
func absoluteInside(r *http.Request, tunnel *tunnelConn) error {
	switch {
	case strings.HasPrefix(r.RequestURI, "/"):
		return nil
	case r.URL.Host == "":
		return fmt.Errorf("the target %s is neither a path nor a URL with a host", quote(r.RequestURI))
	case r.URL.Scheme != "http" && r.URL.Scheme != "https", (r.URL.Scheme == "http") != tunnel.plain:
		return errors.New("the scheme of the target is not that of the tunnel")
	case r.URL.User != nil || r.URL.Host != r.Host:
		return fmt.Errorf("the target is on %q, the tunnel leads to %s", r.URL.Host, tunnel.authority)
	}
	return nil
}

// serveAbsolute answers "GET http://host/path": the target wins over the Host header (RFC 9112 section 3.2.2).
func (p *Proxy) serveAbsolute(w http.ResponseWriter, r *http.Request) {
	if !p.admits(r) {
		challenge(w)
		return
	}
	scheme, rest, ok := strings.Cut(r.RequestURI, "://")
	target, _, _ := strings.Cut(rest, "/")
	target, _, _ = strings.Cut(target, "?")
	plain := strings.EqualFold(scheme, "http")
	if !ok || !plain && !strings.EqualFold(scheme, "https") {
		p.refuse(w, r, "absolute", malformed("the target is no http:// or https:// URL"))
		return
	}
	authority, err := action.ParseAuthority(target, action.DefaultPort(plain))
	if err != nil {
		p.refuse(w, r, "absolute", malformed(err.Error()))
		return
	}
	p.exchange(w, newExchange(r, "absolute", authority, plain))
}

// refuse answers and records a request that has no readable target.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, transport string, f *Refusal) {
	ex := &Exchange{Transport: transport, in: r, Method: r.Method, Peer: r.RemoteAddr, Proto: r.Proto}
	if transport == "gateway" { // as yet the path alone says what was wanted
		ex.Path, ex.Query, _ = strings.Cut(r.RequestURI, "?")
	}
	p.refuseExchange(w, ex, f)
}

// refuseTunnel records what was refused inside a tunnel, where nobody reads HTTP.
func (p *Proxy) refuseTunnel(c *tunnelConn, f *Refusal) {
	c.asked.Store(true)
	ex := &Exchange{Transport: c.transport(), Method: http.MethodConnect, Authority: c.authority, Peer: c.RemoteAddr().String(), Pid: int(c.peer.pid.Load())}
	p.refuseExchange(nil, ex, f)
}

// refuseExchange answers and records; w is nil where nobody can be answered.
func (p *Proxy) refuseExchange(w http.ResponseWriter, ex *Exchange, f *Refusal) {
	ex.ID = p.ids.Add(1)
	if ex.Start.IsZero() {
		ex.Start = time.Now()
	}
	ex.Refusal, ex.Status = f, f.Status
	defer p.finish(ex)
	if w != nil {
		f.writeAloud(w, ex)
	}
}
