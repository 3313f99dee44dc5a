package sandbox

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestPrograms: what a user's shell finds programs in cannot be changed, be it in a cache; but what is worked on can.
func TestPrograms(t *testing.T) {
	home := t.TempDir()
	dir, venv := filepath.Join(home, "work"), filepath.Join(home, ".cache/venvs/x")
	for _, there := range []string{venv, venv + "/bin", filepath.Join(home, ".cache/tool/bin"), filepath.Join(home, ".dotnet/tools"), filepath.Join(home, ".yarn/bin")} {
		os.MkdirAll(there, 0o755)
	}
	for _, there := range []string{venv, filepath.Join(home, ".cache/tool")} { // which a command could make, but no program beside those that are there
		os.WriteFile(filepath.Join(there, "pyvenv.cfg"), nil, 0o644)
	}
	os.WriteFile(filepath.Join(venv, "bin/python"), nil, 0o755)
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

// TestHomeAsWorkingDirectory: who works in the home directory owns what lies there, and neither other programs' settings nor what is found in
// PATH; who works in the root of the file system owns no more of PATH than elsewhere.
func TestHomeAsWorkingDirectory(t *testing.T) {
	home := t.TempDir()
	python := ".local/share/uv/python/cpython-3.12.1-linux"
	for _, name := range []string{".config/go", ".local/share/applications", python, ".local/share/uv/python/.temp", "tools/bin", "node_modules/.bin", "notes", ".cache/x/bin"} {
		os.MkdirAll(filepath.Join(home, name), 0o755)
	}
	at := func(name string) string { return filepath.Join(home, name) }
	path := []string{home, at("tools/bin"), at("node_modules/.bin"), at(".cache/x/bin")}
	for _, p := range []Places{{Home: home, Dir: home, Path: path}, {Home: home, Dir: "/", Path: path}, {Home: home, Dir: at("notes"), Path: path[1:]}} {
		views := map[string]View{}
		for _, r := range p.Rules() {
			views[r.Path] = r.View
		}
		own := View(ReadOnly)
		if p.Dir == home {
			own = Writable
		}
		for name, want := range map[string]View{
			".config/go/env": ReadOnly, ".local/x": ReadOnly, "tools/bin/x": ReadOnly, ".cache/x/bin/x": ReadOnly, python + "/lib/x.py": ReadOnly, ".local/share/uv/python/cpython-3.13": Writable,
			"node_modules/.bin/x": own, "more": own, ".cache/y": Writable,
		} {
			if got := seenAs(views, at(name)); got != want {
				t.Errorf("in %s: %s is seen as %d, want %d", p.Dir, name, got, want)
			}
		}
	}
}

// TestUnsettled: who works in the home directory can make start files that it does not have, which is told of.
func TestUnsettled(t *testing.T) {
	home := t.TempDir()
	os.WriteFile(filepath.Join(home, ".bashrc"), nil, 0o644)
	there, missing := filepath.Join(home, ".bashrc"), filepath.Join(home, ".bash_aliases")
	if all := (Places{Home: home, Dir: home}).Unsettled(); !slices.Contains(all, missing) || !slices.Contains(all, filepath.Join(home, ".ssh")) || slices.Contains(all, there) {
		t.Error(all)
	}
	p := Places{Home: home, Dir: filepath.Join(home, "work"), Path: []string{home, filepath.Join(home, "tools")}}
	if all := p.Unsettled(); slices.Contains(all, missing) || slices.Contains(all, home) || !slices.Contains(all, p.Path[1]) {
		t.Error(all)
	}
}

// TestWorkingDirectoryByAnotherName: who starts in a link to the root of the file system, to the kernel's own, or to a directory that the
// home directory is in, does not own all of it.
func TestWorkingDirectoryByAnotherName(t *testing.T) {
	top := t.TempDir()
	home, link := filepath.Join(top, "home"), filepath.Join(top, "link")
	os.Mkdir(home, 0o755)
	for to, want := range map[string]bool{"/": false, "/sys": false, top: false, home: true} {
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

// TestVariablesOfRoot: a variable that names the root of the file system for temporary files or a cache makes none of it writable.
func TestVariablesOfRoot(t *testing.T) {
	temp := t.TempDir()
	rules := Places{Home: t.TempDir(), Temp: []string{"/", temp}, Caches: []string{"//.", ""}}.Rules()
	if slices.Contains(rules, Rule{"/", Writable}) || !slices.Contains(rules, Rule{temp, Writable}) {
		t.Error(rules[:8])
	}
}

// TestNamesOfPlaces: each is named once and as the rest of the program compares it, and none is both hidden and shown.
func TestNamesOfPlaces(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range slices.Concat(secretPlaces.names(), settledPlaces.names(), cachePlaces, machineSecrets.names()) {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		if seen[name] = true; filepath.ToSlash(filepath.Clean(name)) != name {
			t.Errorf("%q is not as it is compared", name)
		}
	}
	for _, name := range startingPlaces {
		if !slices.Contains(secretPlaces.names(), name) {
			t.Errorf("%s is not hidden", name)
		}
	}
}

// TestPlacesAreNamedWhereTheyCanBe: of a home directory only what is there has rules, and one that has what new things beside it are held
// for; that is so whatever else is in it.
func TestPlacesAreNamedWhereTheyCanBe(t *testing.T) {
	home := t.TempDir()
	os.MkdirAll(filepath.Join(home, ".config"), 0o755)
	os.WriteFile(filepath.Join(home, ".doppler"), nil, 0o644)
	views := map[string]View{}
	for _, r := range (Places{Home: home}).Rules() {
		views[r.Path] = r.View
	}
	for _, name := range []string{".netrc", ".config/gh", ".config/gopass", ".doppler"} {
		if view, ruled := views[filepath.Join(home, name)]; !ruled || view != Hidden {
			t.Errorf("%s: view %d, %v", name, view, ruled)
		}
	}
	if _, ruled := views[filepath.Join(home, ".vault-token")]; ruled && runtime.GOOS == "linux" {
		t.Error("what is not there has a rule")
	}
}

// TestHomesOfOthers: secrets of each home directory that is known are hidden once, wherever HOME leads; the root of the file system is none.
func TestHomesOfOthers(t *testing.T) {
	home, account := t.TempDir(), t.TempDir()
	os.Mkdir(filepath.Join(account, ".ssh"), 0o700)
	rules := Places{Home: home, Others: []string{home, account, account, "/", ""}}.Rules()
	count := map[Rule]int{}
	for _, r := range rules {
		count[r]++
	}
	if ssh := count[Rule{filepath.Join(account, ".ssh"), Hidden}]; ssh != 1 || count[Rule{"/.netrc", Hidden}]+count[Rule{"/snap", Hidden}] > 0 {
		t.Errorf("%d rules for the keys of the account", ssh)
	}
}

// TestSourced: what a shell executes of its caches can be read and not changed.
func TestSourced(t *testing.T) {
	home := t.TempDir()
	want := []string{filepath.Join(home, ".zcompdump-host-5.9"), filepath.Join(home, ".cache/p10k-instant-prompt-me.zsh")}
	os.Mkdir(filepath.Join(home, ".cache"), 0o755)
	for _, path := range append(want, filepath.Join(home, ".cache/other")) {
		os.WriteFile(path, nil, 0o644)
	}
	if got := (Places{Home: home}).sourced(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := (Places{}).sourced(); len(got) > 0 {
		t.Error(got)
	}
}

// TestSnapshots: what a home directory was before is hidden as it is now, above it and in it, also where no listing says that it is there.
func TestSnapshots(t *testing.T) {
	home := filepath.Join(t.TempDir(), "users/me")
	want := []string{filepath.Join(home, ".snapshot"), filepath.Join(filepath.Dir(home), ".zfs")}
	for _, dir := range want {
		os.MkdirAll(dir, 0o755)
	}
	if got := snapshots(home); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	known := newLinks()
	known.listed[home] = map[string]bool{}
	if _, there := known.resolve(want[0]); !there {
		t.Error("what no listing has counts as absent")
	}
	if got := snapshots(""); len(got) > 0 {
		t.Error(got)
	}
}
