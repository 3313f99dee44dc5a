package run

import (
	"net"

	"agentguard/run/peer"
)

// peerPid finds the process at the other end of a connection.
func (s *session) peerPid() func(net.Conn) int {
	if s.box != nil {
		return func(c net.Conn) int { return peer.PidIn(s.box, c) }
	}
	return func(c net.Conn) (pid int) {
		s.asPeer(func() { pid, _ = peer.Pid(c) })
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

// ours says whether a process of this run is at the other end of a connection.
func (s *session) ours(c net.Conn) (yes bool) {
	s.asPeer(func() { yes = peer.OfRun(c, int(s.childPid.Load()), s.User, s.id) })
	return yes
}
