package limit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestFullDisk: what cannot be kept is not given, and counting goes on once there is space.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("needs to mount a tmpfs: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	f := openIn(t, dir, nil)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 40<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	many := Take{"agent/allow.x/create_pr", Rate{MaxPermits, time.Hour}, 1}
	given := 0
	for {
		v, err := f.Take(context.Background(), []Take{many})
		if err != nil {
			if wantError(t, err, "no space left", "free space"); v.OK || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%+v, %v", v, err)
			}
			break
		}
		if given++; given > 10_000 {
			t.Fatal("the disk does not fill")
		}
	}
	os.Remove(ballast)
	want := Take{many.Key, Rate{given + 2, time.Hour}, 1}
	for _, s := range []Store{f, openIn(t, dir, nil)} {
		if v := take(t, s, want); !v.OK {
			t.Errorf("after %d permits: %+v", given, v)
		}
	}
	if v := take(t, f, want); v.OK {
		t.Error("a permit was forgotten")
	}
}

// TestNothingCanBeMade: without a place for the file there is no store.
func TestNothingCanBeMade(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Skip("needs to mount a tmpfs: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	_, err := OpenFile(dir, "agent", nil)
	wantError(t, err, "read-only file system", "")
}
