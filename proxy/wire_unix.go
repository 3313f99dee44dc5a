//go:build unix

package proxy

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// canProbe says whether this system can tell, without waiting, whether something has come on a connection.
const canProbe = true

// wire is a connection whose system calls are its own. They never wait, so the scheduler is not told of them: to it a
// call of more than 20 µs, which a piece of 64 KiB takes, is one to take the processor away for, which costs more than it
// gives. While the connection is probed, neither do its reads.
type wire struct {
	net.Conn
	raw     syscall.RawConn // nil: there is none, as below a connection in memory
	probing bool
	in, out calls
}

// calls are those of one direction of a wire.
type calls struct {
	mu   sync.Mutex
	once func(fd uintptr) bool // one call, for the fields below; false: the connection is to be waited for
	p    []byte
	n    int
	err  error
}

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c}
	if sc, ok := c.(syscall.Conn); ok {
		w.raw, _ = sc.SyscallConn()
	}
	w.in.once = func(fd uintptr) bool {
		w.in.n, w.in.err = tried(readNow, fd, w.in.p)
		return w.in.err != syscall.EAGAIN || w.probing
	}
	w.out.once = func(fd uintptr) bool {
		for len(w.out.p) > 0 {
			n, err := tried(writeNow, fd, w.out.p)
			if err != nil {
				w.out.err = err
				return err != syscall.EAGAIN
			}
			w.out.n, w.out.p = w.out.n+n, w.out.p[n:]
		}
		w.out.err = nil
		return true
	}
	return w
}

// tried repeats a call that a signal came into.
func tried(call func(fd uintptr, p []byte) (int, error), fd uintptr, p []byte) (n int, err error) {
	for {
		if n, err = call(fd, p); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// errNothing says that nothing has come. To crypto/tls it is a deadline that has passed: its connection can be used on.
var errNothing = os.ErrDeadlineExceeded

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	switch {
	case w.raw == nil && w.probing:
		return 0, io.EOF
	case w.raw == nil || len(p) == 0:
		return w.Conn.Read(p)
	}
	n, err := w.in.do(w.raw.Read, p)
	switch {
	case w.probing && err == syscall.EAGAIN:
		return 0, errNothing
	case err != nil && w.probing: // closed, or not to be read from any longer
		return 0, io.EOF
	case err != nil:
		return n, w.failed("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	if w.raw == nil || len(p) == 0 {
		return w.Conn.Write(p)
	}
	n, err := w.out.do(w.raw.Write, p)
	if err != nil {
		err = w.failed("write", err)
	}
	return n, err
}

// do makes calls until one has been made that need not wait.
func (c *calls) do(through func(func(fd uintptr) bool) error, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p, c.n, c.err = p, 0, nil
	err := through(c.once)
	c.p = nil
	if err != nil { // a deadline, or closed
		return c.n, err
	}
	return c.n, c.err
}

// failed words an error as package net does.
func (w *wire) failed(op string, err error) error {
	if e, ok := err.(*net.OpError); ok {
		err = e.Err
	} else {
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: w.LocalAddr(), Addr: w.RemoteAddr(), Err: err}
}
