package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/iotest"
)

// rest is a body whose Close is seen.
type rest struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (r *rest) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}

func restOf(r io.Reader) *rest { return &rest{Reader: r, closed: make(chan struct{})} }

// TestPrefetchGivesWhatCame: every byte in its order, then what the source ended with, at any sizes of its pieces and of ours.
func TestPrefetchGivesWhatCame(t *testing.T) {
	want := make([]byte, prefetchAfter+5*prefetchRoom/2+77)
	rand.NewChaCha8([32]byte{}).Read(want)
	broken := errors.New("broken")
	for _, piece := range []int{1 << 10, 16 << 10, prefetchRoom - 1, 3 * prefetchRoom} {
		for _, end := range []error{io.EOF, broken} {
			src := restOf(io.MultiReader(sized{bytes.NewReader(want), 16 << 10}, iotest.ErrReader(end)))
			body := prefetched(src, 1, -1)
			var got []byte
			var err error
			for buf := make([]byte, piece); err == nil; {
				var n int
				n, err = body.Read(buf)
				got = append(got, buf[:n]...)
			}
			if err != end || !bytes.Equal(got, want) {
				t.Fatalf("pieces of %d: %d bytes of %d, %v, want %v", piece, len(got), len(want), err, end)
			}
			if _, err := body.Read(make([]byte, 1)); err != end {
				t.Fatalf("after the end: %v, want %v again", err, end)
			}
			body.Close()
			<-src.closed
		}
	}
}

// sized reads at most n bytes at once.
type sized struct {
	io.Reader
	n int
}

func (s sized) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), s.n)]) }

// TestPrefetchDoesNotWait: what has come is given before more comes, and Close ends a Read that waits for more.
func TestPrefetchDoesNotWait(t *testing.T) {
	from, to := io.Pipe()
	body := prefetched(from, 1, -1)
	go to.Write(make([]byte, prefetchAfter))
	if _, err := io.ReadFull(body, make([]byte, prefetchAfter)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for _, word := range []string{"one", "another"} {
		go to.Write([]byte(word))
		if n, err := io.ReadFull(body, buf[:len(word)]); err != nil || string(buf[:n]) != word {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
	waits := make(chan error)
	go func() {
		_, err := body.Read(buf)
		waits <- err
	}()
	body.Close()
	if err := <-waits; err == nil {
		t.Fatal("a body that was closed gave something")
	}
}

// TestPrefetchIsBounded: of a source without end no more is read than the ring has room for.
func TestPrefetchIsBounded(t *testing.T) {
	from, to := io.Pipe()
	sent := make(chan int)
	go func() {
		n := 0
		for {
			k, err := to.Write(make([]byte, 1<<10))
			if n += k; err != nil {
				sent <- n
				return
			}
		}
	}()
	body := prefetched(from, 1, -1)
	io.ReadFull(body, make([]byte, prefetchAfter+1))
	f := body.(*prefetch)
	f.mu.Lock()
	for f.put-f.taken < prefetchRoom {
		f.moved.Wait()
	}
	f.mu.Unlock()
	body.Close()
	if n, most := <-sent, prefetchAfter+1+prefetchRoom+(1<<10); n > most {
		t.Errorf("%d bytes were taken, want at most %d", n, most)
	}
}

// TestShortBodiesAreNotPrefetched: they are what they were.
func TestShortBodiesAreNotPrefetched(t *testing.T) {
	src := restOf(bytes.NewReader(nil))
	for _, c := range []struct {
		proto  int
		length int64
	}{{1, 0}, {1, prefetchAfter}, {2, -1}, {2, 1 << 30}} {
		if got := prefetched(src, c.proto, c.length); got != io.ReadCloser(src) {
			t.Errorf("HTTP/%d, %d bytes: %T", c.proto, c.length, got)
		}
	}
}

// TestCork: what is written while it is on leaves in one piece when it is off, and an error of that is told.
func TestCork(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	c := &cork{Conn: a}
	if err := c.off(); err != nil {
		t.Fatalf("off without on: %v", err)
	}
	c.on()
	c.Write([]byte("one "))
	c.Write([]byte("piece"))
	done := make(chan error)
	go func() { done <- c.off() }()
	buf := make([]byte, 100)
	if n, _ := b.Read(buf); string(buf[:n]) != "one piece" {
		t.Errorf("%q came, want one piece", buf[:n])
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	go c.Write([]byte("straight"))
	if n, _ := b.Read(buf); string(buf[:n]) != "straight" {
		t.Errorf("%q came after off", buf[:n])
	}
	c.on()
	c.Write(make([]byte, 4*copyBuffer))
	a.Close()
	if err := c.off(); err == nil {
		t.Error("nobody was told that the connection had gone")
	}
}

// TestCorkBelowTLS: records that are held back are whole when they leave, also where another goroutine closes meanwhile.
func TestCorkBelowTLS(t *testing.T) {
	ca, err := NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf("example.com") }}
	for range 20 {
		a, b := net.Pipe()
		c := &cork{Conn: a}
		server, client := tls.Server(c, cfg), tls.Client(b, &tls.Config{InsecureSkipVerify: true})
		want := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
		go func() {
			c.on()
			go server.Close()
			server.Write(want)
			c.off()
			server.Close()
		}()
		got, _ := io.ReadAll(client)
		if len(got) > 0 && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came that were not sent", len(got))
		}
	}
}
