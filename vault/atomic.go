package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// testOnlyStep is told of each step of a replacement, for tests that kill the process there.
var testOnlyStep = func(string) {}

// edit replaces path by what change gives. One process does so at a time, so change reads what it builds upon inside.
func edit(ctx context.Context, path string, change func() ([]byte, error)) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := privateDir(dir); err != nil {
		return err
	}
	lock := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR|openNofollow), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if ok, err := lock.TryLockContext(ctx, 10*time.Millisecond); !ok {
		if errors.Is(err, context.DeadlineExceeded) {
			return hint(fmt.Errorf("%w: another process has held %s for 10 seconds", ErrUnavailable, lock.Path()), "wait for it to end, or end it")
		}
		return fmt.Errorf("%w: %s cannot be locked: %w", ErrUnavailable, lock.Path(), err)
	}
	defer lock.Unlock()
	b, err := change()
	if err != nil {
		return err
	}
	return replace(path, b, 0o600, nil)
}

// replace puts b in the place of path, whole or not at all, also when the power fails: written and flushed beside it,
// renamed over it, the directory flushed. The caller holds the lock, so a leftover of that name is a dead process's.
func replace(path string, b []byte, mode fs.FileMode, like fs.FileInfo) (err error) {
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, "."+base+".tmp")
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	testOnlyStep("start")
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(temp)
		}
	}()
	if err := fill(f, b, mode, like); err != nil {
		return err
	}
	testOnlyStep("written")
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	testOnlyStep("renamed")
	return syncDir(filepath.Dir(path))
}

func fill(f *os.File, b []byte, mode fs.FileMode, like fs.FileInfo) error {
	if like != nil {
		if err := keepOwner(f, like); err != nil {
			return err
		}
	}
	if err := f.Chmod(mode); err != nil && like != nil {
		return err
	}
	testOnlyStep("created")
	if _, err := f.Write(b[:len(b)/2]); err != nil {
		return err
	}
	testOnlyStep("torn")
	if _, err := f.Write(b[len(b)/2:]); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}
