package run

import (
	"net"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox"
)

// peerPid is not known on macOS: it would take libproc, which Go reaches only through cgo.
func peerPid(net.Conn) (pid int, ok bool) { return 0, false }

// sameUser is not known on macOS either.
func sameUser(net.Conn, *User) bool { return false }

// peerPidIn is never asked: there are no boxes.
func peerPidIn(*sandbox.Box, net.Conn) int { return 0 }

func parentOf(pid int) int {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	return int(info.Eproc.Ppid)
}
