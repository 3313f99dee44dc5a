//go:build unix

package run

import (
	"os"

	"golang.org/x/sys/unix"
)

// isConnectedHere says whether a socket is for good one end of a connection to another program of this machine. One of the internet can
// be made to lead elsewhere, and out of a namespace into which it was given, as can one of datagrams (connect(2), AF_UNSPEC).
func isConnectedHere(socket *os.File) bool {
	fd := int(socket.Fd())
	peer, err := unix.Getpeername(fd)
	_, here := peer.(*unix.SockaddrUnix)
	kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && here && kind != unix.SOCK_DGRAM
}
