package proxy

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// creditConn is a connection to an upstream in HTTP/2, below net/http. That one (in Go 1.26) waits for a lock which it holds when an
// upstream gives a stream more credit than there can be (RFC 9113 section 6.9.1), and with it every request in HTTP/2 of the run, to
// whatever host. So credit is counted here, and goes on only where it is due: to streams that are not at their end, and within bounds.
type creditConn struct {
	*tls.Conn
	r    *bufio.Reader
	next []byte // a frame that has been looked at, and not yet been read
	left int64  // bytes of a frame's payload that pass unread

	mu      sync.Mutex // below, what both directions know
	initial int64
	credit  map[uint32]int64 // what the streams that we have not ended may send
	windows answerWindows

	out     frameHead // the frame that is being written
	payload int64     // bytes of it that are still to come
	gives   uint32    // what they say, of a frame that gives credit
	within  bool      // it belongs to a header block that goes on
	preface int       // bytes that come before all frames
	more    []byte    // frames of our own that follow it
}

// frameHead is what a frame begins with (RFC 9113 section 4.1): length, type, flags, stream; as far as it is known.
type frameHead struct {
	b [9]byte
	n int
}

func (h *frameHead) size() int64       { return int64(h.b[0])<<16 | int64(h.b[1])<<8 | int64(h.b[2]) }
func (h *frameHead) stream() uint32    { return binary.BigEndian.Uint32(h.b[5:]) &^ (1 << 31) }
func (h *frameHead) flags(f byte) bool { return h.b[4]&f != 0 }

// Frames and flags of RFC 9113 section 6, and a setting.
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	frameWindowUpdate = 8
	frameContinuation = 9

	flagEnds    = 1 // the stream; of a SETTINGS frame: it answers another
	flagEndHead = 4 // a header block

	settingInitialWindow = 4
	settingMaxFrame      = 5
	maxSettings          = 16 << 10   // bytes of a frame of them
	maxFrame             = copyBuffer // bytes of one that we send: net/http keeps as many for each body, up to 512 KiB
)

var errCredit = errors.New("the upstream gave more credit than HTTP/2 knows")

// countCredit puts a creditConn below t's HTTP/2. net/http takes one that is no tls.Conn by the way of HTTP/2 without TLS alone.
func countCredit(t *http.Transport, all *answerRoom) {
	t.CloseIdleConnections() // has it make its table of protocols
	plain := t.TLSNextProto["unencrypted_http2"]
	t.TLSNextProto["h2"] = func(authority string, c *tls.Conn) http.RoundTripper {
		counted := &creditConn{Conn: c, r: bufio.NewReaderSize(c, 16<<10), initial: 65535, credit: map[uint32]int64{}, preface: prefaceLen,
			windows: answerWindows{all: all, of: map[uint32]answerWindow{}}}
		return plain(authority, tls.Client(handedOn{c, counted}, nil))
	}
}

// handedOn is how net/http hands such a connection from one of its parts to another.
type handedOn struct {
	net.Conn
	counted *creditConn
}

// UnencryptedNetConn is what it asks for.
func (h handedOn) UnencryptedNetConn() net.Conn { return h.counted }

// Close says so to the other end too, if that takes it at once. net/http waits for no more of a tls.Conn either.
func (c *creditConn) Close() error {
	defer time.AfterFunc(time.Second/4, func() { c.NetConn().Close() }).Stop()
	c.mu.Lock()
	c.windows.close()
	c.mu.Unlock()
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *creditConn) Read(p []byte) (int, error) {
	for {
		switch {
		case len(p) == 0:
			return 0, nil
		case len(c.next) > 0:
			n := copy(p, c.next)
			c.next = c.next[n:]
			return n, nil
		case c.left > 0:
			n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
			c.left -= int64(n)
			return n, err
		}
		if err := c.frame(); err != nil {
			return 0, err
		}
	}
}

// frame looks at the beginning of a frame, and at all of those that give credit.
func (c *creditConn) frame() error {
	var h frameHead
	if _, err := io.ReadFull(c.r, h.b[:]); err != nil {
		return err
	}
	c.next, c.left = h.b[:], h.size()
	switch kind := h.b[3]; {
	case kind == frameReset:
		c.end(h.stream())
	case kind == frameData, kind == frameHeaders && h.flags(flagEnds):
		return c.comes(&h)
	case kind == frameSettings && !h.flags(flagEnds) && c.left <= maxSettings, kind == frameWindowUpdate && c.left == 4:
		c.next = append(c.next, make([]byte, c.left)...)
		payload := c.next[len(h.b):]
		if _, err := io.ReadFull(c.r, payload); err != nil {
			return err
		}
		c.left = 0
		if kind == frameSettings {
			return c.settings(payload)
		}
		return c.update(h.stream(), int64(binary.BigEndian.Uint32(payload)&math.MaxInt32))
	case kind == frameSettings && !h.flags(flagEnds):
		return errCredit
	}
	return nil
}

// update takes credit in.
func (c *creditConn) update(stream uint32, n int64) error {
	if stream == 0 {
		return nil // of the whole connection: net/http ends it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	had, sends := c.credit[stream]
	switch {
	case !sends:
		c.next = nil
	case had+n > math.MaxInt32:
		return errCredit
	default:
		c.credit[stream] = had + n
	}
	return nil
}

// settings may change the credit of all streams (RFC 9113 section 6.9.2), and let frames be longer than we want them.
func (c *creditConn) settings(payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; len(payload) >= 6; payload = payload[6:] {
		setting, value := binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])
		if setting == settingMaxFrame {
			binary.BigEndian.PutUint32(payload[2:], min(value, maxFrame))
		}
		if setting != settingInitialWindow {
			continue
		}
		initial := int64(value)
		for stream, had := range c.credit {
			if had+initial-c.initial > math.MaxInt32 {
				return errCredit
			}
			c.credit[stream] = had + initial - c.initial
		}
		c.initial = initial
	}
	return nil
}

func (c *creditConn) end(stream uint32) {
	c.mu.Lock()
	delete(c.credit, stream)
	c.windows.end(stream)
	c.mu.Unlock()
}

// comes takes down what an upstream sends of an answer, or that it has ended.
func (c *creditConn) comes(h *frameHead) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.b[3] == frameData && !c.windows.comes(h.stream(), h.size()) {
		return errOverflow
	}
	if h.flags(flagEnds) {
		c.windows.end(h.stream())
	}
	return nil
}

// Write implements net.Conn.
func (c *creditConn) Write(p []byte) (int, error) {
	said := len(p)
	c.mu.Lock()
	if c.preface > 0 {
		p = narrowed(p)
	}
	for rest := p; len(rest) > 0; {
		rest = rest[c.sends(rest):]
	}
	if c.preface+c.out.n == 0 && c.payload == 0 && !c.within && len(c.more) > 0 {
		p = append(p[:len(p):len(p)], c.more...)
		c.more = c.more[:0]
	}
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	return min(n, said), err
}

// sends takes down what a part of a frame says, and how long it is.
func (c *creditConn) sends(p []byte) int {
	switch {
	case c.preface > 0:
		n := min(c.preface, len(p))
		c.preface -= n
		return n
	case c.payload > 0:
		n := min(c.payload, int64(len(p)))
		c.payload -= n
		if c.out.b[3] == frameWindowUpdate {
			c.reads(p[:n])
		}
		return int(n)
	}
	h := &c.out
	n := copy(h.b[h.n:], p)
	if h.n += n; h.n < len(h.b) {
		return n
	}
	c.payload, h.n = h.size(), 0
	stream, kind := h.stream(), h.b[3]
	if kind == frameHeaders || kind == frameContinuation {
		c.within = !h.flags(flagEndHead)
	}
	if kind == frameHeaders {
		c.tell(stream, c.windows.begin(stream))
	}
	switch {
	case kind == frameReset:
		c.windows.end(stream)
		fallthrough
	case (kind == frameHeaders || kind == frameData) && h.flags(flagEnds):
		delete(c.credit, stream)
	case kind == frameHeaders:
		c.credit[stream] = c.initial
	case kind == frameData:
		if had, sends := c.credit[stream]; sends {
			c.credit[stream] = had - c.payload
		}
	}
	return n
}

// reads takes down that the child has read something, for which net/http gives credit again.
func (c *creditConn) reads(p []byte) {
	for _, b := range p {
		c.gives = c.gives<<8 | uint32(b)
	}
	if c.payload == 0 {
		c.tell(c.out.stream(), c.windows.read(c.out.stream(), int64(c.gives)))
		c.gives = 0
	}
}

// tell has the upstream be told of credit that it has beyond what net/http gives.
func (c *creditConn) tell(stream uint32, n int64) {
	if n > 0 {
		c.more = binary.BigEndian.AppendUint32(append(c.more, 0, 0, 4, frameWindowUpdate, 0), stream)
		c.more = binary.BigEndian.AppendUint32(c.more, uint32(n))
	}
}
