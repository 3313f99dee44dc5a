package proxy

import (
	"crypto/tls"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
)

// bulk is a connection that long bodies pass in few system calls. TLS reads and writes record by record, 16 KiB at most (RFC 8446
// section 5.1): here what comes in quick succession is read in pieces, and what is written between hold and release leaves
// in pieces, or as soon as there is nothing more to be had where it comes from.
type bulk struct {
	net.Conn

	full   int                  // reads in a row that gave as much as was asked for
	read   int64                // in pieces
	piece  *[]byte              // nil: what comes is read as it is asked for
	left   []byte               // of piece, not yet read
	behind atomic.Pointer[bulk] // held back there is what was read here: it leaves before a Read waits

	mu     sync.Mutex
	holds  bool
	wrote  int64   // since hold
	held   *[]byte // nil: nothing
	failed error   // what became of it
}

const (
	// bulkAfter is how much of a body passes as it comes, in bytes.
	bulkAfter = 64 << 10
	// bulkReads is after how many full reads it is worth reading more.
	bulkReads = 4
	// bulkPiece is how much is read or written at once, in bytes.
	bulkPiece = 64 << 10
	// bulkLong is how much passes in such pieces, in bytes, before they become large.
	bulkLong = 4 << 20
	// bulkLarge is how much is read or written at once of a body that is so long: the fewer the pieces, the less often its
	// three processes wait for one another.
	bulkLarge = 1 << 20
	// mostSmall and mostLarge are how many pieces there may be: who does not read what it asked for keeps one or two.
	mostSmall = 32
	mostLarge = 6
	// bulkRoom is for the records of which a piece holds a part.
	bulkRoom = 32 << 10
)

// pieces are what is read into and written from.
var pieces = newPieces()

type pieceStore struct{ small, large pieceKind }

// pieceKind has the pieces of a size, which it does not have without end.
type pieceKind struct {
	pool       sync.Pool
	size, most int
	made       atomic.Int32 // that there are
}

func newPieces() *pieceStore {
	return &pieceStore{pieceKind{size: bulkPiece, most: mostSmall}, pieceKind{size: bulkLarge, most: mostLarge}}
}

// get gives a piece, for a long body a large one if one is to be had; nil: none is.
func (s *pieceStore) get(long bool) *[]byte {
	if long {
		if b := s.large.get(); b != nil {
			return b
		}
	}
	return s.small.get()
}

func (k *pieceKind) get() *[]byte {
	if b, ok := k.pool.Get().(*[]byte); ok {
		return b
	}
	if k.made.Add(1) > int32(k.most) {
		k.made.Add(-1)
		return nil
	}
	p := make([]byte, 0, k.size+bulkRoom)
	runtime.AddCleanup(&p, func(made *atomic.Int32) { made.Add(-1) }, &k.made) // a connection may end with it
	return &p
}

// put takes it back; nil is none.
func (s *pieceStore) put(b *[]byte) {
	switch {
	case b == nil:
	case cap(*b) > bulkPiece+bulkRoom:
		s.large.pool.Put(b)
	default:
		s.small.pool.Put(b)
	}
}

// Read implements net.Conn.
func (c *bulk) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		if to := c.behind.Load(); to != nil {
			to.flush()
		}
		if c.full >= bulkReads {
			c.piece = pieces.get(c.read >= bulkLong)
		}
		if c.piece == nil {
			n, err := c.Conn.Read(p)
			c.counts(n == len(p))
			return n, err
		}
		room := (*c.piece)[:cap(*c.piece)-bulkRoom]
		n, err := c.Conn.Read(room)
		c.read += int64(n)
		c.counts(n >= bulkPiece/4)
		if c.left = room[:n]; n == 0 {
			c.empty()
			return 0, err
		}
	}
	n := copy(p, c.left)
	if c.left = c.left[n:]; len(c.left) == 0 {
		c.empty()
	}
	return n, nil
}

// empty gives back the piece that was read: a connection may be idle for long.
func (c *bulk) empty() {
	pieces.put(c.piece)
	c.piece = nil
}

// counts notes whether a read gave what shows that there may be more.
func (c *bulk) counts(full bool) {
	if full {
		c.full++
	} else {
		c.full = 0
	}
}

// hold begins to hold back what is written, which was read from another connection; nil: it is written without a wait.
func (c *bulk) hold(from *bulk) {
	if from != nil {
		from.behind.Store(c)
	}
	c.mu.Lock()
	c.holds, c.wrote = true, 0
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
		if c.held = pieces.get(c.wrote >= bulkLong); c.held == nil {
			return c.Conn.Write(p)
		}
	}
	*c.held = append(*c.held, p...)
	c.wrote += int64(len(p))
	return len(p), nil
}

func (c *bulk) out() error {
	if c.held == nil || c.failed != nil {
		return c.failed
	}
	_, c.failed = c.Conn.Write(*c.held)
	*c.held = (*c.held)[:0]
	pieces.put(c.held)
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
