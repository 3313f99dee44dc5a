package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestParentOfAnyName: a program's name may look like what stands behind it in /proc/PID/stat.
func TestParentOfAnyName(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	name := filepath.Join(t.TempDir(), ") S 1 1 (")
	if err := os.Symlink(sleep, name); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(name, "60")
	child.Args[0] = "sleep"
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	us, pid := os.Getpid(), child.Process.Pid
	if got := Parent(pid); got != us {
		t.Errorf("the parent is %d, want %d", got, us)
	}
	if !slices.Contains(Descendants(us), pid) || len(Descendants(pid)) != 0 {
		t.Errorf("below %d are %v, below %d %v", us, Descendants(us), pid, Descendants(pid))
	}
	for _, c := range []struct {
		of, ancestor int
		want         bool
	}{
		{pid, us, true}, {pid, os.Getppid(), true}, {us, us, true}, // itself too
		{us, pid, false}, {pid, 0, false}, {0, us, false}, {-1, -1, false},
	} {
		if got := Descends(c.of, c.ancestor); got != c.want {
			t.Errorf("%d descends from %d: %v", c.of, c.ancestor, got)
		}
	}
}

// TestParentOfNobody: what has ended has none.
func TestParentOfNobody(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Skip(err)
	}
	if pid := gone.Process.Pid; Parent(pid) != 0 || Descends(pid, os.Getpid()) || len(Descendants(pid)) != 0 {
		t.Errorf("%d has the parent %d", pid, Parent(pid))
	}
}
