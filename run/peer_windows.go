package run

import (
	"net"

	"agentguard/run/sandbox"
)

// peerPid is not known on Windows yet.
func peerPid(net.Conn) (pid int, ok bool) { return 0, false }

// sameUser is not known on Windows yet.
func sameUser(net.Conn, *User) bool { return false }

// peerPidIn is never asked: there are no boxes.
func peerPidIn(*sandbox.Box, net.Conn) int { return 0 }

// parentOf knows no parent: a parent's number is given again as soon as it ends.
func parentOf(int) int { return 0 }
