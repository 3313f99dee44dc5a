package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// TestBulkGivesWhatCame: every byte in its order, then what the connection ended with, at any sizes of its pieces and of ours.
func TestBulkGivesWhatCame(t *testing.T) {
	want := make([]byte, bulkLong+3*bulkLarge+77)
	rand.NewChaCha8([32]byte{}).Read(want)
	for _, piece := range []int{1 << 10, 16<<10 + 5, bulkPiece, 3 * bulkPiece} {
		for _, write := range []int{16<<10 - 1, 2 * bulkPiece} {
			a, b := tcpPair(t)
			go func() {
				for rest := want; len(rest) > 0; {
					n, _ := a.Write(rest[:min(len(rest), write)])
					rest = rest[n:]
				}
				a.Close()
			}()
			c := &bulk{Conn: b}
			var got []byte
			var err error
			for buf := make([]byte, piece); err == nil; {
				var n int
				n, err = c.Read(buf)
				got = append(got, buf[:n]...)
			}
			if err != io.EOF || !bytes.Equal(got, want) {
				t.Fatalf("pieces of %d and %d: %d bytes of %d, %v", piece, write, len(got), len(want), err)
			}
			if c.Read(make([]byte, 1)); c.piece != nil {
				t.Error("the piece is kept for nothing")
			}
		}
	}
}

// TestPiecesAreBounded: there are so many of each size and no more; what is lost with a connection makes room for another.
func TestPiecesAreBounded(t *testing.T) {
	s := newPieces()
	large := func(b *[]byte) bool { return cap(*b) >= bulkLarge }
	var held []*[]byte // what nobody holds counts no more, as soon as it is collected
	for n := range mostLarge + mostSmall {
		b := s.get(true)
		if b == nil || large(b) != (n < mostLarge) {
			t.Fatalf("piece %d is large, or not, or none", n)
		}
		held = append(held, b)
	}
	for _, long := range []bool{false, true} {
		if s.get(long) != nil {
			t.Fatal("there are more pieces than there may be")
		}
	}
	runtime.KeepAlive(held)
	s.put(nil)
	for deadline := time.Now().Add(patience); s.large.made.Load()+s.small.made.Load() > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("%d large pieces and %d others are kept by nobody", s.large.made.Load(), s.small.made.Load())
		}
	}
	b := s.get(true)
	if s.put(b); !large(b) || s.large.made.Load() != 1 {
		t.Errorf("%d bytes, %d large pieces", cap(*b), s.large.made.Load())
	}
}

// allPieces takes those that there are, until what it returns is called.
func allPieces() (back func()) {
	var all []*[]byte
	for b := pieces.get(true); b != nil; b = pieces.get(true) {
		all = append(all, b)
	}
	return func() {
		for _, b := range all {
			pieces.put(b)
		}
	}
}

// havePieces waits until what earlier tests lost has been collected.
func havePieces(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; runtime.GC() {
		if b := pieces.get(false); b != nil {
			pieces.put(b)
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no piece is left")
		}
	}
}

// TestBulkWithoutPieces: where none is to be had, everything passes as it comes.
func TestBulkWithoutPieces(t *testing.T) {
	defer allPieces()()
	from, feed := tcpPair(t)
	to, end := tcpPair(t)
	in, out := &bulk{Conn: from}, &bulk{Conn: to}
	want := bytes.Repeat([]byte("0123456789abcdef"), bulkLong/8)
	go func() { feed.Write(want); feed.Close() }()
	go func() {
		out.hold(in)
		io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 16<<10))
		if out.release(in); in.piece != nil || out.held != nil {
			t.Error("it has a piece")
		}
		to.Close()
	}()
	if got, err := io.ReadAll(end); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err == nil {
		b, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// TestBulkHoldsBack: what is written leaves in one piece, as soon as the connection that it is read from has no more; and
// an error of that is told.
func TestBulkHoldsBack(t *testing.T) {
	havePieces(t)
	a, b := net.Pipe()
	defer b.Close()
	from, feed := net.Pipe()
	for _, c := range []net.Conn{a, b, from, feed} {
		c.SetDeadline(time.Now().Add(patience))
	}
	c, src := &bulk{Conn: a}, &bulk{Conn: from}
	if err := c.release(nil); err != nil {
		t.Fatalf("release without hold: %v", err)
	}
	came := func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		if n, _ := b.Read(buf); string(buf[:n]) != want {
			t.Errorf("%q came, want %q", buf[:n], want)
		}
	}
	c.hold(src)
	c.Write([]byte("one "))
	c.Write([]byte("piece"))
	go src.Read(make([]byte, 9))
	came("one piece")
	feed.Write([]byte("more"))
	c.Write([]byte("the end"))
	done := make(chan error)
	go func() { done <- c.release(src) }()
	came("the end")
	if err := <-done; err != nil || src.behind.Load() != nil {
		t.Error(err, src.behind.Load())
	}
	go c.Write([]byte("straight"))
	came("straight")

	c.hold(src)
	c.Write([]byte("into nowhere"))
	a.Close()
	c.flush()
	if _, err := c.Write([]byte("more")); err == nil {
		t.Error("a write does not tell that the connection had gone")
	}
	if err := c.release(src); err == nil {
		t.Error("release does not tell that the connection had gone")
	}
}

// TestBulkBelowTLS: records that are held back are whole when they leave, also where another goroutine closes meanwhile.
func TestBulkBelowTLS(t *testing.T) {
	ca, err := NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf("example.com") }}
	for range 20 {
		a, b := net.Pipe()
		c := &bulk{Conn: a}
		server, client := tls.Server(c, cfg), tls.Client(b, &tls.Config{InsecureSkipVerify: true})
		want := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
		go func() {
			c.hold(nil)
			go server.Close()
			server.Write(want)
			c.release(nil)
			server.Close()
		}()
		got, _ := io.ReadAll(client)
		if len(got) > 0 && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came that were not sent", len(got))
		}
	}
}

// TestLongBodiesAreNotHeldBack: what comes after a long time of more leaves at once, in both directions, whether the length of the body
// is known or not.
func TestLongBodiesAreNotHeldBack(t *testing.T) {
	const long, words = 10*bulkPiece + 7, 5
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.ContentLength >= 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(q.ContentLength, 10))
		}
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		for buf := make([]byte, 32<<10); ; {
			n, err := q.Body.Read(buf)
			w.Write(buf[:n])
			if rc.Flush(); err != nil {
				return
			}
		}
	}, rigOptions{http1: true})
	for _, length := range []int64{-1, long + words*100} {
		body, feed := io.Pipe()
		req, _ := http.NewRequest("POST", "https://api.example.com/any/x", body)
		req.ContentLength = length
		go feed.Write(bytes.Repeat([]byte("\n"), long))
		resp, err := r.client(false).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, long)); err != nil {
			t.Fatal(err)
		}
		for i := range words {
			word := fmt.Sprintf("%98d\n\n", i)
			go io.WriteString(feed, word)
			got := make([]byte, len(word))
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != word {
				t.Fatalf("%d bytes: %q, %v", length, got, err)
			}
		}
		feed.Close()
		if _, err := resp.Body.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%d bytes: %v at the end", length, err)
		}
		resp.Body.Close()
	}
}
