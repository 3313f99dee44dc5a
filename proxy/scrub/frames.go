package scrub

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Opcodes and bits of RFC 6455 section 5.2.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPong         = 10

	finBit     = 0x80
	rsvBits    = 0x70
	controlBit = 0x08
	maskBit    = 0x80

	maxControl = 125      // bytes of a control frame's payload (section 5.5)
	maxPart    = 64 << 10 // bytes of a data frame that are kept until it is complete; a multiple of the mask's four
)

// ErrFrame is a frame that cannot be read.
var ErrFrame = errors.New("websocket frame")

// frames scrubs the WebSocket frames of one direction.
type frames struct {
	set *Set
	src *bufio.Reader
	hit func(n int)

	out   []byte // whole frames, and not yet read
	store []byte // what out is made in
	err   error

	open   bool // a message has begun and not ended
	closed bool // a close frame went through

	small [maxControl]byte // headers and control frames are read into it

	cur  header // the data frame that is being read
	read int64  // bytes of its payload so far

	msg  reader // the state of the message's scrubbing: what is held back between frames
	op   byte   // what the message's next frame says it is: continuation, once one has gone out
	part []byte // payload, after what msg holds
}

// header is a frame's.
type header struct {
	fin    bool
	op     byte
	masked bool
	key    [4]byte
	size   int64
}

// Frames scrubs the frames of RFC 6455 that r holds, each message as a whole: a secret may be spread over its fragments. A frame that holds
// nothing goes on as it came. Others are made anew: with another length where a replacement has one; with less where the
// end of a fragment may be the beginning of a secret, which the next then begins with; and in parts where it is
// larger than 64 KiB, which no proxy should keep. Control frames overtake what is held back; their payload is scrubbed too,
// and cut to 125 bytes. Payloads of text stay UTF-8 if secrets and placeholders are.
//
// Any extension, and whatever section 5 forbids, is an ErrFrame: what cannot be read cannot be scrubbed.
func (s *Set) Frames(r io.Reader, hit func(n int)) io.Reader {
	f := &frames{set: s, src: bufio.NewReaderSize(r, 16<<10), hit: hit}
	f.msg.set = s
	return f
}

func (f *frames) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(f.out) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.store = f.store[:0]
		for f.err == nil && (len(f.store) == 0 || len(f.store) < maxPart && f.ready()) {
			f.err = f.advance()
		}
		f.out = f.store
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// ready says whether a whole frame has been read already: it would not do to wait with one in hand.
func (f *frames) ready() bool {
	n := f.src.Buffered()
	if f.read < f.cur.size {
		return int64(n) >= min(f.cur.size-f.read, maxPart)
	}
	if n < 2 {
		return false
	}
	b, _ := f.src.Peek(n)
	size, h := 2, int(b[1]&^maskBit)
	switch {
	case h == 127:
		return false
	case h == 126 && n < 4:
		return false
	case h == 126:
		size, h = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	if b[1]&maskBit != 0 {
		size += 4
	}
	return n >= size+h
}

// advance reads a frame, or a part of one that is large, and appends what goes out for it.
func (f *frames) advance() error {
	if f.read < f.cur.size {
		return f.data()
	}
	h, err := f.header()
	if err != nil {
		return err
	}
	if err := f.admit(h); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if h.op&controlBit != 0 {
		return f.control(h)
	}
	if h.op != opContinuation {
		f.op = h.op
	}
	f.open, f.cur, f.read = !h.fin, h, 0
	return f.data()
}

// header reads a frame's header. The end of the stream before it is the end; inside it, it is not.
func (f *frames) header() (h header, err error) {
	b := f.small[:]
	if _, err = io.ReadFull(f.src, b[:1]); err != nil {
		if err == io.EOF && f.open {
			err = io.ErrUnexpectedEOF
		}
		return h, err
	}
	first := b[0]
	h.fin, h.op = first&finBit != 0, first&0x0f
	if first&rsvBits != 0 {
		return h, fmt.Errorf("%w: a reserved bit is set; extensions are not read", ErrFrame)
	}
	if err = f.full(b[:1]); err != nil {
		return h, err
	}
	h.masked, h.size = b[0]&maskBit != 0, int64(b[0]&^maskBit)
	if h.size >= 126 {
		if h.size, err = f.extended(int(h.size)); err != nil {
			return h, err
		}
	}
	if h.masked {
		err = f.full(b[:len(h.key)])
		copy(h.key[:], b)
	}
	return h, err
}

// extended reads a length of 16 or 64 bits. Only the shortest way to write it is allowed (section 5.2).
func (f *frames) extended(code int) (int64, error) {
	b := f.small[:8]
	clear(b)
	width, least := 2, uint64(126)
	if code == 127 {
		width, least = 8, 1<<16
	}
	if err := f.full(b[8-width:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint64(b)
	if n < least || n>>63 != 0 {
		return 0, fmt.Errorf("%w: its length is not written as it must be", ErrFrame)
	}
	return int64(n), nil
}

func (f *frames) full(p []byte) error {
	_, err := io.ReadFull(f.src, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// admit refuses what sections 5.4 and 5.5 do not allow here.
func (f *frames) admit(h header) error {
	switch {
	case f.closed:
		return errors.New("it comes after the close frame")
	case h.op > opBinary && h.op < opClose || h.op > opPong:
		return fmt.Errorf("opcode %d is reserved", h.op)
	case h.op&controlBit != 0 && !h.fin:
		return errors.New("a control frame is fragmented")
	case h.op&controlBit != 0 && h.size > maxControl:
		return errors.New("a control frame is too long")
	case h.op == opClose && h.size == 1:
		return errors.New("a close frame has half a status code")
	case h.op == opContinuation && !f.open:
		return errors.New("a continuation of nothing")
	case h.op != opContinuation && h.op&controlBit == 0 && f.open:
		return errors.New("a message begins inside another")
	}
	return nil
}

// control passes a control frame on, scrubbed.
func (f *frames) control(h header) error {
	payload := f.small[:h.size]
	if err := f.full(payload); err != nil {
		return err
	}
	mask(payload, h)
	f.closed = f.closed || h.op == opClose
	clean, hits := f.set.Bytes(payload) // also where section 7.1.5 has a status code, for servers that forget it
	f.tell(hits)
	f.emit(header{fin: true, op: h.op, masked: h.masked, key: h.key}, shorten(clean, maxControl))
	return nil
}

// shorten cuts text to n bytes, between characters if it has any.
func shorten(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	cut := n
	for cut > n-utf8.UTFMax && !utf8.RuneStart(b[cut]) {
		cut--
	}
	return b[:cut]
}

// data passes on what is left of a data frame, or as much of it as may be kept.
func (f *frames) data() error {
	held, n := len(f.msg.held), int(min(f.cur.size-f.read, maxPart))
	if cap(f.part) < held+n {
		f.part = make([]byte, held+n)
	}
	f.part = f.part[:held+n]
	copy(f.part, f.msg.held)
	if err := f.full(f.part[held:]); err != nil {
		return err
	}
	mask(f.part[held:], f.cur)
	f.read += int64(n)
	f.pass(f.cur, f.read == f.cur.size)
	return nil
}

// pass scrubs f.part and sends what is decided of it. last tells that the frame ends here, and with fin the message.
func (f *frames) pass(h header, last bool) {
	fin := last && h.fin
	clean := f.part
	if set := f.set.latest(); set != nil && len(set.forms) > 0 {
		var hits int
		clean, hits = f.msg.part(f.part, fin)
		f.tell(hits)
	}
	if len(clean) == 0 && !fin && !(last && len(f.part) == 0) {
		return // all of it is held back; the next frame of the message has it
	}
	f.emit(header{fin: fin, op: f.op, masked: h.masked, key: h.key}, clean)
	f.op = opContinuation
	if fin {
		f.msg.reset()
	}
}

func (f *frames) tell(hits int) {
	if hits > 0 && f.hit != nil {
		f.hit(hits)
	}
}

// emit appends a frame.
func (f *frames) emit(h header, payload []byte) {
	first, second, size := h.op, byte(0), len(payload)
	if h.fin {
		first |= finBit
	}
	if h.masked {
		second = maskBit
	}
	switch {
	case size < 126:
		f.store = append(f.store, first, second|byte(size))
	case size < 1<<16:
		f.store = binary.BigEndian.AppendUint16(append(f.store, first, second|126), uint16(size))
	default:
		f.store = binary.BigEndian.AppendUint64(append(f.store, first, second|127), uint64(size))
	}
	if h.masked {
		f.store = append(f.store, h.key[:]...)
	}
	from := len(f.store)
	f.store = append(f.store, payload...)
	mask(f.store[from:], h)
}

// mask applies or removes the mask of a payload (section 5.3), or of a part that begins at a multiple of four.
func mask(p []byte, h header) {
	if !h.masked {
		return
	}
	for i := range p {
		p[i] ^= h.key[i&3]
	}
}
