package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"agentguard/policy/action"
)

// ahead is a body and what of it has been read before it is sent: the head in memory, the rest on disk, each within what all
// bodies together may take.
type ahead struct {
	src      *ownBody
	length   int64 // of src; -1 if unknown
	deadline func(time.Time) error

	head   []byte
	spool  *spool // behind the head, where that got too long
	end    error  // what src ended with, once it has been read to its end
	memory *budget
	taken  int64 // of memory
	disk   *budget
	dir    string // of the spool; if "", the system's temporary directory
	most   int64  // that is held, in bytes
}

// ownBody is the body as net/http gives it.
type ownBody struct {
	io.ReadCloser
	ended atomic.Bool // its end has been read, by whoever reads it
}

func (b *ownBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.ended.Store(true)
	}
	return n, err
}

// fill reads ahead until max bytes are there or the body has ended, which may take no longer than a header may.
func (a *ahead) fill(max int64) {
	if int64(len(a.head)) >= max || a.end != nil || a.spool != nil {
		return
	}
	if a.length >= 0 {
		max = min(max, a.length+1)
	}
	a.patiently(func() {
		for a.reserve(max) && int64(len(a.head)) < max && a.end == nil {
			a.grow(max)
		}
	})
}

// reserve takes the memory for max bytes of head from the budget.
func (a *ahead) reserve(max int64) bool {
	if need := max - a.taken; max > freeAhead && need > 0 {
		if !a.memory.take(need, headerTimeout) {
			a.end = errBusy
			return false
		}
		a.taken = max
	}
	return true
}

// grow reads once, so that the head has at most max bytes.
func (a *ahead) grow(max int64) {
	if len(a.head) == cap(a.head) {
		a.head = append(a.head, 0)[:len(a.head)]
	}
	room := a.head[len(a.head):min(int64(cap(a.head)), max)]
	n, err := a.src.Read(room)
	a.head, a.end = a.head[:len(a.head)+n], err
}

// freeAhead is how much of each body may be read ahead outside the budget, in bytes.
const freeAhead = 16 << 10

// errBusy says that the exchanges under way hold back as much as they may.
var errBusy = errors.New("too many bodies are being read at once; try again")

// aheadReader reads a body from its beginning, before it is sent.
type aheadReader struct {
	*ahead
	at int64
}

func (r *aheadReader) Read(p []byte) (int, error) {
	for {
		if n, err := r.held(p, r.at); n > 0 || err != nil {
			r.at += int64(n)
			return n, err
		}
		if err := r.hold(); err != nil {
			return 0, err
		}
	}
}

// held copies what is held from an offset on; nothing where that ends.
func (a *ahead) held(p []byte, at int64) (int, error) {
	if at < int64(len(a.head)) {
		return copy(p, a.head[at:]), nil
	}
	if a.spool == nil {
		return 0, nil
	}
	at -= int64(len(a.head))
	return a.spool.read(p, at)
}

// hold reads a piece more of the body.
func (a *ahead) hold() error {
	switch {
	case a.end == io.EOF:
		return io.EOF
	case a.end != nil:
		return fmt.Errorf("the body broke off: %w", a.end)
	case a.spool == nil && len(a.head) <= maxBody:
		if a.reserve(maxBody + 1) {
			a.patiently(func() { a.grow(maxBody + 1) })
		}
		return nil
	case a.spool == nil:
		if err := a.openSpool(); err != nil {
			return err
		}
	case int64(len(a.head))+a.spool.size >= a.most:
		return action.ErrHeld
	}
	a.patiently(func() { a.end = a.spool.add(a.src) })
	return nil
}

// patiently bounds how long read may wait for the child, which may take its time, but not stop.
func (a *ahead) patiently(read func()) {
	if a.deadline != nil {
		a.deadline(time.Now().Add(headerTimeout))
		defer a.deadline(time.Time{})
	}
	read()
}

func (a *ahead) openSpool() error {
	if !a.disk.take(maxSpool, headerTimeout) {
		return errBusy
	}
	f, err := os.CreateTemp(a.dir, "agentguard-body-")
	if err != nil {
		a.disk.give(maxSpool)
		return fmt.Errorf("hold the body back: %w", err)
	}
	os.Remove(f.Name()) // Windows refuses, and removes it in close
	a.spool = &spool{file: f, disk: a.disk, buf: make([]byte, copyBuffer)}
	return nil
}

// free gives back what is held.
func (a *ahead) free() {
	a.spool.close()
	a.memory.give(a.taken)
}
