package inner

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestReadOnlyWaits: a mount in which something writes for a moment becomes read-only after it.
func TestReadOnlyWaits(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	failed := make(chan error)
	go func() { // on a thread that is thrown away with its mounts
		runtime.LockOSThread()
		failed <- func() error {
			if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
				return err
			}
			if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
				return err
			}
			if err := mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
				return err
			}
			writer, err := os.Create(filepath.Join(dir, "file"))
			if err != nil {
				return err
			}
			time.AfterFunc(20*time.Millisecond, func() { writer.Close() })
			if err := mountAttr(dir, attrReadOnly, true); err != nil {
				return err
			}
			if _, err := os.Create(filepath.Join(dir, "another")); err == nil {
				t.Error("it can be written")
			}
			return nil
		}()
	}()
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
