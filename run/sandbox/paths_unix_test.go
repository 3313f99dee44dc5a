//go:build unix

package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
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
