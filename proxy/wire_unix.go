//go:build unix

package proxy

import (
	"io"
	"net"
	"os"
	"syscall"
)

// canProbe says whether this system can tell, without waiting, whether something has come on a connection.
const canProbe = true

// wire is a connection whose reads, while it is probed, do not wait.
type wire struct {
	net.Conn
	raw     syscall.RawConn // nil: it cannot be probed
	probing bool
	once    func(fd uintptr) bool // one read, of what the fields below hold
	to      []byte
	n       int
	err     error
}

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c}
	if sc, ok := c.(syscall.Conn); ok {
		w.raw, _ = sc.SyscallConn()
	}
	w.once = func(fd uintptr) bool {
		for {
			if w.n, w.err = syscall.Read(int(fd), w.to); w.err != syscall.EINTR {
				return true
			}
		}
	}
	return w
}

// errNothing says that nothing has come. To crypto/tls it is a deadline that has passed: its connection can be used on.
var errNothing = os.ErrDeadlineExceeded

func (w *wire) Read(p []byte) (int, error) {
	if !w.probing {
		return w.Conn.Read(p)
	}
	if w.raw == nil {
		return 0, io.EOF
	}
	w.to = p
	err := w.raw.Read(w.once)
	w.to = nil
	switch {
	case err != nil: // closed, or not to be read from any longer
		return 0, io.EOF
	case w.err == syscall.EAGAIN:
		return 0, errNothing
	case w.err != nil:
		return 0, w.err
	case w.n == 0:
		return 0, io.EOF
	}
	return w.n, nil
}
