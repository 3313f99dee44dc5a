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

// descends says whether a process is the ancestor or a descendant of it. A daemon that left the tree does not: see carriesRun.
func descends(pid, ancestor int) bool {
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

// peerPid finds the process at the other end of a connection.
func (s *session) peerPid() func(net.Conn) int {
	if s.box != nil {
		return func(c net.Conn) int { return peerPidIn(s.box, c) }
	}
	return func(c net.Conn) (pid int) {
		s.asPeer(func() { pid, _ = peerPid(c) })
		return pid
	}
}

// asPeer looks at processes as the child's user: root without CAP_SYS_PTRACE, as in Docker, may not look at those of others.
func (s *session) asPeer(look func()) {
	s.User.Do(func() error {
		look()
		return nil
	})
}

// ours says whether a process of this run is at the other end of a connection. A daemon that left the tree is known by the
// run's id, which other users can find out: so it must be of the child's own user.
func (s *session) ours(c net.Conn) (yes bool) {
	child := int(s.childPid.Load())
	s.asPeer(func() {
		pid, ok := peerPid(c)
		yes = ok && child != 0 && (descends(pid, child) || sameUser(c, s.User) && carriesRun(pid, s.id))
	})
	return yes
}
