package proxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// unread is a client that takes next to nothing of the answers that it asks for.
func (r *rig) unread() *http.Client {
	c := r.client(true)
	c.Timeout = 0
	c.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 10}
	return c
}

// TestUnreadAnswersShareARoom: an upstream may send no more ahead of a child that reads nothing than the first windows and the room of
// the run hold, while who reads gets all of what it asked for; and at the end all has been given back.
func TestUnreadAnswersShareARoom(t *testing.T) {
	const streams, long = 120, 6 << 20
	var credit atomic.Int64 // that the streams have ever been given
	var initial atomic.Uint32
	stop := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { w.Write(make([]byte, long)) }, rigOptions{})
	h2Frames(t, r, func(f *http2.Framer, frame http2.Frame) {
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if n, told := frame.Value(http2.SettingInitialWindowSize); told {
				initial.Store(n)
			}
		case *http2.WindowUpdateFrame:
			if frame.StreamID != 0 {
				credit.Add(int64(frame.Increment))
			}
		case *http2.MetaHeadersFrame:
			credit.Add(int64(initial.Load()))
			h2Head(f, frame.StreamID, "200")
			for sent := 0; sent < firstWindow; sent += 8 << 10 {
				f.WriteData(frame.StreamID, false, make([]byte, 8<<10))
			}
		}
	})
	var open sync.WaitGroup
	for range 5 {
		c := r.unread()
		for range streams / 5 {
			open.Go(func() {
				resp, err := c.Get("https://api.example.com/any/x")
				if err != nil {
					t.Error(err)
					return
				}
				go func() { <-stop; resp.Body.Close() }()
			})
		}
	}
	open.Wait()
	room := &r.proxy.Upstream.answers
	const most = streams*firstWindow + maxAnswers
	if n, given := credit.Load(), room.given.Load(); n > most || n < streams*firstWindow || given > maxAnswers || given < usualWindow-firstWindow {
		t.Errorf("%d bytes may come, %d of the room are given", n, given)
	}
	resp, err := r.client(true).Get("https://other.example.com/any/x")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != long || err != nil {
		t.Errorf("who reads got %d bytes, %v", n, err)
	}
	if n := room.given.Load() + room.waits.Load(); n > most {
		t.Errorf("%d bytes may wait", n)
	}
	close(stop)
	for deadline := time.Now().Add(patience); room.given.Load() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes were not given back", room.given.Load())
		}
	}
	r.proxy.Close()
	for deadline := time.Now().Add(patience); room.waits.Load() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes wait for nobody", room.waits.Load())
		}
	}
}

// TestAnswerWindowsGrow: by being read, to what net/http believes them to be, and as far as there is room.
func TestAnswerWindowsGrow(t *testing.T) {
	var room answerRoom
	w := answerWindows{all: &room, of: map[uint32]answerWindow{}}
	w.read(0, 1<<30) // the connection's own, at its beginning
	size := firstWindow + w.begin(1)
	if size != usualWindow {
		t.Errorf("begins with %d bytes", size)
	}
	for range 100 {
		if !w.comes(1, size) {
			t.Fatal("what there is credit for may not come")
		}
		w.read(0, size)
		size += w.read(1, size)
	}
	if size != streamBuffer || room.given.Load() != streamBuffer-firstWindow || room.waits.Load() != 0 {
		t.Errorf("grew to %d bytes, %d of the room, %d wait", size, room.given.Load(), room.waits.Load())
	}
	if w.begin(1) != 0 {
		t.Error("a trailer begins a stream")
	}
	n := uint32(3)
	for ; w.begin(n) > 0; n += 2 {
	}
	if given := room.given.Load(); given > maxAnswers/2 || w.of[n].left != firstWindow {
		t.Errorf("%d bytes are given, the last has %d", given, w.of[n].left)
	}
	grew := false
	for ; room.given.Load() < maxAnswers && n < 1000; n += 2 {
		w.begin(n)
		grew = w.read(n, firstWindow) > 0 || grew
	}
	if room.given.Load() > maxAnswers || !grew {
		t.Errorf("%d bytes are given; grew: %v", room.given.Load(), grew)
	}
	if w.comes(n-2, streamBuffer) {
		t.Error("more may come than there is credit for")
	}
	if w.close(); room.given.Load() != 0 || room.waits.Load() != 0 {
		t.Errorf("%d bytes are given, %d wait", room.given.Load(), room.waits.Load())
	}
}

// TestMoreThanCredit: an upstream that sends more of an answer than it may ends its own connection.
func TestMoreThanCredit(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	ended := make(chan error, 1)
	h2Origin(t, r, func(f *http2.Framer, stream uint32, _ string) {
		h2Head(f, stream, "200")
		for sent := 0; sent < usualWindow+2*copyBuffer; sent += 16 << 10 { // the child's end takes a buffer of it
			f.WriteData(stream, false, make([]byte, 16<<10))
		}
		for {
			if _, err := f.ReadFrame(); err != nil {
				ended <- err
				return
			}
		}
	})
	if resp, err := r.unread().Get("https://api.example.com/any/x"); err == nil {
		defer resp.Body.Close()
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("it may go on")
	}
	if a := r.with(r.client(true), "GET", "https://other.example.com/x", ""); a.StatusCode != 200 {
		t.Errorf("another host: %s", a.Status)
	}
}

// TestLongBuffersAreBounded: so many are in use at once.
func TestLongBuffersAreBounded(t *testing.T) {
	var b buffers
	var taken [][]byte
	for n := range 2 * mostLong {
		x := b.Get()
		if (len(x) == copyBuffer) != (n < mostLong) {
			t.Fatalf("buffer %d has %d bytes", n, len(x))
		}
		taken = append(taken, x)
	}
	for _, x := range taken {
		b.Put(x)
	}
	if x := b.Get(); len(x) != copyBuffer || b.taken.Load() != 1 {
		t.Errorf("%d bytes, %d taken", len(x), b.taken.Load())
	}
}

// TestHintsHoldUpNoOther: what comes ahead of the answer to a child that reads nothing holds up no other answer of its connection.
func TestHintsHoldUpNoOther(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	enc.WriteField(hpack.HeaderField{Name: ":status", Value: "103"})
	enc.WriteField(hpack.HeaderField{Name: "link", Value: strings.Repeat("x", 12<<10), Sensitive: true})
	conns, hinted := map[*http2.Framer]bool{}, make(chan struct{})
	h2Origin(t, r, func(f *http2.Framer, stream uint32, path string) {
		if conns[f] = true; path != "/any/hints" {
			h2Head(f, stream, "200")
			f.WriteData(stream, true, []byte("ok"))
			return
		}
		for range 2000 { // more than what is between can take
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
		}
		close(hinted)
	})
	_, c, _ := r.raw("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n{auth}\r\n")
	tc := tls.Client(c, &tls.Config{RootCAs: r.caPool(), ServerName: "api.example.com", NextProtos: []string{"h2"}})
	defer tc.Close()
	var asks bytes.Buffer
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/any/hints"}, {":authority", "api.example.com"}} {
		hpack.NewEncoder(&asks).WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	io.WriteString(tc, http2.ClientPreface)
	framer := http2.NewFramer(tc, tc)
	framer.WriteSettings()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: asks.Bytes(), EndStream: true, EndHeaders: true})
	select {
	case <-hinted:
	case <-time.After(patience):
		t.Fatal("nobody reads the hints")
	}
	if a := r.with(r.client(true), "GET", "https://api.example.com/any/x", ""); a.StatusCode != 200 || a.body != "ok" || len(conns) != 1 {
		t.Errorf("%s %q, over %d connections", a.Status, a.body, len(conns))
	}
}
