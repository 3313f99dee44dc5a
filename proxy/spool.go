package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"agentguard/proxy/scrub"
)

// maxSpool is the largest body that is held back until it has been read, in bytes.
const maxSpool = 256 << 20

// spool is a whole body that is held back: on disk, in a file that has no name where the system allows that.
type spool struct {
	file *os.File
	size int64
	disk *budget
}

// stream gives the whole decoded body from its beginning, as often as it is called, and holds back what it has read: the
// first MiB in memory, more of it in a temporary file.
func (b *peekedBody) stream() (io.ReadCloser, error) {
	if b.spool == nil {
		b.fill(maxBody + 1)
		if b.end == nil {
			if err := b.toDisk(); err != nil {
				return nil, err
			}
		} else if b.end != io.EOF {
			return nil, fmt.Errorf("the body broke off: %w", b.end)
		}
	}
	var raw io.Reader = bytes.NewReader(b.head)
	if b.spool != nil {
		raw = io.NewSectionReader(b.spool.file, 0, b.spool.size)
	}
	if len(b.encoding) == 0 {
		return io.NopCloser(raw), nil
	}
	plain, err := scrub.Decode(b.encoding, raw)
	if err != nil {
		return nil, err
	}
	if c, ok := plain.(io.ReadCloser); ok {
		return c, nil
	}
	return io.NopCloser(plain), nil
}

// toDisk reads the rest of the body into a file, from which it will be sent.
func (b *peekedBody) toDisk() error {
	if !b.disk.take(maxSpool, headerTimeout) {
		return errBusy
	}
	f, err := os.CreateTemp(b.dir, "agentguard-body-")
	if err != nil {
		b.disk.give(maxSpool)
		return fmt.Errorf("hold the body back: %w", err)
	}
	os.Remove(f.Name()) // Windows refuses, and removes it in close
	s := &spool{file: f, disk: b.disk}
	if err := s.fill(b); err != nil {
		s.close()
		b.end = err // what is left of the body must not pass for the whole
		return err
	}
	b.spool, b.head = s, nil
	b.src = struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, 0, s.size), b.src}
	return nil
}

func (s *spool) fill(b *peekedBody) error {
	n, err := s.file.Write(b.head)
	s.size = int64(n)
	buf := make([]byte, copyBuffer)
	if b.deadline != nil {
		defer b.deadline(time.Time{})
	}
	for err == nil {
		if b.deadline != nil { // a child may take its time, but not stop
			b.deadline(time.Now().Add(headerTimeout))
		}
		n, err = b.src.Read(buf)
		if s.size += int64(n); s.size > maxSpool {
			return fmt.Errorf("%w: over %d bytes", errTooLarge, maxSpool)
		}
		if _, werr := s.file.Write(buf[:n]); werr != nil {
			return fmt.Errorf("hold the body back: %w", werr)
		}
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the body broke off: %w", err)
	}
	return nil
}

func (s *spool) close() {
	if s != nil {
		s.disk.give(maxSpool)
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
