package pack

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func deflated(t testing.TB, level int, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	w.Close()
	return b.Bytes()
}

// skipped is how many bytes a skipper takes of a stream, read in pieces of one byte or as a whole.
func skipped(stream []byte, size uint64, single bool) (int, error) {
	r := bytes.NewReader(stream)
	var src io.Reader = r
	if single {
		src = iotest.OneByteReader(r)
	}
	in := bufio.NewReaderSize(src, 4<<10)
	s := &skipper{in: in, more: func() error { return nil }}
	err := s.skip(size)
	return len(stream) - r.Len() - in.Buffered(), err
}

// texts that compressors make blocks of every kind of.
func inflatable() [][]byte {
	random := rand.New(rand.NewPCG(3, 4))
	noise, letters, skewed := make([]byte, 70_000), make([]byte, 30_000), make([]byte, 30_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for i := range letters {
		letters[i] = "abcdefghijklmnop etaoin\\n()*0123"[random.IntN(31)]
		skewed[i] = byte(1 << random.IntN(8) & random.Uint32()) // long codes
	}
	return [][]byte{nil, {0}, []byte("a"), []byte("tree 1\nparent 2\n"), noise, letters, skewed,
		bytes.Repeat([]byte("a"), 100_000), bytes.Repeat(letters[:300], 90), append(append(bytes.Clone(noise[:999]), letters...), noise...)}
}

// TestSkip: it ends where the stream does, and never asks for what comes behind it.
func TestSkip(t *testing.T) {
	for i, text := range inflatable() {
		for _, level := range []int{zlib.NoCompression, zlib.BestSpeed, zlib.BestCompression, zlib.HuffmanOnly} {
			stream := deflated(t, level, text)
			for _, single := range []bool{false, true} {
				if n, err := skipped(append(bytes.Clone(stream), "behind it"...), uint64(len(text)), single); err != nil || n != len(stream) {
					t.Errorf("text %d, level %d: %d of %d bytes, %v", i, level, n, len(stream), err)
				}
			}
			alone := &skipper{more: func() error { return nil }}
			alone.in = bufio.NewReader(io.MultiReader(iotest.HalfReader(bytes.NewReader(stream)), iotest.ErrReader(errors.New("read on"))))
			if err := alone.skip(uint64(len(text))); err != nil {
				t.Errorf("text %d, level %d, and nothing behind it: %v", i, level, err)
			}
			if _, err := skipped(stream, uint64(len(text))+1, false); err != io.ErrUnexpectedEOF {
				t.Errorf("text %d, level %d, shorter than declared: %v", i, level, err)
			}
			if len(text) > 0 {
				if _, err := skipped(stream, uint64(len(text))-1, false); err != errLarger {
					t.Errorf("text %d, level %d, larger than declared: %v", i, level, err)
				}
			}
			if n, err := skipped(stream[:len(stream)-1], uint64(len(text)), true); err != io.EOF {
				t.Errorf("text %d, level %d, cut off: %d, %v", i, level, n, err)
			}
		}
	}
	for name, stream := range map[string]string{
		"no zlib": "xx", "a dictionary": "\x78\xbb\x00\x00\x00\x00\x03\x00", "a window too large": "\x88\x1c\x03\x00", "a kind that is none": "\x78\x9c\x07",
		"a length that is not": "\x78\x9c\x01\x01\x00\x00\x00a", "codes within codes": "\x78\x9c\x05\xc0\xff\xff\xff\xff\xff",
	} {
		if _, err := skipped([]byte(stream+strings.Repeat("\xff", 20)), 1, false); err != errBroken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSkip: whatever the standard library inflates ends for both at the same place.
func FuzzSkip(f *testing.F) {
	for _, text := range inflatable() {
		text = text[:min(len(text), 2000)]
		f.Add(deflated(f, zlib.BestCompression, text))
		f.Add(deflated(f, zlib.HuffmanOnly, text))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		n, err := skipped(stream, 1<<20, false)
		if m, other := skipped(stream, 1<<20, true); m != n || (other == nil) != (err == nil) {
			t.Fatalf("whole %d, %v; by bytes %d, %v", n, err, m, other)
		}
		if n > len(stream) {
			t.Fatalf("%d of %d bytes", n, len(stream))
		}
		rest := bytes.NewReader(stream)
		z, err := zlib.NewReader(rest)
		if err != nil {
			return
		}
		size, err := io.Copy(io.Discard, io.LimitReader(z, 1<<22))
		if err != nil || size == 1<<22 {
			return
		}
		if n, err := skipped(stream, uint64(size), false); err != nil || n != len(stream)-rest.Len() {
			t.Fatalf("%d of %d bytes, %v", n, len(stream)-rest.Len(), err)
		}
	})
}
