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
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
)

// ServeCaptured answers on l the connections of programs that know of no proxy, until Close. Only the run may be able to
// reach l, so nobody is asked for the token; a connection's local address is where it was meant to go. Whom it is for says
// the name in the TLS handshake or the Host of each request, and without one the address itself.
func (p *Proxy) ServeCaptured(l net.Listener) error {
	l = p.bound(l)
	defer context.AfterFunc(p.ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		switch {
		case p.ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // out of descriptors, say
			time.Sleep(10 * time.Millisecond)
		default:
			go p.captured(c)
		}
	}
}

// captured hands a connection to the inner server, as if it had come out of a tunnel.
func (p *Proxy) captured(c net.Conn) {
	to, ok := netip.AddrPort{}, false
	if a, isTCP := c.LocalAddr().(*net.TCPAddr); isTCP {
		to, ok = a.AddrPort(), true
	}
	conn := &tunnelConn{bulk: bulk{Conn: c}, ahead: bufio.NewReaderSize(c, 512), peer: &peer{identified: true}, captured: netip.AddrPortFrom(to.Addr().Unmap(), to.Port())}
	p.find(conn.peer, c)
	if !ok || to.Port() == 22 {
		p.refuseSSH(conn)
		return
	}
	conn.SetDeadline(time.Now().Add(headerTimeout))
	first, err := conn.ahead.Peek(1)
	if err != nil {
		if conn.authority, err = p.meant("", conn); err == nil {
			p.notesUnknown(conn)
		}
		conn.Close()
		return
	}
	switch {
	case first[0] == 0x16: // TLS handshake record, RFC 8446 section 5.1
		p.capturedTLS(conn)
	case first[0] >= 'A' && first[0] <= 'Z': // an HTTP method
		conn.SetDeadline(time.Time{})
		conn.plain = true
		p.queue.push(conn)
	default:
		p.refuseCaptured(conn, malformed(fmt.Sprintf("a connection to %s carried neither TLS nor HTTP", conn.captured)))
	}
}

// capturedTLS reads whom the handshake is for before anything is answered: what the policy tunnels is passed on unread.
func (p *Proxy) capturedTLS(conn *tunnelConn) {
	name, err := conn.peekName()
	conn.SetDeadline(time.Time{})
	if err == nil {
		conn.authority, err = p.meant(name, conn)
	}
	if err != nil {
		p.refuseCaptured(conn, malformed(err.Error()))
		return
	}
	if claim := p.Policy.Claim(conn.authority, false); claim.Kind == policy.Tunnel {
		p.relayCaptured(conn, claim)
		return
	}
	p.notesUnknown(conn)
	p.queue.push(tls.Server(conn, p.tls))
}

// meant is the authority of a captured connection whose client says name, or nothing.
func (p *Proxy) meant(name string, conn *tunnelConn) (action.Authority, error) {
	if name == "" && p.Name != nil {
		if known, ok := p.Name(conn.captured.Addr()); ok {
			name = known
		}
	}
	if name == "" {
		return action.ParseAuthority(conn.captured.String(), 0)
	}
	a, err := action.ParseAuthority(name, conn.captured.Port())
	if err == nil && a.Port != conn.captured.Port() {
		err = fmt.Errorf("the request is for %s, the connection leads to port %d", a, conn.captured.Port())
	}
	return a, err
}

var errNameRead = errors.New("the name is read")

// peekName reads the first flight of a handshake and puts it back.
func (c *tunnelConn) peekName() (name string, err error) {
	var read bytes.Buffer
	handshake := tls.Server(&recorder{Conn: c, read: &read}, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		name = hello.ServerName
		return nil, errNameRead
	}})
	if err = handshake.Handshake(); !errors.Is(err, errNameRead) {
		return "", fmt.Errorf("a TLS handshake with %s that cannot be read: %w", c.captured, err)
	}
	c.putBack(read.Bytes())
	return name, nil
}

// recorder keeps what is read and sends nothing.
type recorder struct {
	net.Conn
	read *bytes.Buffer
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.read.Write(b[:n])
	return n, err
}

func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

// refuseCaptured records what nobody can be told over HTTP.
func (p *Proxy) refuseCaptured(conn *tunnelConn, f *Refusal) {
	defer conn.Close()
	if conn.authority == (action.Authority{}) {
		conn.authority, _ = p.meant("", conn)
	}
	p.refuseTunnel(conn, f)
}

const sshRefusal = "agentguard: SSH carries no request that a policy could read; use an https:// remote"

// refuseSSH says so in the protocol's own words, which clients print: after both versions, and before any key exchange, a
// message of type disconnect (RFC 4253 sections 4.2, 6 and 11.1).
func (p *Proxy) refuseSSH(conn *tunnelConn) {
	defer p.refuseCaptured(conn, &Refusal{Status: http.StatusForbidden, Effect: "deny", Reason: "SSH is not passed on", Hint: "use an https:// remote"})
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, "SSH-2.0-agentguard\r\n")
	if _, err := bufio.NewReaderSize(io.LimitReader(conn, 255), 255).ReadSlice('\n'); err != nil {
		return
	}
	payload := []byte{1, 0, 0, 0, 1, 0, 0, 0, byte(len(sshRefusal))} // disconnect, host not allowed to connect
	payload = append(append(payload, sshRefusal...), 0, 0, 0, 0)     // no language
	padding := 16 - (5+len(payload))%8
	packet := append([]byte{0, 0, 0, byte(1 + len(payload) + padding), byte(padding)}, payload...)
	conn.Write(append(packet, make([]byte, padding)...))
	io.Copy(io.Discard, conn) // until the client has read it: a close with unread bytes would be a reset
}
