package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Origin answers each request over HTTP/2 with what answer writes, once its header block is there, and plays every host of the rig.
func h2Origin(t *testing.T, r *rig, answer func(f *http2.Framer, stream uint32, path string)) {
	t.Helper()
	h2Frames(t, r, func(f *http2.Framer, frame http2.Frame) {
		if head, ok := frame.(*http2.MetaHeadersFrame); ok {
			answer(f, head.StreamID, head.PseudoValue("path"))
		}
	})
}

// h2Frames gives what comes over HTTP/2 to take, frame by frame.
func h2Frames(t *testing.T, r *rig, take func(f *http2.Framer, frame http2.Frame)) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: r.origin.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(c net.Conn) {
		defer c.Close()
		io.ReadFull(c, make([]byte, len(http2.ClientPreface)))
		f := http2.NewFramer(c, c)
		f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if head, ok := frame.(*http2.SettingsFrame); ok && !head.IsAck() {
				f.WriteSettingsAck()
			}
			if err != nil {
				return
			}
			take(f, frame)
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(r.origin.Certificate())
	up, err := NewUpstream(UpstreamConfig{Roots: roots, Resolve: map[string]string{"api.example.com:443": l.Addr().String(), "other.example.com:443": r.origin.Listener.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.Upstream, r.proxy.forward.Transport = up, up
}

// h2Head writes the header block of an answer.
func h2Head(f *http2.Framer, stream uint32, status string) {
	var block bytes.Buffer
	hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: status})
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
}

// An upstream that gives a stream more credit than there can be ends its own connection, and stops neither other hosts nor the end of
// the run.
func TestTooMuchCredit(t *testing.T) {
	for name, give := range map[string]func(f *http2.Framer, stream uint32){
		"by updates": func(f *http2.Framer, stream uint32) {
			f.WriteWindowUpdate(stream, math.MaxInt32-65535)
			f.WriteWindowUpdate(stream, math.MaxInt32)
		},
		"by settings": func(f *http2.Framer, stream uint32) {
			f.WriteWindowUpdate(stream, math.MaxInt32-65535)
			f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: math.MaxInt32})
		},
		"at its end": func(f *http2.Framer, stream uint32) {
			f.WriteRSTStream(stream, http2.ErrCodeNo)
			f.WriteWindowUpdate(stream, math.MaxInt32)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, echoAuth, rigOptions{})
			h2Origin(t, r, func(f *http2.Framer, stream uint32, _ string) { give(f, stream) })
			if a := r.with(r.client(true), "POST", "https://api.example.com/any/x", strings.Repeat("x", 100<<10)); a.StatusCode != 502 {
				t.Errorf("%s", a.Status)
			}
			if a := r.with(r.client(true), "POST", "https://other.example.com/x", strings.Repeat("x", 3<<20)); a.StatusCode != 200 {
				t.Errorf("another host: %s", a.Status)
			}
		})
	}
}

// Credit for a request without a body, or for none, is of no use to anybody and harmless.
func TestIdleCredit(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	h2Origin(t, r, func(f *http2.Framer, stream uint32, _ string) {
		for _, of := range []uint32{stream, stream + 2, stream, 0} {
			f.WriteWindowUpdate(of, 1<<30)
		}
		h2Head(f, stream, "200")
		f.WriteData(stream, true, []byte("ok"))
	})
	if a := r.with(r.client(true), "GET", "https://api.example.com/any/x", ""); a.StatusCode != 200 || a.body != "ok" {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// What holds the way out up does not hold up the end of the run.
func TestCloseIsBounded(t *testing.T) {
	r := newRig(t, echoAuth, rigOptions{})
	if a := r.do("GET", "https://api.example.com/any/x", ""); a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	w, _ := r.proxy.Upstream.ways()
	w.h0.mu.Lock()
	defer w.h0.mu.Unlock()
	done := make(chan struct{})
	go func() { r.proxy.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("Close waits for ever")
	}
}

// net/http keeps a buffer for each body that is as long as a frame may be.
func TestFramesOfUploadsAreBounded(t *testing.T) {
	var told bytes.Buffer
	const streams = 77
	http2.NewFramer(&told, nil).WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 23}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: streams})
	frame, err := http2.NewFramer(nil, &creditConn{r: bufio.NewReader(&told), credit: map[uint32]int64{}}).ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	size, _ := frame.(*http2.SettingsFrame).Value(http2.SettingMaxFrameSize)
	if n, _ := frame.(*http2.SettingsFrame).Value(http2.SettingMaxConcurrentStreams); size != maxFrame || n != streams {
		t.Errorf("frames of %d bytes, %d streams", size, n)
	}
}
