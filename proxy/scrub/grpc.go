package scrub

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

var (
	// errCompressedMessage is a message that cannot be read. Who sends requests on can keep it away: without
	// grpc-accept-encoding a server has no codec to choose.
	errCompressedMessage = errors.New("a gRPC message is compressed")

	// errNoMessage is text under the name of gRPC. Taken for messages, a secret could stand across the end of one.
	errNoMessage = errors.New("what should be a gRPC message is none")
)

// grpcHeader is the size of a message's prefix: one byte that says compressed, four of length.
const grpcHeader = 5

// compressedFlag is the one flag that gRPC, gRPC-Web and Connect share; the others are gRPC-Web's trailers (0x80) and
// Connect's end of stream (0x02).
const (
	compressedFlag = 1
	otherFlags     = 0x82
)

// maxMessage bounds a message, in bytes. gRPC's own default is 4 MiB; four characters of text, read as a length, are more.
const maxMessage = 512 << 20

// grpc scrubs length-prefixed messages.
type grpc struct {
	src  *bufio.Reader
	hit  func(n int)
	msg  reader // the state of the message's scrubbing
	left int64  // bytes of the message that have not been read
	buf  []byte
	out  []byte // not yet read
	err  error
}

// Messages scrubs a gRPC stream of r, each message as a whole: the end of a message is never held back, since what
// follows it belongs to another. A message keeps its length, which is told before it: replacements are cut or filled to fit. A
// compressed message is an error. The framing is that of "gRPC over HTTP2", Length-Prefixed-Message.
func (s *Set) Messages(r io.Reader, hit func(n int)) io.Reader {
	if s == nil || len(s.forms) == 0 {
		return r
	}
	return &grpc{src: bufio.NewReaderSize(r, ownRead), hit: hit, msg: reader{set: s, sized: true}}
}

func (g *grpc) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		if g.err != nil {
			return 0, g.err
		}
		g.out = g.out[:0]
		if g.left == 0 {
			g.err = g.next()
		}
		if g.left > 0 {
			g.err = g.payload()
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// next reads a message's prefix.
func (g *grpc) next() error {
	var head [grpcHeader]byte
	if _, err := io.ReadFull(g.src, head[:]); err != nil {
		return err
	}
	g.left = int64(binary.BigEndian.Uint32(head[1:]))
	switch {
	case head[0]&^(compressedFlag|otherFlags) != 0 || g.left > maxMessage:
		g.left = 0
		return errNoMessage
	case head[0]&compressedFlag != 0:
		g.left = 0
		return errCompressedMessage
	}
	g.out = append(g.out, head[:]...)
	return nil
}

// payload reads what is there of the message.
func (g *grpc) payload() error {
	held := len(g.msg.held)
	if need := held + ownRead; len(g.buf) < need { // what is held back of a long secret may be longer than any buffer
		g.buf = make([]byte, max(need, maxPart))
	}
	copy(g.buf, g.msg.held)
	room := g.buf[held:]
	n, err := g.src.Read(room[:min(int64(len(room)), g.left)])
	g.left -= int64(n)
	clean, hits := g.msg.part(g.buf[:held+n], g.left == 0)
	g.out = append(g.out, clean...)
	if hits > 0 && g.hit != nil {
		g.hit(hits)
	}
	switch {
	case g.left == 0:
		g.msg.reset()
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}
