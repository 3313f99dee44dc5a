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

// TestWorkingDirectoryByAnotherName: who starts in a link to the root of the file system, or to a directory that the home directory is
// in, does not own all of it.
func TestWorkingDirectoryByAnotherName(t *testing.T) {
	top := t.TempDir()
	home, link := filepath.Join(top, "home"), filepath.Join(top, "link")
	os.Mkdir(home, 0o755)
	for to, want := range map[string]bool{"/": false, top: false, home: true} {
		os.Remove(link)
		if err := os.Symlink(to, link); err != nil {
			t.Skip(err)
		}
		p := Places{Home: home, Dir: link}
		if owns := slices.Contains(p.Rules(), Rule{link, Writable}); owns != want {
			t.Errorf("a link to %s: its own %v, want %v", to, owns, want)
		}
		if tells := len(p.Unsettled()) > len((Places{Home: home, Dir: top}).Unsettled()); tells != want {
			t.Errorf("a link to %s: told of start files %v, want %v", to, tells, want)
		}
	}
}
