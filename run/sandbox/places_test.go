package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestPrograms: what a user's shell finds programs in cannot be changed, be it in a cache; but what is worked on can.
func TestPrograms(t *testing.T) {
	home := t.TempDir()
	dir, venv := filepath.Join(home, "work"), filepath.Join(home, ".cache/venvs/x")
	os.MkdirAll(venv, 0o755)
	os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), nil, 0o644)
	p := Places{Home: home, Dir: dir, Write: []string{filepath.Join(home, "opened")}}
	p.Path = []string{filepath.Join(home, ".cache/tool/bin"), filepath.Join(dir, "bin"), filepath.Join(venv, "bin"), filepath.Join(home, "opened/bin"), "relative", ""}
	views := map[string]View{}
	for _, r := range p.Rules() {
		views[r.Path] = r.View
	}
	for path, want := range map[string]View{p.Path[0]: ReadOnly, filepath.Join(home, ".dotnet/tools"): ReadOnly, filepath.Join(home, ".yarn/bin"): ReadOnly, filepath.Join(home, ".cache"): Writable} {
		if view, ruled := views[path]; !ruled || view != want {
			t.Errorf("%s: view %d, %v", path, view, ruled)
		}
	}
	for _, path := range p.Path[1:] {
		if view, ruled := views[path]; ruled {
			t.Errorf("%q has the view %d", path, view)
		}
	}
}

// TestUnsettled: who works in the home directory can make start files that it does not have, which is told of.
func TestUnsettled(t *testing.T) {
	home := t.TempDir()
	os.WriteFile(filepath.Join(home, ".bashrc"), nil, 0o644)
	there, missing := filepath.Join(home, ".bashrc"), filepath.Join(home, ".bash_aliases")
	if all := (Places{Home: home, Dir: home}).Unsettled(); !slices.Contains(all, missing) || slices.Contains(all, there) {
		t.Error(all)
	}
	if all := (Places{Home: home, Dir: filepath.Join(home, "work")}).Unsettled(); slices.Contains(all, missing) {
		t.Error(all)
	}
}
