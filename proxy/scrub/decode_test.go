package scrub

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

type flusher interface {
	io.WriteCloser
	Flush() error
}

var encoders = map[string]func(io.Writer) flusher{
	"gzip":    func(w io.Writer) flusher { return gzip.NewWriter(w) },
	"x-gzip":  func(w io.Writer) flusher { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) flusher { return zlib.NewWriter(w) },
	"raw deflate": func(w io.Writer) flusher {
		f, _ := flate.NewWriter(w, 6)
		return f
	},
	"br": func(w io.Writer) flusher { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) flusher {
		z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		return z
	},
}

func named(name string) string { return strings.TrimPrefix(name, "raw ") }

func encoded(name string, p []byte) []byte {
	var b bytes.Buffer
	w := encoders[name](&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

func decoded(t *testing.T, encodings []string, p []byte) ([]byte, error) {
	t.Helper()
	r, err := Decode(encodings, bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := r.(io.Closer); ok {
		defer c.Close()
	}
	return io.ReadAll(r)
}

func TestDecode(t *testing.T) {
	text := []byte(strings.Repeat("a text, and more of it. ", 10000))
	for name := range encoders {
		body := encoded(name, text)
		if got, err := decoded(t, []string{named(name)}, body); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if got, err := decoded(t, []string{strings.ToUpper(named(name)) + " , identity"}, body); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s in capitals: %d bytes, %v", name, len(got), err)
		}
		if got, err := decoded(t, []string{named(name)}, nil); err != nil || len(got) > 0 {
			t.Errorf("%s of an empty body: %q, %v", name, got, err)
		}
		if _, err := decoded(t, []string{named(name)}, body[:len(body)/2]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, half of it: %v", name, err)
		}
		if _, err := decoded(t, []string{named(name)}, append(bytes.Clone(body), "garbage"...)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s and garbage: %v", name, err)
		}
		if _, err := decoded(t, []string{named(name)}, append(bytes.Clone(body), 'g')); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s and a byte of garbage: %v", name, err)
		}
		for cut := 1; cut < min(len(body), 300); cut++ {
			r, _ := Decode([]string{named(name)}, &chunked{text: string(body), sizes: []int{cut}})
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%s in chunks of %d: %d bytes, %v", name, cut, len(got), err)
			}
		}
	}
}

func TestStackedEncodings(t *testing.T) {
	text := []byte(strings.Repeat("text ", 1000))
	body := encoded("zstd", encoded("br", encoded("gzip", text)))
	for _, fields := range [][]string{{"gzip, br", "zstd"}, {"gzip", "br", "zstd"}, {"gzip,br ,\tzstd"}} {
		if got, err := decoded(t, fields, body); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%q: %d bytes, %v", fields, len(got), err)
		}
	}
	if _, err := decoded(t, []string{"br", "gzip", "zstd"}, body); err == nil {
		t.Error("the wrong order was taken")
	}
	for _, fields := range [][]string{{"gzip, gzip, gzip, gzip"}, {"compress"}, {"gzip", "aws-chunked"}, {"gzip;q=1"}, {"dcz"}} {
		if _, err := Decode(fields, bytes.NewReader(body)); err == nil {
			t.Errorf("%q was taken", fields)
		}
	}
	for _, fields := range [][]string{nil, {""}, {"identity"}, {" , "}} {
		r := strings.NewReader("x")
		if got, err := Decode(fields, r); err != nil || got != io.Reader(r) {
			t.Errorf("%q: %v", fields, err)
		}
	}
}

// Members of twenty bytes do not have a decoder each.
func TestManySmallMembers(t *testing.T) {
	body := bytes.Repeat(encoded("gzip", []byte("x")), 5000)
	r, _ := Decode([]string{"gzip"}, bytes.NewReader(body))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := io.Copy(io.Discard, r)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; n != 5000 || err != nil || used > 20<<20 {
		t.Errorf("%d bytes, %v, with %d MB", n, err, used>>20)
	}
}

func TestConcatenatedMembers(t *testing.T) {
	for _, name := range []string{"gzip", "zstd"} {
		two := append(encoded(name, []byte("one ")), encoded(name, []byte("two"))...)
		if got, err := decoded(t, []string{name}, two); err != nil || string(got) != "one two" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"br", "deflate", "raw deflate"} {
		two := append(encoded(name, []byte("one ")), encoded(name, []byte("two"))...)
		if _, err := decoded(t, []string{named(name)}, two); err == nil {
			t.Errorf("%s has no members, and two were taken", name)
		}
	}
}

// each event is read before the next one is written; with a member of its own, too
func TestFlushedEventsComeOutAtOnce(t *testing.T) {
	type writer struct {
		name string
		open func(io.Writer) flusher
		each bool
	}
	var list []writer
	for name, open := range encoders {
		list = append(list, writer{name, open, false})
	}
	list = append(list, writer{"gzip", encoders["gzip"], true}, writer{"zstd", encoders["zstd"], true})
	s := New(pairs())
	for _, w := range list {
		pr, pw := io.Pipe()
		src, err := Decode([]string{named(w.name)}, pr)
		if err != nil {
			t.Fatal(err)
		}
		r := s.Reader(src, nil)
		turn, done := make(chan int), make(chan error)
		go func() {
			z := w.open(pw)
			for range turn {
				io.WriteString(z, "data: "+secret+"\n\n")
				if w.each {
					z.Close()
					z = w.open(pw)
				} else {
					z.Flush()
				}
			}
			z.Close()
			pw.Close()
		}()
		want := "data: " + holder + "\n\n"
		p := make([]byte, len(want))
		for i := range 20 {
			turn <- i
			go func() {
				_, err := io.ReadFull(r, p)
				done <- err
			}()
			select {
			case err := <-done:
				if err != nil || string(p) != want {
					t.Fatalf("%s: %q, %v", w.name, p, err)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s (a member each: %v): event %d is kept", w.name, w.each, i)
			}
		}
		close(turn)
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q at the end, %v", w.name, rest, err)
		}
	}
}

// zeros gives n of them.
type zeros int64

func (z *zeros) Read(p []byte) (int, error) {
	if *z == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(*z))
	clear(p[:n])
	*z -= zeros(n)
	return int(n), nil
}

func bomb(t *testing.T, name string, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := encoders[name](&b)
	z := zeros(n)
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, &z, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

func TestBombs(t *testing.T) {
	const size = 64 << 20
	for name, cut := range map[string]bool{"gzip": false, "deflate": false, "br": true, "zstd": true} {
		body := bomb(t, name, size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, _ := Decode([]string{name}, bytes.NewReader(body))
		n, err := io.Copy(io.Discard, r)
		runtime.ReadMemStats(&after)
		switch {
		case cut && (!errors.Is(err, errBomb) || n > 40<<20):
			t.Errorf("%s: %d bytes of %d came out, %v", name, n, len(body), err)
		case !cut && (err != nil || n != size):
			t.Errorf("an honest %s: %d bytes, %v", name, n, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 48<<20 {
			t.Errorf("%s: %d MiB were allocated", name, got>>20)
		}
		twice := encoded("gzip", body)
		if n, err := io.Copy(io.Discard, must(Decode([]string{name, "gzip"}, bytes.NewReader(twice)))); !errors.Is(err, errBomb) || n > 40<<20 {
			t.Errorf("%s in gzip: %d bytes of %d came out, %v", name, n, len(twice), err)
		}
	}
}

func must(r io.Reader, err error) io.Reader {
	if err != nil {
		panic(err)
	}
	return r
}

func TestWindowsAreBounded(t *testing.T) {
	text := make([]byte, 20<<20)
	for i := range text {
		text[i] = byte(i*i>>7 ^ i>>11)
	}
	for window, ok := range map[int]bool{8 << 20: true, 16 << 20: false} {
		var b bytes.Buffer
		w, _ := zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
		w.Write(text)
		w.Close()
		got, err := decoded(t, []string{"zstd"}, b.Bytes())
		if ok != (err == nil) || ok && !bytes.Equal(got, text) {
			t.Errorf("zstd with a window of %d: %d bytes, %v", window, len(got), err)
		}
	}
	// RFC 9841's large windows are not in Content-Encoding: br
	if _, err := decoded(t, []string{"br"}, []byte{0x11, 0x1e, 0, 0, 0}); err == nil {
		t.Error("a large brotli window was taken")
	}
}

func TestNoGoroutinesAreLeft(t *testing.T) {
	text := noise(rand.New(rand.NewPCG(13, 14)), 1<<20)
	before := runtime.NumGoroutine()
	for name := range encoders {
		body := encoded(name, text)
		for range 3 {
			r, _ := Decode([]string{named(name)}, bytes.NewReader(body))
			r.Read(make([]byte, 2))
		}
	}
	for tries := 0; runtime.NumGoroutine() > before; tries++ { // some may be just ending
		if tries == 1000 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestClosedDecoder(t *testing.T) {
	for name := range encoders {
		r, _ := Decode([]string{named(name)}, bytes.NewReader(encoded(name, []byte("some text"))))
		r.Read(make([]byte, 2))
		r.(io.Closer).Close()
		if n, err := r.Read(make([]byte, 2)); n > 0 || err == nil || err == io.EOF {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		r.(io.Closer).Close()
	}
}

func FuzzDecode(f *testing.F) {
	names := []string{"gzip", "deflate", "raw deflate", "br", "zstd"}
	for i, name := range names {
		f.Add(encoded(name, []byte("some text, some text")), uint8(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		name := named(names[int(which)%len(names)])
		r, err := Decode([]string{name}, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.(io.Closer).Close()
		n, err := io.Copy(io.Discard, r)
		if n > freeGrowth+maxRatio*int64(len(body)) {
			t.Errorf("%s: %d bytes became %d", name, len(body), n)
		}
		if err == nil && len(body) > 0 && n == 0 && name == "gzip" && len(body) < 18 {
			t.Errorf("%q was taken for gzip", body)
		}
	})
}

// ledger is a Room that keeps the books.
type ledger struct {
	free  int64
	taken []int64
}

func (l *ledger) Take(n int64) bool {
	if n > l.free {
		return false
	}
	l.free -= n
	l.taken = append(l.taken, n)
	return true
}

func (l *ledger) Give(n int64) { l.free += n }

func TestWindowsHaveARoom(t *testing.T) {
	const all = 40 << 20
	text := noise(rand.New(rand.NewPCG(15, 16)), 1<<20)
	for bits := 10; bits <= 24; bits++ {
		var b bytes.Buffer
		w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: 2, LGWin: bits})
		w.Write(text[:100<<10])
		w.Close()
		for _, ends := range []func(io.Reader){
			func(r io.Reader) { io.Copy(io.Discard, r) },
			func(r io.Reader) { r.Read(make([]byte, 2)); r.(io.Closer).Close() },
		} {
			room := &ledger{free: all}
			r, err := DecodeIn(room, []string{"br"}, bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			ends(r)
			if want := int64(1) << bits; len(room.taken) != 1 || room.taken[0] != want || room.free != all {
				t.Errorf("a window of %d bits: took %v, %d are free of %d", bits, room.taken, room.free, all)
			}
		}
	}
	for name, want := range map[string]int64{"gzip": 0, "deflate": 0, "zstd": maxWindow} {
		room := &ledger{free: all}
		r, _ := DecodeIn(room, []string{name}, bytes.NewReader(encoded(name, text)[:1000])) // cut off
		if _, err := io.Copy(io.Discard, r); err == nil || all-room.free != 0 || want > 0 && (len(room.taken) != 1 || room.taken[0] != want) {
			t.Errorf("%s: took %v, %d are free of %d, %v", name, room.taken, room.free, all, err)
		}
	}
	for stack, behind := range map[string]int64{"br, br": 16 << 20, "br, zstd": 16 << 20, "br, gzip": 16 << 20, "gzip, br": 0, "zstd, gzip, br": maxWindow} {
		names := strings.Split(stack, ", ")
		body := text[:100<<10]
		for _, name := range names {
			body = encoded(name, body)
		}
		want := window(names[len(names)-1], body[0]) + behind
		for _, ends := range []func(io.Reader){
			func(r io.Reader) { io.Copy(io.Discard, r) },
			func(r io.Reader) { r.Read(make([]byte, 2)); r.(io.Closer).Close() },
		} {
			room := &ledger{free: all}
			r, _ := DecodeIn(room, []string{stack}, bytes.NewReader(body))
			ends(r)
			if len(room.taken) != 1 || room.taken[0] != want || room.free != all {
				t.Errorf("%s: took %v, not %d at once; %d are free of %d", stack, room.taken, want, room.free, all)
			}
		}
	}
	r, _ := DecodeIn(&ledger{free: maxWindow - 1}, []string{"zstd"}, bytes.NewReader(encoded("zstd", text)))
	if _, err := io.ReadAll(r); err != errNoRoom {
		t.Errorf("without room: %v", err)
	}
}
