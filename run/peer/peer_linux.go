package peer

import (
	"net"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"agentguard/run/account"
	"agentguard/run/proc"
	"agentguard/run/reap"
	"agentguard/run/sandbox"
)

// Pid gives the process that holds the client's end of an accepted loopback connection. Of several that share it any
// may be named; ok is false for another user's process, for one that is not dumpable, and after a bounded search.
func Pid(conn net.Conn) (pid int, ok bool) {
	client, server, ok := loopbackPair(conn)
	if !ok {
		return 0, false
	}
	end, err := socketOf(client, server)
	if err != nil || end.inode == 0 {
		return 0, false
	}
	return socketOwner(end.inode, time.Now().Add(peerLimit))
}

// PidIn is Pid for a connection that was accepted in a box. The process is known by its number out here, which is not
// the one that it has inside.
func PidIn(b *sandbox.Box, conn net.Conn) (pid int) {
	c, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	s, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return 0
	}
	var end socket
	b.Ask(func(netlink int) { end, _ = askSocket(netlink, c.AddrPort(), s.AddrPort()) })
	if end.inode == 0 {
		return 0
	}
	pid, _ = socketOwner(end.inode, time.Now().Add(peerLimit))
	return pid
}

// sameUser says whether a user, nil for our own, made the client's end of an accepted loopback connection. The kernel says whose a socket
// is; whose a process is, by its files in /proc, it can forge (PR_SET_DUMPABLE makes them root's).
func sameUser(conn net.Conn, u *account.User) bool {
	client, server, ok := loopbackPair(conn)
	if !ok {
		return false
	}
	end, err := socketOf(client, server)
	uid := uint32(os.Geteuid())
	if u != nil {
		uid = u.UID
	}
	return err == nil && end.inode != 0 && end.uid == uid
}

const peerLimit = 500 * time.Millisecond // a hundredth of it is usual; this is for a machine under load

// lastOwner is who was found last: a client opens more than one connection.
var lastOwner atomic.Int64

// socketOwner looks through the descriptors of processes: those of the last one found, of our own descendants, where the
// child's clients are, then ours, then those of everybody that we may look at, daemons of the run among them, the newest
// first.
func socketOwner(inode uint32, until time.Time) (pid int, ok bool) {
	link := "socket:[" + strconv.FormatUint(uint64(inode), 10) + "]"
	if last := int(lastOwner.Load()); last > 0 && holds(last, link) {
		return last, true
	}
	if pid, ok = searchOwner(link, until); ok {
		lastOwner.Store(int64(pid))
	}
	return pid, ok
}

func searchOwner(link string, until time.Time) (pid int, ok bool) {
	self := os.Getpid()
	tried := map[int]bool{}
	for _, list := range []func() []int{func() []int { return proc.Descendants(self) }, func() []int { return []int{self} }, reap.Processes} {
		for _, pid := range list() {
			switch {
			case tried[pid]:
			case time.Now().After(until):
				return 0, false
			case holds(pid, link):
				return pid, true
			}
			tried[pid] = true
		}
	}
	return 0, false
}

func holds(pid int, link string) bool {
	path := "/proc/" + strconv.Itoa(pid) + "/fd"
	dir, err := os.Open(path)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxDescriptors)
	for _, name := range slices.Backward(names) { // the newest first
		if target, err := os.Readlink(path + "/" + name); err == nil && target == link {
			return true
		}
	}
	return false
}

const maxDescriptors = 16384
