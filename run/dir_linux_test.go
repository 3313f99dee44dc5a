package run

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox"
)

// TestRuntimeDirIsWhereThereIsRoom: a place that is full is taken where no other is there.
func TestRuntimeDirIsWhereThereIsRoom(t *testing.T) {
	small := t.TempDir()
	if err := unix.Mount("small", small, "tmpfs", unix.MS_NODEV, "size=1m,mode=0700"); err != nil {
		t.Skip("needs to mount: ", err)
	}
	defer unix.Unmount(small, unix.MNT_DETACH)
	s := &session{Config: Config{RuntimeBase: small}, id: "one"}
	bases := s.runtimeBases(sandbox.Sealed)
	if last := bases[len(bases)-1]; bases[0] == small || last != small {
		t.Errorf("the order is %v", bases)
	}
	dir, cleanup, err := s.makeRuntime(sandbox.Sealed)
	if err != nil || filepath.Dir(dir) == small {
		t.Fatalf("%s: %v", dir, err)
	}
	cleanup()
	if isFull("/proc") || isFull(filepath.Join(small, "gone")) {
		t.Error("what has no blocks, or is not there, is full")
	}
}
