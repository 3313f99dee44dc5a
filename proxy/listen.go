package proxy

import (
	"net"
	"sync"
)

// The bounds of a run's connections; more wait their turn. Where few files may be open, each connection has one for its upstream, and
// ownFiles are for all else.
const (
	maxConns = 4096
	ownFiles = 48
)

// placesFor gives the places of connections where that many files may be open; 0: any number.
func placesFor(files int) chan struct{} {
	n := maxConns
	if files > 0 {
		n = min(n, max(4, (files-ownFiles)/2))
	}
	return make(chan struct{}, n)
}

func (p *Proxy) bound(l net.Listener) net.Listener { return &bounded{l, p.places} }

type bounded struct {
	net.Listener
	places chan struct{}
}

type boundedConn struct {
	net.Conn
	leave func()
}

func (l *bounded) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &boundedConn{newWire(c), sync.OnceFunc(func() { <-l.places })}, nil
}

func (c *boundedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// CloseWrite ends one direction, or both where the connection has no halves.
func (c *boundedConn) CloseWrite() error { return closeWrite(c.Conn) }

// CloseWrite ends one direction, or both where the connection has no halves.
func (w *wire) CloseWrite() error { return closeWrite(w.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// identified is a listener that the run alone can reach. It marks its connections, so that meet knows.
type identified struct{ net.Listener }

type identifiedConn struct{ net.Conn }

// CloseWrite ends one direction.
func (c *identifiedConn) CloseWrite() error { return closeWrite(c.Conn) }

func (l *identified) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &identifiedConn{c}, nil
}

// queue is a listener for connections that were taken over from the outer server.
type queue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newQueue() *queue { return &queue{conns: make(chan net.Conn), closed: make(chan struct{})} }

// push hands a connection to the inner server, or closes it when that has ended.
func (q *queue) push(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.closed:
		c.Close()
	}
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

func (q *queue) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
