package peer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// The length of struct inet_diag_req_v2 (linux/inet_diag.h), and where in the answer, struct inet_diag_msg behind its header, is what we read of it.
const (
	sockDiagByFamily = 20
	inetDiagReqLen   = 56
	inetDiagUIDAt    = 64
	inetDiagInodeAt  = 68
)

// socket is what the kernel says of one.
type socket struct{ uid, inode uint32 }

// socketOf asks the kernel for one socket by its four-tuple (sock_diag(7)), which costs microseconds; its lists, which are there
// where it cannot be asked, as in some containers, cost milliseconds on a machine with many.
func socketOf(client, server netip.AddrPort) (end socket, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err == nil {
		defer unix.Close(fd)
		end, err = askSocket(fd, client, server)
	}
	if err != nil {
		return listedSocket(client, server)
	}
	return end, nil
}

// listedSocket looks one up in /proc/self/net/tcp and tcp6 (proc_pid_net(5)).
func listedSocket(client, server netip.AddrPort) (socket, error) {
	c4, s4 := client.Addr().Unmap(), server.Addr().Unmap()
	if c4.Is4() && s4.Is4() {
		c, s := c4.As4(), s4.As4()
		if end, there := socketLine("/proc/self/net/tcp", listed(c[:], client.Port())+" "+listed(s[:], server.Port())); there {
			return end, nil
		}
	}
	c, s := c4.As16(), s4.As16()
	if end, there := socketLine("/proc/self/net/tcp6", listed(c[:], client.Port())+" "+listed(s[:], server.Port())); there {
		return end, nil
	}
	return socket{}, unix.ENOENT
}

// listed is an address as the lists have it: words in the order of this machine's bytes.
func listed(address []byte, port uint16) string {
	var b []byte
	for ; len(address) > 0; address = address[4:] {
		b = fmt.Appendf(b, "%08X", binary.NativeEndian.Uint32(address))
	}
	return string(fmt.Appendf(b, ":%04X", port))
}

// socketLine reads the line of a socket between two addresses.
func socketLine(list, ends string) (end socket, there bool) {
	text, _ := os.ReadFile(list)
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(ends)) {
			continue
		}
		fields := strings.Fields(string(line))
		if len(fields) < 10 || fields[1]+" "+fields[2] != ends {
			continue
		}
		uid, err1 := strconv.ParseUint(fields[7], 10, 32)
		inode, err2 := strconv.ParseUint(fields[9], 10, 32)
		return socket{uint32(uid), uint32(inode)}, err1 == nil && err2 == nil && inode != 0
	}
	return socket{}, false
}

// asked numbers the questions.
var asked atomic.Uint32

func askSocket(netlink int, client, server netip.AddrPort) (socket, error) {
	unix.SetsockoptTimeval(netlink, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
	number := asked.Add(1)
	if err := unix.Sendto(netlink, diagRequest(number, client, server), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return socket{}, err
	}
	reply := make([]byte, 1024)
	for range 10 { // an answer that came too late for another question is passed over
		n, _, err := unix.Recvfrom(netlink, reply, 0)
		switch {
		case err != nil:
			return socket{}, err
		case n < unix.NLMSG_HDRLEN || binary.NativeEndian.Uint32(reply[8:]) != number:
			continue
		case n < unix.NLMSG_HDRLEN+inetDiagInodeAt+4 || binary.NativeEndian.Uint16(reply[4:]) != sockDiagByFamily:
			return socket{}, unix.ENOENT
		}
		body := reply[unix.NLMSG_HDRLEN:]
		return socket{binary.NativeEndian.Uint32(body[inetDiagUIDAt:]), binary.NativeEndian.Uint32(body[inetDiagInodeAt:])}, nil
	}
	return socket{}, unix.ENOENT
}

func diagRequest(number uint32, client, server netip.AddrPort) []byte {
	req := make([]byte, unix.NLMSG_HDRLEN+inetDiagReqLen)
	binary.NativeEndian.PutUint32(req[0:], uint32(len(req)))
	binary.NativeEndian.PutUint16(req[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(req[8:], number)
	body := req[unix.NLMSG_HDRLEN:]
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	if client.Addr().Is6() && !client.Addr().Is4In6() {
		body[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(body[4:], ^uint32(0)) // in any state
	binary.BigEndian.PutUint16(body[8:], client.Port())
	binary.BigEndian.PutUint16(body[10:], server.Port())
	copy(body[12:28], client.Addr().Unmap().AsSlice())
	copy(body[28:44], server.Addr().Unmap().AsSlice())
	binary.NativeEndian.PutUint64(body[48:], ^uint64(0)) // no cookie
	return req
}
