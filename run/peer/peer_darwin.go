package peer

import (
	"net"

	"agentguard/run/account"
	"agentguard/run/sandbox"
)

// Pid is not known on macOS: it would take libproc, which Go reaches only through cgo.
func Pid(net.Conn) (pid int, ok bool) { return 0, false }

// sameUser is not known on macOS either.
func sameUser(net.Conn, *account.User) bool { return false }

// PidIn is never asked: there are no boxes.
func PidIn(*sandbox.Box, net.Conn) int { return 0 }
