// Package pack tells from git's packs whether a ref that moves is fast-forwarded. It reads the commits of a pack, recomputes their
// ids, and walks from the new commit to the old one. It trusts nothing that a pack says of itself: what it cannot read, or is too
// much to read, proves nothing.
package pack

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The bounds of reading a pack. What goes beyond them is not read, and so proves nothing.
const (
	maxCommitSize = 1 << 20  // of one commit, and of one delta
	maxInflated   = 1 << 30  // of all objects together, those of the server's answers included
	maxGap        = 32 << 20 // from one commit to the next: git and JGit write them first, libgit2 each before its files
	maxObject     = 1 << 40  // what no object has, whatever it declares
)

// errEnough ends the reading of a pack that inflates to more than is read.
var errEnough = errors.New("enough")

// The types of a pack's objects (gitformat-pack).
const (
	typeCommit   = 1
	typeTag      = 4
	typeOfsDelta = 6
	typeRefDelta = 7
)

// Read reads a pack into the history, as far as that tells more about the updates, and marks those whose new commit
// is shown to descend from the old. An error says that this is no pack. Nothing depends on the pack being read as the
// server reads it, nor on what follows: what proves an update are commits whose ids are recomputed here, each of which
// names the next.
func (h *History) Read(r io.Reader, updates []Update) error {
	h.nextPack()
	p := &packReader{in: newPackInput(r), history: h}
	err := p.read(updates)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the pack is cut off, or an object shorter than declared")
	}
	return err
}

// packReader reads the objects of a pack one by one. It keeps the commits, and nothing of the others.
type packReader struct {
	in      *packInput
	zlib    io.ReadCloser
	past    *skipper
	history *History
	last    int64     // where the last commit ended
	object  [2][]byte // what an object holds, and what its delta makes of its base
}

func (p *packReader) read(updates []Update) error {
	var header [12]byte
	if _, err := io.ReadFull(p.in, header[:]); err != nil {
		return err
	}
	if string(header[:8]) != "PACK\x00\x00\x00\x02" {
		return errors.New("what follows the commands is no pack of version 2")
	}
	err := p.commits(binary.BigEndian.Uint32(header[8:]), updates)
	if err == errEnough {
		p.history.missed, err = true, nil
	}
	p.history.Judge(updates)
	return err
}

// commits reads the objects up to where the rest would not tell more.
func (p *packReader) commits(objects uint32, updates []Update) error {
	enough := 1 // the commits that make another look worth its time
	for ; objects > 0; objects-- {
		o, err := p.next()
		if err != nil {
			return err
		}
		if n := len(p.history.texts); !o.commit && n >= enough {
			if p.history.Judge(updates) {
				return nil
			}
			enough = 2 * n
		}
		if err := p.take(o); err != nil {
			return err
		}
		if o.commit {
			p.last = p.in.at()
		}
		if p.history.full {
			return errEnough
		}
	}
	return nil
}

// object is the header of one.
type object struct {
	at     int64
	size   uint64 // of what follows, inflated
	commit bool   // it is one, or makes one of its base
	delta  bool
	base   []byte // nil where it was let go
}

// next reads the header of an object.
func (p *packReader) next() (o object, err error) {
	o.at = p.in.at()
	kind, size, err := p.in.objectHeader()
	if err != nil {
		return o, err
	}
	o.size, o.delta = size, kind > typeTag
	switch {
	case kind == typeCommit:
		o.commit = true
	case kind > typeCommit && kind <= typeTag:
	case kind == typeOfsDelta:
		var offset int64
		if offset, err = p.in.baseOffset(o.at); err == nil {
			o.base, o.commit = p.history.textAt(offset)
		}
	case kind == typeRefDelta:
		var id oid
		if _, err = io.ReadFull(p.in, id[:p.history.width]); err == nil {
			o.base, o.commit = p.history.textOf(id)
		}
	default:
		err = fmt.Errorf("an object of type %d, which no pack holds", kind)
	}
	return o, err
}

// take inflates an object and adds it to the history if it is a commit.
func (p *packReader) take(o object) error {
	if !o.commit || o.size > maxCommitSize || o.delta && o.base == nil {
		p.history.missed = p.history.missed || o.commit
		return p.skip(o.size)
	}
	text, err := p.inflate(o.size)
	if err != nil {
		return err
	}
	if o.delta {
		if text, err = p.apply(o.base, text); err != nil || text == nil {
			p.history.missed = true
			return err
		}
	}
	return p.history.add(o.at, text)
}

// inflate reads an object of a known size.
func (p *packReader) inflate(size uint64) ([]byte, error) {
	if err := p.open(size); err != nil {
		return nil, err
	}
	if uint64(cap(p.object[0])) < size {
		p.object[0] = make([]byte, max(size, 4<<10))
	}
	b := p.object[0][:size]
	if _, err := io.ReadFull(p.zlib, b); err != nil {
		return nil, fmt.Errorf("a broken object: %w", err)
	}
	return b, p.end()
}

// skip reads past an object.
func (p *packReader) skip(size uint64) error {
	if err := p.spend(size); err != nil {
		return err
	}
	if p.past == nil {
		p.past = &skipper{in: p.in.Reader, more: func() error {
			if p.in.at()-p.last > maxGap {
				return errEnough
			}
			return nil
		}}
	}
	return p.past.skip(size)
}

// end holds an object to its declared size, and its zlib stream to its checksum.
func (p *packReader) end() error {
	var more [1]byte
	if n, err := p.zlib.Read(more[:]); n != 0 || err != io.EOF {
		if err != nil && err != io.EOF {
			return fmt.Errorf("a broken object: %w", err)
		}
		return errors.New("an object larger than declared")
	}
	return nil
}

func (p *packReader) open(size uint64) (err error) {
	if err := p.spend(size); err != nil {
		return err
	}
	if p.zlib == nil {
		p.zlib, err = zlib.NewReader(p.in.Reader)
	} else {
		err = p.zlib.(zlib.Resetter).Reset(p.in.Reader, nil)
	}
	if err != nil {
		return fmt.Errorf("a broken object: %w", err)
	}
	return nil
}

// spend bounds the work that a small pack can cause.
func (p *packReader) spend(size uint64) error {
	if size > maxInflated-p.history.inflated {
		return errEnough
	}
	p.history.inflated += size
	return nil
}

// apply makes an object of its base and a delta (gitformat-pack, "Deltified representation"). It is nil where the object
// would be larger than what is read.
func (p *packReader) apply(base, delta []byte) ([]byte, error) {
	from, delta, ok := deltaSize(delta)
	size, delta, ok2 := deltaSize(delta)
	switch {
	case !ok || !ok2 || from != uint64(len(base)):
		return nil, errors.New("a delta that does not fit its base")
	case size > maxCommitSize:
		return nil, nil
	}
	if err := p.spend(size); err != nil {
		return nil, err
	}
	if uint64(cap(p.object[1])) < size {
		p.object[1] = make([]byte, max(size, 4<<10))
	}
	out := p.object[1][:0]
	for len(delta) > 0 {
		var piece []byte
		if piece, delta = deltaPiece(base, delta); piece == nil || uint64(len(piece)) > size-uint64(len(out)) {
			return nil, errors.New("a malformed delta")
		}
		out = append(out, piece...)
	}
	if uint64(len(out)) != size {
		return nil, errors.New("a delta that makes less than it declares")
	}
	return out, nil
}

// deltaPiece reads one instruction: a copy out of the base, or bytes of its own. A malformed one gives nil.
func deltaPiece(base, delta []byte) (piece, rest []byte) {
	op, delta := delta[0], delta[1:]
	if op&0x80 == 0 {
		if op == 0 || int(op) > len(delta) {
			return nil, nil
		}
		return delta[:op], delta[op:]
	}
	var offset, size uint32
	for i := range 7 {
		if op&(1<<i) == 0 {
			continue
		}
		if len(delta) == 0 {
			return nil, nil
		}
		if i < 4 {
			offset |= uint32(delta[0]) << (8 * i)
		} else {
			size |= uint32(delta[0]) << (8 * (i - 4))
		}
		delta = delta[1:]
	}
	if size == 0 {
		size = 1 << 16
	}
	if uint64(offset)+uint64(size) > uint64(len(base)) {
		return nil, nil
	}
	return base[offset : offset+size], delta
}

func deltaSize(b []byte) (size uint64, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	return size, b[max(n, 0):], n > 0
}

// packInput is the bytes of a pack. Being a bufio.Reader, it gives zlib no more than a stream holds, so that streams can
// follow each other. It asks for more only when all that it had has been read.
type packInput struct {
	*bufio.Reader
	src *counted
}

func newPackInput(r io.Reader) *packInput {
	src := &counted{src: r}
	return &packInput{bufio.NewReaderSize(src, 64<<10), src}
}

func (in *packInput) at() int64 { return in.src.read - int64(in.Buffered()) }

type counted struct {
	src  io.Reader
	read int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.read += int64(n)
	return n, err
}

// objectHeader reads the type and the size of an object.
func (in *packInput) objectHeader() (kind byte, size uint64, err error) {
	c, err := in.ReadByte()
	kind, size = c>>4&7, uint64(c&15)
	for shift := 4; err == nil && c&0x80 != 0; shift += 7 {
		if shift > 60-7 {
			return 0, 0, errors.New("an object of impossible size")
		}
		c, err = in.ReadByte()
		size |= uint64(c&0x7f) << shift
	}
	if size > maxObject {
		err = errors.New("an object of impossible size")
	}
	return kind, size, err
}

// baseOffset reads where the base of the delta at an offset stands: before it.
func (in *packInput) baseOffset(at int64) (int64, error) {
	c, err := in.ReadByte()
	back := int64(c & 0x7f)
	for err == nil && c&0x80 != 0 {
		if back > math.MaxInt64>>8 {
			return 0, errors.New("a delta of an impossible base")
		}
		c, err = in.ReadByte()
		back = (back+1)<<7 | int64(c&0x7f)
	}
	if err == nil && (back <= 0 || back > at-12) {
		err = errors.New("a delta of an impossible base")
	}
	return at - back, err
}
