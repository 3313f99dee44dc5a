package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxFile bounds a secret in a file and what a command prints: the longest real ones (service account keys, cookies) are
// a few KiB.
const maxFile = 64 << 10

// file reads a mounted secret (Kubernetes, Docker, systemd credentials). A path is absolute, relative to the working
// directory, or below ~. One trailing newline is not part of the secret.
type file struct {
	lookup func(string) (string, bool)
	now    func() time.Time
	mu     sync.Mutex
	known  map[string]*reading
}

// reading is the last one of a file.
type reading struct {
	mu    sync.Mutex
	info  fs.FileInfo
	fresh bool // read so soon after it was written that a second write may bear the same time
	s     Secret
	all   []Secret
}

func openFile(opt Options) backend {
	return &file{lookup: opt.LookupEnv, now: opt.Now, known: map[string]*reading{}}
}

func (f *file) get(_ context.Context, name string) (Secret, error) { return f.look(name) }

// look gives the same Secret until the file holds another value. What is gone or broken is an error, never the value of
// before. Stat follows links, so that the swap of Kubernetes' ..data link shows as another inode.
func (f *file) look(name string) (Secret, error) {
	path, err := expandHome(name, f.lookup)
	if err != nil {
		return Secret{}, err
	}
	r := f.reading(path)
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, fileError(err)
	}
	if !r.s.Zero() && !r.fresh && sameVersion(info, r.info) {
		return r.s, nil
	}
	return f.reread(path, r)
}

func (f *file) reading(path string) *reading {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.known[path]
	if r == nil {
		r = &reading{}
		f.known[path] = r
	}
	return r
}

// tick is coarser than the time stamps of any file system in use (FAT counts in two seconds).
const tick = 2 * time.Second

func (f *file) reread(path string, r *reading) (Secret, error) {
	b, info, err := readRegular(path, maxFile)
	if err != nil {
		return Secret{}, fileError(err)
	}
	s, err := NewSecret(trimNewline(b))
	if err != nil {
		return Secret{}, err
	}
	r.info, r.fresh = info, f.now().Sub(info.ModTime()) < tick
	if s.Equal(r.s) {
		s.wipe()
		return r.s, nil
	}
	r.s = s
	r.all = append(r.all, s)
	return s, nil
}

func (f *file) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.known {
		r.mu.Lock()
		for _, s := range r.all {
			s.wipe()
		}
		r.mu.Unlock()
	}
	clear(f.known)
}

// readRegular reads a regular file of at most limit bytes, all of it from one version. Opening does not wait for the
// writer of a FIFO, and files that the kernel makes up (/proc, /sys) are refused: /proc/self/environ is no mounted secret.
func readRegular(path string, limit int64) ([]byte, fs.FileInfo, error) {
	for range 3 {
		f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
		if err != nil {
			return nil, nil, err
		}
		b, before, err := readOpen(f, limit)
		after, statErr := f.Stat()
		f.Close()
		if err = errors.Join(err, statErr); err != nil {
			return nil, nil, err
		}
		if sameVersion(before, after) {
			return b, after, nil
		}
	}
	return nil, nil, errors.New("is being written all the time")
}

func readOpen(f *os.File, limit int64) ([]byte, fs.FileInfo, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("is %s, not a regular file", kind(info.Mode()))
	case madeUp(f):
		return nil, nil, errors.New("is made up by the kernel, not a mounted secret")
	case info.Size() > limit:
		return nil, nil, fmt.Errorf("holds %d bytes; at most %d are allowed", info.Size(), limit)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("holds more than %d bytes", limit)
	}
	return b, info, err
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// fileError keeps the reason and leaves out the path, which the reference in front of it names already.
func fileError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hint(fmt.Errorf("%w: no such file", ErrNotFound), "mount or write the file; a relative path begins where agentguard was started")
	case errors.Is(err, fs.ErrPermission):
		return hint(fmt.Errorf("%w: %w", ErrUnavailable, err), "make the file readable for this user")
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// expandHome replaces a leading ~/ alone; there are no other users' homes and no variables in a path.
func expandHome(path string, lookup func(string) (string, bool)) (string, error) {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path, nil
	}
	home, ok := lookup(homeVariable)
	if !ok || !filepath.IsAbs(home) {
		return "", fmt.Errorf("%w: %s is not set, so ~ means nothing", ErrUnavailable, homeVariable)
	}
	return filepath.Join(home, rest), nil
}

// trimNewline takes one line end off, which editors and echo add.
func trimNewline(b []byte) []byte {
	n := len(b)
	if n > 0 && b[n-1] == '\n' {
		n--
		if n > 0 && b[n-1] == '\r' {
			n--
		}
	}
	return b[:n]
}
