package scrub

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxLayers is how many encodings may be stacked; real servers use one.
	maxLayers = 3
	// maxWindow is what RFC 9659 asks a zstd decoder in HTTP for. Brotli's own limit is 16 MiB (RFC 7932 section 9.1), deflate's 32 KiB.
	maxWindow = 8 << 20
	// A stream may grow to maxRatio times what came over the wire: deflate cannot exceed 1032. Brotli and zstd can
	// reach any ratio, on text as regular as nobody sends, so freeGrowth comes first.
	maxRatio   = 1100
	freeGrowth = 16 << 20
)

var (
	errBomb    = errors.New("the body grows more than 1100 times when decompressed")
	errGarbage = errors.New("data after the end of the compressed body")
	errNoRoom  = errors.New("too many compressed bodies are being read at once; try again, or ask for gzip")
)

// Decode undoes the content encodings that a message names, in the order of its header: fields and the lists in them.
// It knows gzip, x-gzip, deflate (with zlib's frame, and without), br, zstd and identity. What a sender has flushed comes out at
// once. An encoding that it does not know is an error; so is, when read, a body that is cut off, corrupt, followed by anything else, asks
// for a window over 8 MiB (br: 16 MiB), or grows beyond 16 MiB and 1100 times what was received. A body of no bytes is
// empty under any encoding. The reader starts no goroutine; where it is an io.Closer, Close frees its memory, not r.
func Decode(encodings []string, r io.Reader) (io.Reader, error) { return DecodeIn(nil, encodings, r) }

// Room is the memory that the windows of all decoders at work have together. Take waits for n bytes of it, and says whether
// they came free.
type Room interface {
	Take(n int64) bool
	Give(n int64)
}

// DecodeIn is Decode, with its windows in room: a few bytes can ask for a window of 16 MiB, and whoever waits for the rest
// of a body keeps it. All are taken at once, with the body's first byte: layers that each took its own could hold some and wait for
// others, as another body's do for them. A nil room is endless.
func DecodeIn(room Room, encodings []string, r io.Reader) (io.Reader, error) {
	var names []string
	for _, field := range encodings {
		for name := range strings.SplitSeq(field, ",") {
			name = strings.ToLower(strings.Trim(name, " \t"))
			if name == "" || name == "identity" {
				continue
			}
			if openers[name] == nil {
				return nil, fmt.Errorf("content encoding %q is not known", name)
			}
			names = append(names, name)
		}
	}
	if len(names) > maxLayers {
		return nil, fmt.Errorf("%d content encodings are stacked; at most %d are read", len(names), maxLayers)
	}
	if len(names) == 0 {
		return r, nil
	}
	d := &decoder{room: room}
	r = &meter{r, &d.wire}
	for i := len(names) - 1; i >= 0; i-- { // the last named was applied last
		l := &layer{name: names[i], open: openers[names[i]], src: bufio.NewReader(r), wire: &d.wire}
		d.layers = append(d.layers, l)
		r = l
	}
	d.layers[0].take = d.take
	return d, nil
}

// decoder is the stack of layers, the outermost first.
type decoder struct {
	layers []*layer
	wire   int64

	room  Room
	taken int64 // of room
}

func (d *decoder) Read(p []byte) (int, error) {
	last := d.layers[len(d.layers)-1]
	n, err := last.Read(p)
	if last.err != nil {
		d.give()
	}
	return n, err
}

// take gets room for the windows of all layers, and says whether there was some. What the outermost asks for its first byte
// tells; those behind it may ask for the most.
func (d *decoder) take(first byte) bool {
	if d.room == nil || d.taken > 0 {
		return true
	}
	n := window(d.layers[0].name, first)
	for _, l := range d.layers[1:] {
		n += window(l.name, widest)
	}
	if n > 0 && !d.room.Take(n) {
		return false
	}
	d.taken = n
	return true
}

func (d *decoder) give() {
	if d.taken > 0 {
		d.room.Give(d.taken)
		d.taken = 0
	}
}

// Close frees what the layers hold; reads fail after it.
func (d *decoder) Close() error {
	for _, l := range d.layers {
		l.finish(errors.New("the decoder is closed"))
	}
	d.give()
	return nil
}

// meter counts what comes over the wire.
type meter struct {
	r io.Reader
	n *int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	*m.n += int64(n)
	return n, err
}

// opener starts to decode what src holds, and says whether more of the same may follow what it decodes. Where it does, old is
// what decoded the last of it: a new one for each, which a few bytes can ask for, would cost thousands of times as much.
type opener func(src *bufio.Reader, old io.Reader) (r io.Reader, again bool, err error)

var openers = map[string]opener{
	"gzip":    openGzip,
	"x-gzip":  openGzip, // RFC 9110 section 8.4.1.3
	"deflate": openDeflate,
	"br": func(src *bufio.Reader, _ io.Reader) (io.Reader, bool, error) {
		return brotli.NewReader(src), false, nil
	},
	"zstd": openZstd,
}

// openGzip decodes one member, so that its end is seen before the next one arrives (RFC 1952 section 2.2 allows many).
func openGzip(src *bufio.Reader, old io.Reader) (io.Reader, bool, error) {
	z, _ := old.(*gzip.Reader)
	if z == nil {
		z = &gzip.Reader{}
	}
	err := z.Reset(src)
	z.Multistream(false)
	return z, true, err
}

// openDeflate takes both readings of the name: RFC 9110 section 8.4.1.2 means zlib's format, and tells that some servers send
// bare deflate. A zlib header is a multiple of 31 and names method 8 (RFC 1950 section 2.2).
func openDeflate(src *bufio.Reader, _ io.Reader) (io.Reader, bool, error) {
	head, err := src.Peek(2)
	if len(head) == 2 && head[0]&0x8f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		z, err := zlib.NewReader(src)
		return z, false, err
	}
	if len(head) == 0 {
		return nil, false, err
	}
	return flate.NewReader(src), false, nil
}

// openZstd decodes in the caller's goroutine. Frames may follow each other (RFC 8878 section 3.1); zstd sees to that.
func openZstd(src *bufio.Reader, _ io.Reader) (io.Reader, bool, error) {
	z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return nil, false, err
	}
	return z.IOReadCloser(), false, nil
}

// widest begins a Brotli stream that asks for 16 MiB.
const widest = 0x0f

// window is how much memory decoding takes, in bytes, where that is much: what the beginning of a Brotli stream asks for (RFC 7932
// section 9.1), and what a later frame of zstd's may.
func window(name string, first byte) int64 {
	switch {
	case name == "zstd":
		return maxWindow
	case name != "br":
		return 0
	case first&1 == 0:
		return 1 << 16
	case first>>1&7 != 0:
		return 1 << (17 + first>>1&7)
	case first>>4&7 == 0:
		return 1 << 17
	}
	return 1 << (8 + first>>4&7)
}

// layer undoes one encoding. It opens its decoder when there is something to decode, since that reads a header.
type layer struct {
	name string
	open opener
	src  *bufio.Reader
	wire *int64 // bytes received so far
	out  int64  // bytes decoded so far

	take func(first byte) bool // of the outermost: gets the memory for all; nil: it is there

	r     io.Reader
	old   io.Reader // the r before it
	again bool
	err   error
}

func (l *layer) Read(p []byte) (int, error) {
	for l.err == nil && len(p) > 0 {
		if l.r == nil {
			l.start()
			continue
		}
		n, err := l.r.Read(p)
		l.out += int64(n)
		switch {
		case l.out > freeGrowth+maxRatio**l.wire:
			l.finish(errBomb)
			return 0, l.err
		case err == io.EOF:
			l.end()
		case err != nil:
			l.finish(l.named(err))
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, l.err
}

// start opens the decoder at the first byte. No byte at all is an empty body, or the end of one.
func (l *layer) start() {
	head, err := l.src.Peek(1)
	if err != nil {
		l.finish(err)
		return
	}
	if l.take != nil && !l.take(head[0]) {
		l.finish(errNoRoom)
		return
	}
	r, again, err := l.open(l.src, l.old)
	if err != nil {
		l.finish(l.named(err))
		return
	}
	l.r, l.again = r, again
}

// end is called where the decoder is done, which must be where the source is, unless the format goes on.
func (l *layer) end() {
	if l.again {
		l.old, l.r = l.r, nil
		return
	}
	_, err := l.src.Peek(1)
	if err == nil {
		err = l.named(errGarbage)
	}
	l.finish(err)
}

func (l *layer) named(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("decoding %s: %w", l.name, err)
}

func (l *layer) finish(err error) {
	if c, ok := l.r.(io.Closer); ok {
		c.Close()
	}
	l.old, l.r = nil, nil
	if l.err == nil {
		l.err = err
	}
}
