package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestWireIsAConnection: what package net promises of one holds where the system calls are ours: order, deadlines, ends, and errors
// that say what they were.
func TestWireIsAConnection(t *testing.T) {
	a, b := tcpPair(t)
	w := newWire(a)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // more than the buffers between hold
	go func() {
		n, err := w.Write(sent)
		if n != len(sent) || err != nil {
			t.Errorf("wrote %d of %d: %v", n, len(sent), err)
		}
		w.CloseWrite()
	}()
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d came: %v", len(got), len(sent), err)
	}

	buf := make([]byte, 10)
	w.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := w.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || !isTimeout(err) {
		t.Errorf("after the deadline: %v", err)
	}
	w.SetReadDeadline(time.Time{})
	go b.Write([]byte("words"))
	if n, err := w.Read(buf); string(buf[:n]) != "words" || err != nil {
		t.Errorf("%q, %v", buf[:n], err)
	}
	b.(*net.TCPConn).SetLinger(0)
	b.Close()
	var op *net.OpError
	if _, err := w.Read(buf); !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "read" {
		t.Errorf("after a reset: %v", err)
	}
	w.Close()
	if _, err := w.Read(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := w.Write(buf); !errors.Is(err, net.ErrClosed) || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("after Close: %v", err)
	}
}

// TestWireWriteTimesOut: a peer that reads nothing is waited for until the deadline, and what went says so.
func TestWireWriteTimesOut(t *testing.T) {
	a, b := tcpPair(t)
	w, long := newWire(a), make([]byte, 64<<20)
	go func() {
		io.ReadFull(b, make([]byte, 1)) // some of it has gone
		w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	}()
	n, err := w.Write(long)
	if n <= 0 || n >= 64<<20 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestWireCloseWakes: who waits for a connection is told that it is closed.
func TestWireCloseWakes(t *testing.T) {
	a, _ := tcpPair(t)
	w := newWire(a)
	read, written := make(chan error), make(chan error)
	go func() { _, err := w.Read(make([]byte, 1)); read <- err }()
	go func() { _, err := w.Write(make([]byte, 64<<20)); written <- err }()
	time.Sleep(20 * time.Millisecond)
	w.Close()
	for _, c := range []chan error{read, written} {
		if err := <-c; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
