package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
)

// serveBlind passes a tunnel through unread, for clients that pin a certificate: never to a host that holds a
// credential, which the policy's own check and Claim guarantee.
func (p *Proxy) serveBlind(w http.ResponseWriter, r *http.Request, a action.Authority, claim policy.Claim, start time.Time) {
	ex := &Exchange{ID: p.ids.Add(1), Start: start, Transport: "tunnel", Peer: r.RemoteAddr, Authority: a, Method: "CONNECT", Proto: r.Proto, Claim: claim, in: r}
	defer p.finish(ex)
	up := p.dialBlind(r.Context(), ex)
	if up == nil {
		ex.Refusal.write(w, ex)
		return
	}
	defer up.Close()
	conn := p.takeOver(w, r, a)
	if conn == nil {
		return
	}
	defer conn.Close()
	p.relay(ex, conn, up)
}

// dialBlind records a tunnel and opens its other end; nil if that is refused.
func (p *Proxy) dialBlind(ctx context.Context, ex *Exchange) net.Conn {
	ex.Decision = policy.Decision{Effect: policy.Allow, Rule: "network.tunnel"}
	if ex.Refusal = p.record(ex); ex.Refusal == nil {
		up, err := p.Upstream.dialTunnel(ctx, ex)
		if err == nil {
			return up
		}
		ex.Failure, ex.Refusal = err.Error(), couldNotAsk(ex, err)
		p.unquote(ex, ex.Refusal)
	}
	ex.Status = ex.Refusal.Status
	return nil
}

// relay passes bytes in both directions until both have ended. When one has, the other goes on for as long as something comes:
// a child that is gone cannot be told from one that has no more to say.
func (p *Proxy) relay(ex *Exchange, conn, up net.Conn) {
	p.tunnels.Add(1)
	defer p.tunnels.Done()
	defer context.AfterFunc(p.ctx, func() { conn.Close(); up.Close() })()
	ex.Status = http.StatusOK
	child, server := &half{Conn: conn, linger: p.linger}, &half{Conn: up, linger: p.linger}
	sent := make(chan int64, 1)
	go func() {
		n := pump(up, child)
		server.alone()
		sent <- n
	}()
	ex.Received = pump(conn, server)
	child.alone()
	ex.Sent = <-sent
}

// half is one end of a tunnel, from which is read no longer than something comes, once the other direction has ended.
type half struct {
	net.Conn
	linger time.Duration
	left   atomic.Bool
}

func (h *half) alone() {
	h.left.Store(true)
	h.SetReadDeadline(time.Now().Add(h.linger))
}

// Read implements net.Conn.
func (h *half) Read(p []byte) (int, error) {
	if h.left.Load() {
		h.SetReadDeadline(time.Now().Add(h.linger))
	}
	return h.Conn.Read(p)
}

// pump copies one direction and tells the other end that no more will come.
func pump(dst, src net.Conn) int64 {
	n, _ := io.Copy(dst, src)
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	return n
}

// relayCaptured is serveBlind for a connection without a CONNECT.
func (p *Proxy) relayCaptured(conn *tunnelConn, claim policy.Claim) {
	defer conn.Close()
	ex := &Exchange{ID: p.ids.Add(1), Start: time.Now(), Transport: "tunnel", Peer: conn.RemoteAddr().String(), Authority: conn.authority, Method: http.MethodConnect, Claim: claim}
	defer p.finish(ex)
	if up := p.dialBlind(p.ctx, ex); up != nil {
		defer up.Close()
		p.relay(ex, conn, up)
	}
}
