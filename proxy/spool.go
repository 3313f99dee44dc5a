package proxy

import (
	"fmt"
	"io"
	"os"
	"time"

	"agentguard/policy/action"
	"agentguard/proxy/scrub"
)

// maxSpool is how much of a body is held back until it has been read, in bytes.
const maxSpool = 256 << 20

// spool is what is held back of a body behind its head: on disk, in a file that has no name where the system allows that.
type spool struct {
	file *os.File
	size int64
	disk *budget
	buf  []byte
}

// stream opens the decoded body at its beginning, as often as it is called before the body is sent. What is read is held
// back: the first MiB in memory, more of it in a temporary file, up to maxSpool.
func (b *peekedBody) stream() (io.ReadCloser, error) {
	raw := &ahead{b: b}
	if len(b.encoding) == 0 {
		return io.NopCloser(raw), nil
	}
	plain, err := scrub.DecodeIn(b.room, b.encoding, raw)
	if err != nil {
		return nil, err
	}
	if c, ok := plain.(io.ReadCloser); ok {
		return c, nil
	}
	return io.NopCloser(plain), nil
}

// ahead reads a body from its beginning, before it is sent.
type ahead struct {
	b  *peekedBody
	at int64
}

func (a *ahead) Read(p []byte) (int, error) {
	b := a.b
	for {
		if n, err := b.held(p, a.at); n > 0 || err != nil {
			a.at += int64(n)
			return n, err
		}
		if err := b.hold(); err != nil {
			return 0, err
		}
	}
}

// held copies what is held from an offset on; nothing where that ends.
func (b *peekedBody) held(p []byte, at int64) (int, error) {
	if at < int64(len(b.head)) {
		return copy(p, b.head[at:]), nil
	}
	if b.spool == nil {
		return 0, nil
	}
	at -= int64(len(b.head))
	return b.spool.read(p, at)
}

func (s *spool) read(p []byte, at int64) (int, error) {
	if n := s.size - at; int64(len(p)) > n {
		p = p[:n]
	}
	n, err := s.file.ReadAt(p, at)
	if n == len(p) {
		err = nil
	}
	return n, err
}

// hold reads a piece more of the body.
func (b *peekedBody) hold() error {
	switch {
	case b.end == io.EOF:
		return io.EOF
	case b.end != nil:
		return fmt.Errorf("the body broke off: %w", b.end)
	case b.spool == nil && len(b.head) <= maxBody:
		if b.reserve(maxBody + 1) {
			b.patiently(func() { b.grow(maxBody + 1) })
		}
		return nil
	case b.spool == nil:
		if err := b.openSpool(); err != nil {
			return err
		}
	case int64(len(b.head))+b.spool.size >= b.most:
		return action.ErrHeld
	}
	b.patiently(func() { b.end = b.spool.add(b.src) })
	return nil
}

// patiently bounds how long read may wait for the child, which may take its time, but not stop.
func (b *peekedBody) patiently(read func()) {
	if b.deadline != nil {
		b.deadline(time.Now().Add(headerTimeout))
		defer b.deadline(time.Time{})
	}
	read()
}

func (b *peekedBody) openSpool() error {
	if !b.disk.take(maxSpool, headerTimeout) {
		return errBusy
	}
	f, err := os.CreateTemp(b.dir, "agentguard-body-")
	if err != nil {
		b.disk.give(maxSpool)
		return fmt.Errorf("hold the body back: %w", err)
	}
	os.Remove(f.Name()) // Windows refuses, and removes it in close
	b.spool = &spool{file: f, disk: b.disk, buf: make([]byte, copyBuffer)}
	return nil
}

// add holds one more piece.
func (s *spool) add(src io.Reader) error {
	n, err := src.Read(s.buf)
	if _, werr := s.file.WriteAt(s.buf[:n], s.size); werr != nil {
		return fmt.Errorf("hold the body back: %w", werr) // what is left of the body must not pass for the whole
	}
	s.size += int64(n)
	return err
}

func (s *spool) close() {
	if s != nil {
		s.disk.give(maxSpool)
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
