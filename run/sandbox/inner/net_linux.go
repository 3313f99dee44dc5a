package inner

import (
	"strconv"
	"syscall"
	"unsafe"
)

// Of linux/if.h, linux/rtnetlink.h and linux/in6.h.
const (
	ifreqLen  = 40
	loopback  = 1 // the index of lo in a new network namespace
	ipv6Only  = 26
	scopeHost = 254
)

// bringUp starts lo and makes every address of the world local: what a program connects to arrives at our listeners, with the
// address that it meant as the local one of the accepted socket. No tun device and no packet filter is needed for that, and
// ports that nobody listens on are refused at once.
func bringUp() (call string, err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "socket", err
	}
	defer syscall.Close(fd)
	var request [ifreqLen]byte
	copy(request[:], "lo")
	*(*uint16)(unsafe.Pointer(&request[syscall.IFNAMSIZ])) = syscall.IFF_UP | syscall.IFF_RUNNING
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return "ioctl(SIOCSIFFLAGS)", errno
	}
	if err := localDefault(syscall.AF_INET); err != nil {
		return "netlink(RTM_NEWROUTE)", err
	}
	localDefault(syscall.AF_INET6) // without IPv6 nothing leaves by it either
	return "", nil
}

// localDefault is `ip route add local default dev lo` for one family.
func localDefault(family byte) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	const size = syscall.NLMSG_HDRLEN + syscall.SizeofRtMsg + syscall.SizeofRtAttr + 4
	var m struct {
		header syscall.NlMsghdr
		route  syscall.RtMsg
		attr   syscall.RtAttr
		oif    uint32
	}
	m.header = syscall.NlMsghdr{Len: size, Type: syscall.RTM_NEWROUTE, Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | syscall.NLM_F_CREATE}
	m.route = syscall.RtMsg{Family: family, Table: syscall.RT_TABLE_LOCAL, Protocol: syscall.RTPROT_BOOT, Scope: scopeHost, Type: syscall.RTN_LOCAL}
	if family == syscall.AF_INET6 {
		m.route.Scope = 0
	}
	m.attr = syscall.RtAttr{Len: syscall.SizeofRtAttr + 4, Type: syscall.RTA_OIF}
	m.oif = loopback
	if err := syscall.Sendto(fd, (*[size]byte)(unsafe.Pointer(&m))[:], 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	var answer [4096]byte
	n, _, err := syscall.Recvfrom(fd, answer[:], 0)
	switch {
	case err != nil:
		return err
	case n < syscall.NLMSG_HDRLEN+4:
		return syscall.EBADMSG
	}
	if errno := *(*int32)(unsafe.Pointer(&answer[syscall.NLMSG_HDRLEN])); errno != 0 {
		return syscall.Errno(-errno)
	}
	return nil
}

// listen opens a socket. where is "lo" or "lo6" for a loopback address alone, "any" for every address of both families;
// what is "tcp" or "udp".
func listen(where, what, port string) (fd int, call string, err error) {
	number, err := strconv.Atoi(port)
	if err != nil {
		return -1, "", err
	}
	kind := syscall.SOCK_STREAM
	if what == "udp" {
		kind = syscall.SOCK_DGRAM
	}
	family, to := address(where, number)
	fd, err = syscall.Socket(family, kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err == syscall.EAFNOSUPPORT && where == "any" { // a kernel without IPv6
		family, to = syscall.AF_INET, &syscall.SockaddrInet4{Port: number}
		fd, err = syscall.Socket(family, kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	}
	if err != nil {
		return -1, "socket", err
	}
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if where == "any" {
		syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, ipv6Only, 0)
	}
	if what == "udp" { // to know where an answer must come from
		syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, 1)
		if family == syscall.AF_INET {
			syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1)
		}
	}
	if call, err = "bind", syscall.Bind(fd, to); err == nil && what != "udp" {
		call, err = "listen", syscall.Listen(fd, 4096)
	}
	if err != nil {
		syscall.Close(fd)
		return -1, call, err
	}
	return fd, "", nil
}

func address(where string, port int) (family int, to syscall.Sockaddr) {
	switch where {
	case "lo":
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	case "lo6":
		return syscall.AF_INET6, &syscall.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Port: port}
}

// diagnosis opens a socket by which the supervisor asks about the sockets of this network (sock_diag(7)); none where the kernel
// has no such family.
func diagnosis() (fd int, there bool) {
	const inetDiag = 4 // NETLINK_INET_DIAG, which package syscall names on some architectures
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, inetDiag)
	return fd, err == nil
}

// dial connects to a port of the loopback, for somebody outside.
func dial(port string) (fd int, err error) {
	number, err := strconv.Atoi(port)
	if err != nil {
		return -1, syscall.EINVAL
	}
	for _, where := range []string{"lo", "lo6"} {
		family, to := address(where, number)
		if fd, err = syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
			continue
		}
		// A port whose queue is full must not keep us from seeing that the supervisor is gone (socket(7), SO_SNDTIMEO).
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &syscall.Timeval{Sec: 1})
		if err = syscall.Connect(fd, to); err == nil {
			syscall.SetNonblock(fd, true)
			return fd, nil
		}
		syscall.Close(fd)
		if err == syscall.EINPROGRESS {
			err = syscall.ETIMEDOUT
		}
	}
	return -1, err
}
