package proxy

import (
	"fmt"
	"io"
	"os"
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
