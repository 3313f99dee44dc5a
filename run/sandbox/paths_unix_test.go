//go:build unix

package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestResolve: a path leads where the system says, by however many links and through whatever was asked before.
func TestResolve(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(top, name) }
	os.MkdirAll(at("a/b/c"), 0o700)
	os.MkdirAll(at("d"), 0o700)
	os.WriteFile(at("a/file"), nil, 0o600)
	for name, target := range map[string]string{
		"to-b": "a/b", "up": "to-b/../file", "abs": at("d"), "d/back": "../to-b/c", "loop": "pool", "pool": "loop", "dangling": "nowhere/x", "through": "a/file/x",
		"dots": "././a//b/", "self": ".", "root": "/", "beyond": "../../../../../../../../../..",
	} {
		if err := os.Symlink(target, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		os.Symlink(fmt.Sprintf("chain%d", i+1), at(fmt.Sprintf("chain%d", i)))
	}
	os.Symlink("a", at("chain60"))
	r := newLinks()
	for _, name := range []string{
		"chain0", "chain30", "chain59", "", "a", "a/b/c", "to-b", "to-b/c", "up", "abs", "abs/back", "d/back", "loop", "loop/x", "dangling", "through", "a/file/x", "dots/c",
		"self/self/to-b", "root", "root/etc", "beyond", "nothing/at/all", "to-b/nothing", "pool",
	} {
		want, err := filepath.EvalSymlinks(at(name))
		if _, tooMany := os.Stat(at(name)); err != nil || tooMany != nil {
			want = ""
		}
		if got, there := r.resolve(at(name)); got != want || there != (want != "") {
			t.Errorf("%q leads to %q, want %q", name, got, want)
		}
	}
	if got := r.parent(at("to-b/x/y")); got != at("a/b/x/y") {
		t.Error(got)
	}
}

func BenchmarkSeen(b *testing.B) {
	home, _ := os.UserHomeDir()
	rules := Places{Home: home, Dir: home}.Rules()
	b.ReportAllocs()
	for b.Loop() {
		Seen(rules)
	}
}

// TestManyNamesOfOneDirectory: a directory that is listed tells the same as one that is asked for each name.
func TestManyNamesOfOneDirectory(t *testing.T) {
	dir, _ := filepath.EvalSymlinks(t.TempDir())
	for _, name := range []string{".aws", "Plain", "empty", "closed"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink(".aws", filepath.Join(dir, "link"))
	os.Symlink("nowhere", filepath.Join(dir, "broken"))
	r := newLinks()
	for range 3 {
		for name, want := range map[string]string{".aws": ".aws", ".AWS": "", "Plain": "Plain", "plain": "", "link": ".aws", "broken": "", "none": "", "link/none": "", "none/none": ""} {
			if want != "" {
				want = filepath.Join(dir, want)
			}
			if got, _ := r.resolve(filepath.Join(dir, name)); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	if len(r.listed) == 0 {
		t.Error("nothing was listed")
	}
	if names := namesIn(filepath.Join(dir, "empty")); names == nil || len(names) != 0 {
		t.Errorf("an empty directory: %v", names)
	}
	if names := namesIn(filepath.Join(dir, "nowhere")); names != nil {
		t.Errorf("none: %v", names)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names := namesIn(filepath.Join(dir, "pipe")); names != nil { // nor is it waited for
		t.Errorf("a pipe: %v", names)
	}
	os.Mkdir(filepath.Join(dir, "empty", "12"), 0o755)
	if names := namesIn(filepath.Join(dir, "empty")); names != nil {
		t.Errorf("one whose names have no letters: %v", names)
	}
	for i := range 1001 {
		os.WriteFile(filepath.Join(dir, "closed", "f"+strconv.Itoa(i)), nil, 0o600)
	}
	if names := namesIn(filepath.Join(dir, "closed")); names != nil {
		t.Errorf("a large directory: %d names", len(names))
	}
}
