package proxy

import (
	"io"
	"sync"
)

// How much of a body passes before it is worth a goroutine of its own, and how much of it waits to be taken, in bytes.
const (
	prefetchAfter = 1 << 20
	prefetchRoom  = 256 << 10
)

// prefetch reads a long body ahead in a goroutine of its own: it is deciphered on one core while what came before is
// scrubbed and enciphered on another, and what has come meanwhile is given in one piece. TLS alone gives a record at a
// time, 16 KiB at most (RFC 8446 section 5.1).
type prefetch struct {
	src    io.ReadCloser
	passed int // bytes, before the goroutine was started

	mu    sync.Mutex
	moved sync.Cond // put, taken, end or shut has changed
	ring  []byte    // nil: there is no goroutine yet
	put   int       // bytes put into ring so far
	taken int       // of them, by Read
	end   error     // that src said
	shut  bool
}

// prefetched is src, or src with a prefetch where that may be worth it: HTTP/2 has such a goroutine already. length is -1 if
// unknown.
func prefetched(src io.ReadCloser, protoMajor int, length int64) io.ReadCloser {
	if protoMajor != 1 || 0 <= length && length <= prefetchAfter {
		return src
	}
	f := &prefetch{src: src}
	f.moved.L = &f.mu
	return f
}

// Read gives what is there, and waits only where nothing is.
func (f *prefetch) Read(p []byte) (int, error) {
	if f.passed < prefetchAfter {
		n, err := f.src.Read(p)
		f.passed += n
		return n, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]byte, prefetchRoom)
		go f.fill()
	}
	for f.put == f.taken && f.end == nil && !f.shut {
		f.moved.Wait()
	}
	n := f.take(p)
	f.moved.Signal()
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case f.end != nil:
		return 0, f.end
	}
	return 0, io.ErrClosedPipe
}

func (f *prefetch) take(p []byte) (n int) {
	for n < len(p) && f.taken < f.put {
		from := f.taken % len(f.ring)
		k := copy(p[n:], f.ring[from:min(len(f.ring), from+f.put-f.taken)])
		n, f.taken = n+k, f.taken+k
	}
	return n
}

// fill reads src to its end. Nobody else touches the part of the ring that it reads into.
func (f *prefetch) fill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.end == nil {
		free := len(f.ring) - (f.put - f.taken)
		if f.shut {
			return
		}
		if free == 0 {
			f.moved.Wait()
			continue
		}
		from := f.put % len(f.ring)
		room := f.ring[from:min(len(f.ring), from+free)]
		f.mu.Unlock()
		n, err := f.src.Read(room)
		f.mu.Lock()
		f.put, f.end = f.put+n, err
		f.moved.Signal()
	}
}

// Close closes src, and ends the goroutine and a Read that waits.
func (f *prefetch) Close() error {
	f.mu.Lock()
	f.shut = true
	f.moved.Broadcast()
	f.mu.Unlock()
	return f.src.Close()
}
