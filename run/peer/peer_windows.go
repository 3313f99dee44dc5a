package peer

import (
	"net"

	"agentguard/run/account"
	"agentguard/run/sandbox"
)

// Pid is not known on Windows yet.
func Pid(net.Conn) (pid int, ok bool) { return 0, false }

// sameUser is not known on Windows yet.
func sameUser(net.Conn, *account.User) bool { return false }

// PidIn is never asked: there are no boxes.
func PidIn(*sandbox.Box, net.Conn) int { return 0 }
