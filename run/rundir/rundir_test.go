//go:build unix

package rundir

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"agentguard/run/reap"
)

func privateBase(t *testing.T) string {
	base := t.TempDir()
	if err := os.Chmod(base, 0o700); err != nil {
		t.Fatal(err)
	}
	return base
}

func TestRuntimeDirIsPrivateAndTemporary(t *testing.T) {
	base := privateBase(t)
	dir, cleanup, err := Make(base, "one")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(dir)
	if err != nil || checkPrivate(info) != nil || filepath.Dir(dir) != base {
		t.Errorf("%s: %v, %v", dir, err, checkPrivate(info))
	}
	if _, _, err := Make(base, "one"); err == nil {
		t.Error("the same directory twice")
	}
	os.Chtimes(dir, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
	other, cleanupOther, err := Make(base, "two")
	if err != nil {
		t.Fatal(err)
	}
	RemoveStale(base)
	cleanupOther()
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("a living run's directory: %v", err)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("is still there after cleanup")
	}
	cleanup()
	if entries, _ := os.ReadDir(base); len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
}

func TestStaleRuntimeDirsAreRemoved(t *testing.T) {
	base := privateBase(t)
	make := func(name string, mode os.FileMode, lock bool, age time.Duration) string {
		dir := filepath.Join(base, reap.DirPrefix+name)
		os.Mkdir(dir, mode)
		os.Chmod(dir, mode)
		if lock {
			os.WriteFile(filepath.Join(dir, lockName), nil, 0o600)
		}
		os.Chtimes(dir, time.Now().Add(-age), time.Now().Add(-age))
		return dir
	}
	gone := []string{make("dead", 0o700, true, time.Hour), make("unlocked", 0o700, false, time.Hour)}
	stays := []string{make("being-made", 0o700, false, 0), make("being-locked", 0o700, true, 0), make("readable", 0o755, true, time.Hour)}
	target := t.TempDir()
	os.WriteFile(filepath.Join(target, lockName), nil, 0o600)
	os.Symlink(target, filepath.Join(base, reap.DirPrefix+"link"))
	stays = append(stays, filepath.Join(target, lockName))
	away := make("led-away", 0o700, false, 0) // what a lock leads to may be a device, which to open is to set going
	os.Symlink(filepath.Join(target, lockName), filepath.Join(away, lockName))
	os.Chtimes(away, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
	stays = append(stays, away)
	RemoveStale(base)
	for _, dir := range gone {
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s is still there", dir)
		}
	}
	for _, dir := range stays {
		if _, err := os.Lstat(dir); err != nil {
			t.Errorf("%s was removed", dir)
		}
	}
}

// TestRuntimeDirsAtOnce: the sweep of one run must not meet another that is between making its directory and locking it.
func TestRuntimeDirsAtOnce(t *testing.T) {
	base := privateBase(t)
	failed := make(chan error, 40)
	for i := range cap(failed) {
		go func() {
			_, cleanup, err := Make(base, strconv.Itoa(i))
			RemoveStale(base)
			if err == nil {
				cleanup()
			}
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestRuntimeDirRefusals(t *testing.T) {
	base := privateBase(t)
	os.Symlink(t.TempDir(), filepath.Join(base, reap.DirPrefix+"planted"))
	if _, _, err := Make(base, "planted"); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a planted symlink: %v", err)
	}
	for _, id := range []string{"", "../x", "a/b", ".", "..", "a\x00b"} {
		if _, _, err := Make(base, id); err == nil || !strings.Contains(err.Error(), "cannot name a directory") {
			t.Errorf("run id %q: %v", id, err)
		}
	}
	os.Chmod(base, 0o777)
	if _, _, err := Make(base, "x"); err == nil || !strings.Contains(err.Error(), "sticky") {
		t.Errorf("a base that all may write: %v", err)
	}
	os.Chmod(base, 0o777|os.ModeSticky)
	if _, cleanup, err := Make(base, "x"); err != nil {
		t.Error(err)
	} else {
		cleanup()
	}
}

func TestReaperRemovesOnlyRuntimeDirs(t *testing.T) {
	base := privateBase(t)
	keep := filepath.Join(base, "precious")
	os.Mkdir(keep, 0o700)
	link := filepath.Join(base, reap.DirPrefix+"link")
	os.Symlink(keep, link)
	for _, dir := range []string{keep, link, base} {
		reap.Obey(strings.NewReader("dir \"" + dir + "\"\n"))
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
	dir, cleanup, err := Make(base, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer cleanup()
	reap.Obey(strings.NewReader("dir \"" + dir + "\"\nbye \"\"\n"))
	if _, err := os.Stat(dir); err != nil {
		t.Error("removed after a goodbye")
	}
	reap.Obey(strings.NewReader("dir \"" + dir + "\"\n"))
	if _, err := os.Stat(dir); err == nil {
		t.Error("still there")
	}
}
