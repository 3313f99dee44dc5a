//go:build unix

package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"agentguard/run/sandbox"
)

func TestRuntimeDirIsWhereThereIsAPlace(t *testing.T) {
	base := t.TempDir()
	os.Chmod(base, 0o700)
	t.Setenv("TMPDIR", base)
	s := &session{Config: Config{RuntimeBase: filepath.Join(t.TempDir(), "gone")}, id: "one"}
	dir, cleanup, err := s.makeRuntime(sandbox.Sealed)
	if err != nil || !slices.Contains(append(ownPlaces(sandbox.Sealed), os.TempDir()), filepath.Dir(dir)) {
		t.Fatalf("%s: %v", dir, err)
	}
	cleanup()
	s.StateHome = "relative"
	if _, err := s.createLog(); err == nil || !strings.Contains(err.Error(), "no place to keep it") {
		t.Errorf("a log in the command's directory: %v", err)
	}
}

// TestMovesOut: a run that is not sealed after all leaves the directory of one that is, where others that are confined could write to it.
func TestMovesOut(t *testing.T) {
	s := &session{id: runID(time.Now())}
	defer s.close()
	sealed, filtered := s.runtimeBases(sandbox.Sealed), s.runtimeBases(sandbox.Filtered)
	if slices.Equal(sealed, filtered) {
		t.Skip("this user's runs have one place")
	}
	if err := s.settleIn(sandbox.Sealed); err != nil {
		t.Fatal(err)
	}
	left := s.dir
	undone := make(chan struct{})
	go func() { // as a signal would
		time.Sleep(5 * givingUp)
		s.undo()
		close(undone)
	}()
	s.level.Level = sandbox.Filtered
	if err := s.moveOut(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil || filepath.Dir(left) != sealed[0] {
		t.Errorf("%s was left: %v", left, err)
	}
	if _, err := os.Stat(s.runtime); err != nil || filepath.Dir(s.runtime) != filtered[0] {
		t.Errorf("%s: %v", s.runtime, err)
	}
	<-undone
	if _, err := os.Stat(s.runtime); err == nil {
		t.Errorf("%s is left by a signal", s.runtime)
	}
}
