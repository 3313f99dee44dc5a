// Package peer says whose the other end of a connection is.
package peer

import (
	"net"
	"net/netip"

	"agentguard/run/account"
	"agentguard/run/proc"
	"agentguard/run/reap"
)

// OfRun says whether a process of a run is at the client's end of an accepted loopback connection: one that descends from the child, or a
// daemon that left the tree. That is known by the run's id, which other users can find out: so it must be of the child's own user.
func OfRun(conn net.Conn, child int, u *account.User, runID string) bool {
	pid, ok := Pid(conn)
	return ok && child != 0 && (proc.Descends(pid, child) || sameUser(conn, u) && reap.CarriesRun(pid, runID))
}

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
