package proxy

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"crypto/sha256"

	"agentguard/policy/action"
)

func newPeeked(t *testing.T, body io.Reader, encoding ...string) *peekedBody {
	return &peekedBody{ahead: ahead{src: &ownBody{ReadCloser: io.NopCloser(body)}, length: -1, dir: t.TempDir(), most: maxSpool}, encoding: encoding, sum: sha256.New()}
}

// What is looked at as a whole, from memory or from a file, is sent as it came, and leaves nothing behind.
func TestHeldBackBodyIsSentAsItCame(t *testing.T) {
	for _, size := range []int{0, 1, maxBody, maxBody + 1, maxBody + 2, 5 << 20} {
		want := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		b := newPeeked(t, iotest.HalfReader(bytes.NewReader(want)))
		b.peek(100)
		for range 2 {
			r, err := b.stream()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes: %d were seen, %v", size, len(got), err)
			}
			r.Close()
		}
		if onDisk := b.spool != nil; onDisk != (size > maxBody) {
			t.Errorf("%d bytes: on disk %v", size, onDisk)
		}
		if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d were sent, %v", size, len(got), err)
		}
		var ex Exchange
		b.finish(&ex)
		if left, _ := os.ReadDir(b.dir); len(left) > 0 || ex.Sent != int64(size) {
			t.Errorf("%d bytes: %v is left, %d recorded", size, left, ex.Sent)
		}
	}
}

func TestHeldBackBodyThatCannotBeReadWhole(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(strings.Repeat("x", 2<<20)), iotest.ErrReader(errors.New("the child went away")))
	if err := readStream(newPeeked(t, broken)); err == nil || !strings.Contains(err.Error(), "went away") {
		t.Error(err)
	}
	b := newPeeked(t, strings.NewReader(strings.Repeat("x", 2<<20)))
	b.dir = filepath.Join(t.TempDir(), "missing")
	if err := readStream(b); err == nil {
		t.Error("a body was held back nowhere")
	}
	b = newPeeked(t, io.LimitReader(zeros{}, 9<<20))
	b.most = 4 << 20
	if err := readStream(b); !errors.Is(err, action.ErrHeld) {
		t.Error(err)
	}
	if n, err := io.Copy(io.Discard, b); n != 9<<20 || err != nil {
		t.Errorf("%d bytes were sent of what was held in part, %v", n, err)
	}
}

func readStream(b *peekedBody) error {
	r, err := b.stream()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestHeldBackBodyIsDecoded(t *testing.T) {
	want := bytes.Repeat([]byte("a line of text\n"), 300<<10)
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.NoCompression)
	w.Write(want)
	w.Close()
	raw := bytes.Clone(z.Bytes())
	b := newPeeked(t, &z, "gzip")
	r, err := b.stream()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Error(len(got), err)
	}
	if got, _ := io.ReadAll(b); !bytes.Equal(got, raw) {
		t.Error("something else was sent")
	}
}

// TestSentBodiesAreLetGo: what was held back of a body and has been sent is in no other's way while its answer goes on.
func TestSentBodiesAreLetGo(t *testing.T) {
	end := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n, _ := io.Copy(io.Discard, q.Body)
		w.Header().Set("X-Came", strconv.FormatInt(n, 10))
		http.NewResponseController(w).Flush()
		<-end
	}, rigOptions{})
	defer close(end)
	r.proxy.memory = newBudget(maxBody + 1)
	body := `{"a": "` + strings.Repeat("x", 100<<10) + `"}`
	for _, h2 := range []bool{false, true, false} {
		req, _ := http.NewRequest("POST", "https://api.example.com/items", struct{ io.Reader }{strings.NewReader(body)}) // of unknown length
		req.Header.Set("Content-Type", "application/json")
		resp, err := r.client(h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if n := resp.Header.Get("X-Came"); n != strconv.Itoa(len(body)) {
			t.Fatalf("%s, %s bytes came", resp.Status, n)
		}
		if n := r.proxy.memory.left(); n != maxBody+1 {
			t.Errorf("%d bytes are left", n)
		}
	}
}

// TestSentFilesAreLetGo: nor does it keep its place on the disk.
func TestSentFilesAreLetGo(t *testing.T) {
	sent := bytes.Repeat([]byte("x"), maxBody+2*copyBuffer)
	b := newPeeked(t, bytes.NewReader(sent))
	b.disk = newBudget(maxSpool)
	plain, err := b.stream()
	if err == nil {
		_, err = io.Copy(io.Discard, plain)
	}
	if err != nil || b.disk.left() != 0 {
		t.Fatal("it was not held back:", err)
	}
	if got, err := io.ReadAll(b); !bytes.Equal(got, sent) || err != nil {
		t.Errorf("%d bytes were sent, %v", len(got), err)
	}
	if n := b.disk.left(); n != maxSpool {
		t.Errorf("%d bytes are left", n)
	}
	var ex Exchange
	if b.finish(&ex); b.disk.left() != maxSpool || ex.Sent != int64(len(sent)) {
		t.Errorf("%d bytes are left, %d were sent", b.disk.left(), ex.Sent)
	}
}

func TestHeldBackBodiesShareABudget(t *testing.T) {
	memory := newBudget(3 << 20)
	open := func() *peekedBody {
		b := newPeeked(t, io.LimitReader(zeros{}, 1<<20))
		b.memory, b.length = memory, -1
		return b
	}
	first, second := open(), open()
	for _, b := range []*peekedBody{first, second} {
		if _, err := b.whole(maxBody); err != nil {
			t.Fatal(err)
		}
	}
	third, done := open(), make(chan error)
	go func() { _, err := third.whole(maxBody); done <- err }()
	select {
	case err := <-done:
		t.Fatal("a third body was read beside two:", err)
	case <-time.After(50 * time.Millisecond):
	}
	var ex Exchange
	first.finish(&ex)
	if err := <-done; err != nil {
		t.Error(err)
	}
	second.finish(&ex)
	third.finish(&ex)
	if memory.free != 3<<20 {
		t.Errorf("%d bytes came back", memory.free)
	}
	if memory.take(4<<20, time.Millisecond) {
		t.Error("more was taken than there is")
	}
}
