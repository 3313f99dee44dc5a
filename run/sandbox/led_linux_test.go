package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinksOfEarlierRuns: what a confined command leaves as a link in a place of some tool's, or of the policy's own, shows the next one
// nothing that is hidden and makes nothing writable that was not, at no level; links of the user's own lead where they led.
func TestLinksOfEarlierRuns(t *testing.T) {
	home := files(t, ".ssh/id", ".aws/credentials", ".cache/x", "proj/x", "other/x", "data/cache/x", "dotfiles/npmrc", "dotfiles/bashrc", "config/gh/hosts.yml")
	t.Setenv("HOME", home)
	link := func(to, name string) {
		if err := os.Symlink(filepath.Join(home, to), filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(home, name) }
	link(".ssh/id", ".cache/zsh")
	link(".ssh", ".cache/nvim")
	link(".aws/credentials", ".cache/p10k-x")
	link(".ssh/id", "proj/api.yaml")
	link("other", "proj/out")
	link("other", ".cache/go")
	link(".ssh", ".cache/pip")
	link(".cache/x", ".cache/gitstatus")
	link("data/cache", ".npm") // these are the user's
	link("dotfiles/npmrc", ".npmrc")
	link("dotfiles/bashrc", ".bashrc")
	link("config", ".config")
	p := Places{Home: home, Dir: at("proj"), Caches: []string{at(".cache/go"), at(".cache/pip")},
		Read: []string{at("proj/api.yaml"), at(".npmrc"), at(".config/gh/hosts.yml")}, Write: []string{at("proj/out")}}
	want := map[string]View{
		".ssh/id": Hidden, ".aws/credentials": Hidden, "other/x": ReadOnly, ".cache/x": ReadOnly, "data/cache/x": Writable,
		"dotfiles/npmrc": ReadOnly, "dotfiles/bashrc": ReadOnly, "config/gh/hosts.yml": ReadOnly, "config/gh": Hidden, "proj/x": Writable,
	}
	for level, rules := range map[string][]Rule{"sealed": Seen(p.Rules()), "filtered": settle(p.Rules(), p)} {
		views := map[string]View{}
		for _, r := range rules {
			views[r.Path] = r.View
		}
		for name, view := range want {
			if got := seenAs(views, at(name)); got != view {
				t.Errorf("%s: %s is seen as %d, want %d", level, name, got, view)
			}
		}
	}
	if got := strings.Join(p.Misled(), " "); got != at("proj/api.yaml")+" "+at("proj/out") {
		t.Errorf("misled: %s", got)
	}
}

// TestLinksThatAreSure: those in the root of the file system lead a whole tree elsewhere, and are no command's.
func TestLinksThatAreSure(t *testing.T) {
	if link, there := lstat("/bin"); there && link && forgeable("/bin") {
		t.Error("/bin is taken for a command's")
	}
	if link := filepath.Join(t.TempDir(), "link"); os.Symlink("/bin", link) != nil || !forgeable(link) {
		t.Error("a link of ours is taken for root's")
	}
}
