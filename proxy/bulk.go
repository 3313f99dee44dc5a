package proxy

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// bulk is a connection that long bodies pass in few system calls. TLS reads and writes record by record, 16 KiB at most (RFC 8446
// section 5.1): here what comes in quick succession is read in pieces, and what is written between hold and release leaves
// in pieces, or as soon as there is nothing more to be had where it comes from.
type bulk struct {
	net.Conn

	full   int                  // reads in a row that gave as much as was asked for
	piece  *[]byte              // nil: what comes is read as it is asked for
	left   []byte               // of piece, not yet read
	behind atomic.Pointer[bulk] // held back there is what was read here: it leaves before a Read waits

	mu     sync.Mutex
	holds  bool
	held   *[]byte // nil: nothing
	failed error   // what became of it
}

const (
	// bulkPiece is how much is read or written at once, in bytes. More costs as much, and falls out of the nearer caches.
	bulkPiece = 64 << 10
	// bulkAfter is how much of a body passes as it comes, in bytes.
	bulkAfter = 64 << 10
	// bulkReads is after how many full reads it is worth reading more.
	bulkReads = 4
)

// pieces have room for the records of which a piece holds a part.
var pieces = sync.Pool{New: func() any { b := make([]byte, 0, bulkPiece+32<<10); return &b }}

// Read implements net.Conn.
func (c *bulk) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		if to := c.behind.Load(); to != nil {
			to.flush()
		}
		if c.full < bulkReads {
			return c.readInto(p)
		}
		if c.piece == nil {
			c.piece = pieces.Get().(*[]byte)
		}
		room := (*c.piece)[:bulkPiece]
		n, err := c.Conn.Read(room)
		c.left = room[:n]
		if n < len(room)/4 {
			c.full = 0
		}
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

// readInto reads no more than is asked for, and notes whether there may be more.
func (c *bulk) readInto(p []byte) (int, error) {
	if c.piece != nil {
		pieces.Put(c.piece)
		c.piece, c.left = nil, nil
	}
	n, err := c.Conn.Read(p)
	if n == len(p) {
		c.full++
	} else {
		c.full = 0
	}
	return n, err
}

// hold begins to hold back what is written, which was read from another connection; nil: it is written without a wait.
func (c *bulk) hold(from *bulk) {
	if from != nil {
		from.behind.Store(c)
	}
	c.mu.Lock()
	c.holds = true
	c.mu.Unlock()
}

// release ends it.
func (c *bulk) release(from *bulk) error {
	if from != nil {
		from.behind.CompareAndSwap(c, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds = false
	return c.out()
}

// flush writes what is held back.
func (c *bulk) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out()
}

// Write implements net.Conn.
func (c *bulk) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	if !c.holds || len(p) > bulkPiece {
		if err := c.out(); err != nil {
			return 0, err
		}
		return c.Conn.Write(p)
	}
	if c.held != nil && len(*c.held)+len(p) > cap(*c.held) {
		if err := c.out(); err != nil {
			return 0, err
		}
	}
	if c.held == nil {
		c.held = pieces.Get().(*[]byte)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

func (c *bulk) out() error {
	if c.held == nil || c.failed != nil {
		return c.failed
	}
	_, c.failed = c.Conn.Write(*c.held)
	*c.held = (*c.held)[:0]
	pieces.Put(c.held)
	c.held = nil
	return c.failed
}

// CloseWrite ends one direction.
func (c *bulk) CloseWrite() error { return closeWrite(c.Conn) }

// bulkOf is the bulk below an upstream's connection, where that carries one request at a time; nil where it does not.
func bulkOf(c net.Conn) *bulk {
	for {
		switch below := c.(type) {
		case *bulk:
			return below
		case *tls.Conn:
			if below.ConnectionState().NegotiatedProtocol == "h2" {
				return nil
			}
			c = below.NetConn()
		default:
			return nil
		}
	}
}
