// Package packtest makes packs for tests, also such as git would not.
package packtest

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/adler32"
	"strings"
)

// Writer makes packs, also such as git would not.
type Writer struct {
	bytes.Buffer
	objects uint32
	z       *zlib.Writer
	Excess  int  // what the header declares besides the objects
	Stored  bool // objects of less than 64 KiB are not compressed: faster to make
}

// New begins a pack.
func New() *Writer {
	p := &Writer{}
	p.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	return p
}

// Object writes one with any declared size and gives its offset.
func (p *Writer) Object(kind byte, size uint64, base, data []byte) int {
	at := p.Len()
	c := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.WriteByte(c | 0x80)
		c = byte(size & 0x7f)
	}
	p.WriteByte(c)
	p.Write(base)
	p.objects++
	if p.Stored && len(data) < 1<<16 {
		n := uint16(len(data))
		p.Write(append(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16([]byte{0x78, 1, 1}, n), ^n), data...))
		binary.Write(p, binary.BigEndian, adler32.Checksum(data))
		return at
	}
	if p.z == nil {
		p.z, _ = zlib.NewWriterLevel(&p.Buffer, zlib.BestSpeed)
	}
	p.z.Reset(&p.Buffer)
	p.z.Write(data)
	p.z.Close()
	return at
}

// Plain writes an object that is whole (1: a commit, 3: a blob).
func (p *Writer) Plain(kind byte, data string) int {
	return p.Object(kind, uint64(len(data)), nil, []byte(data))
}

// Ofs writes a delta of the object at an offset.
func (p *Writer) Ofs(base int, delta []byte) int {
	return p.Back(p.Len()-base, delta)
}

// Back writes a delta of the object so many bytes before it.
func (p *Writer) Back(n int, delta []byte) int {
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		b = append([]byte{byte(n&0x7f) | 0x80}, b...)
	}
	return p.Object(6, uint64(len(delta)), b, delta)
}

// Ref writes a delta of the object with an id.
func (p *Writer) Ref(base string, delta []byte) int {
	id, _ := hex.DecodeString(base)
	return p.Object(7, uint64(len(delta)), id, delta)
}

// Done ends the pack with its count and checksum.
func (p *Writer) Done() []byte {
	binary.BigEndian.PutUint32(p.Bytes()[8:], uint32(int(p.objects)+p.Excess))
	sum := sha1.Sum(p.Bytes())
	p.Write(sum[:])
	return p.Bytes()
}

// Commit is the text of one.
func Commit(message string, parents ...string) string {
	s := "tree " + strings.Repeat("1", 40) + "\n"
	if len(parents) > 0 {
		s += "parent " + strings.Join(parents, "\nparent ") + "\n"
	}
	return s + "author a <a@example.com> 0 +0000\ncommitter a <a@example.com> 0 +0000\n\n" + message
}

// ID is a commit's.
func ID(commit string) string { return IDOf("commit", commit) }

// IDOf is that of an object of a kind: commit, tree, blob.
func IDOf(kind, object string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", kind, len(object), object))
	return hex.EncodeToString(sum[:])
}

// Delta makes one text of another by copying the front and the end that they share.
func Delta(base, text string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(base)))
	b = binary.AppendUvarint(b, uint64(len(text)))
	front := 0
	for front < min(len(base), len(text)) && base[front] == text[front] {
		front++
	}
	end := 0
	for end < min(len(base), len(text))-front && base[len(base)-1-end] == text[len(text)-1-end] {
		end++
	}
	b = Copy(b, 0, front)
	for middle := text[front : len(text)-end]; middle != ""; {
		n := min(len(middle), 127)
		b = append(append(b, byte(n)), middle[:n]...)
		middle = middle[n:]
	}
	return Copy(b, len(base)-end, end)
}

// Copy is the instruction of a delta that copies out of its base.
func Copy(b []byte, offset, size int) []byte {
	if size == 0 {
		return b
	}
	return append(b, 0xff, byte(offset), byte(offset>>8), byte(offset>>16), byte(offset>>24), byte(size), byte(size>>8), byte(size>>16))
}
