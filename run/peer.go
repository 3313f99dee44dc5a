package run

import (
	"net"
	"net/netip"
)

// loopbackPair gives the two ends of an accepted loopback connection as its client sees them.
func loopbackPair(conn net.Conn) (client, server netip.AddrPort, ok bool) {
	c, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	s, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return
	}
	client, server = c.AddrPort(), s.AddrPort()
	return client, server, client.Addr().Unmap().IsLoopback()
}

// maxAncestors bounds a walk up the process tree, which can change on the way.
const maxAncestors = 256

// Descends says whether a process is the ancestor or a descendant of it. A daemon that left the tree does not: see CarriesRun.
func Descends(pid, ancestor int) bool {
	for range maxAncestors {
		if pid <= 0 || ancestor <= 0 {
			return false
		}
		if pid == ancestor {
			return true
		}
		pid = parentOf(pid)
	}
	return false
}
