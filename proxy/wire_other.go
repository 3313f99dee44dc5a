//go:build !unix

package proxy

import (
	"net"
	"os"
)

// canProbe says whether this system can tell, without waiting, whether something has come on a connection.
const canProbe = false

// wire is a connection that cannot be probed.
type wire struct {
	net.Conn
	probing bool
}

func newWire(c net.Conn) *wire { return &wire{Conn: c} }

var errNothing = os.ErrDeadlineExceeded
