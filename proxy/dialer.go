package proxy

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// dialer waits for a file to come free where as many are open as may be, and has connections that wait for work give theirs.
type dialer struct {
	net.Dialer
	free func()
}

// DialContext connects.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	for until := time.Now().Add(d.Timeout); ; {
		c, err := d.Dialer.DialContext(ctx, network, addr)
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || time.Now().After(until) {
			return c, err
		}
		d.free()
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
