package names

import (
	"encoding/binary"
	"io"
	"net"
	"time"
)

const (
	maxQuery    = 4096
	idle        = 10 * time.Second
	maxSessions = 64
)

// ServePackets answers on a socket that tells at which address a query came in (IPV6_RECVPKTINFO, IP_PKTINFO), until it is
// closed.
func (t *Table) ServePackets(c *net.UDPConn) error {
	query, control := make([]byte, maxQuery), make([]byte, 256)
	for {
		n, oob, _, from, err := c.ReadMsgUDPAddrPort(query, control)
		if err != nil {
			return err
		}
		if r := t.answer(query[:n]); r != nil {
			c.WriteMsgUDPAddrPort(r, control[:oob], from) // whence it came is where the answer must come from
		}
	}
}

// ServeStreams answers on a listener until it is closed.
func (t *Table) ServeStreams(l net.Listener) error {
	places := make(chan struct{}, maxSessions)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		places <- struct{}{}
		go func() {
			t.session(c)
			c.Close()
			<-places
		}()
	}
}

// session answers queries with their lengths before them (RFC 1035 section 4.2.2).
func (t *Table) session(c net.Conn) {
	var length [2]byte
	for {
		c.SetDeadline(time.Now().Add(idle))
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		r := t.answer(query)
		if r == nil {
			return
		}
		if _, err := c.Write(append([]byte{byte(len(r) >> 8), byte(len(r))}, r...)); err != nil {
			return
		}
	}
}
