package proxy

import (
	"net"
	"sync"
)

// cork holds back what is written between on and off, so that it leaves in one system call: TLS writes record by record,
// 16 KiB at most (RFC 8446 section 5.1).
type cork struct {
	net.Conn
	mu   sync.Mutex
	held *[]byte // nil: not on
}

var corks = sync.Pool{New: func() any { b := make([]byte, 0, copyBuffer+copyBuffer/16); return &b }}

func (c *cork) on() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = corks.Get().(*[]byte)
	}
}

// Write implements net.Conn.
func (c *cork) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

// off writes what was held back.
func (c *cork) off() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return nil
	}
	held := c.held
	c.held = nil
	_, err := c.Conn.Write(*held)
	if cap(*held) <= 2*copyBuffer {
		*held = (*held)[:0]
		corks.Put(held)
	}
	return err
}
