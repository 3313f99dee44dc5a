package sandbox

import (
	"os"
	"path/filepath"
	"slices"
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
	os.Symlink("/usr/lib", at(".cache/cliphist"))
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
	hidden := append([]Rule{{at(".cache/cliphist"), Hidden}, {at("proj/x"), Hidden}, {at("proj/x"), Writable}}, p.Rules()...)
	if seen := Seen(hidden); slices.Contains(seen, Rule{"/usr/lib", Hidden}) {
		t.Error("a link hides the system's programs")
	}
	for level, rules := range map[string][]Rule{"sealed": Seen(p.Rules()), "filtered": newSurvey().settle(p.Rules(), p)} {
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

// TestLinksStay: a link that lies where the command can write and leads to what it cannot is neither removed nor replaced, nor is a
// directory that it is in, at level sealed; it leads where it led. At level filtered it is told of.
func TestLinksStay(t *testing.T) {
	lay := func(t *testing.T) string {
		dir := files(t, "dotfiles/settings.json", "dotfiles/hooks/x", "work/.git/HEAD", "work/.claude/deep/x", "work/free/x")
		for name, to := range map[string]string{".claude/deep/settings.json": "../../../dotfiles/settings.json", ".git/hooks": "../../dotfiles/hooks", "none": "nowhere", "free/link": "x"} {
			if err := os.Symlink(to, filepath.Join(dir, "work", name)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	kept := []string{".claude/deep/settings.json", ".git/hooks", "none"}
	asBoth(t, func(t *testing.T) {
		dir := lay(t)
		work := filepath.Join(dir, "work")
		c := Config{Rules: []Rule{{dir, ReadOnly}, {work, Writable}, {filepath.Join(work, "free/link"), Writable}}}
		for _, name := range kept {
			c.Rules = append(c.Rules, Rule{filepath.Join(work, name), ReadOnly})
		}
		script := "cd '" + work + `'; cat .claude/deep/settings.json .git/hooks/x; readlink .git/hooks none
for l in .claude/deep/settings.json .git/hooks none; do ln -s x new; rm -f $l; [ -L $l ] || echo "removed $l"; mv -fT new $l; [ "$(readlink $l)" = x ] && echo "replaced $l"; rm -f new; done
mv .claude/deep .claude/other; mv .claude .other; mv .git .gone; ls -A | tr '\n' ' '
rm free/link && ln -s y free/link && readlink free/link`
		if out, _ := inBox(t, c, "exec 2>/dev/null; "+script); out != "secret of dotfiles/settings.json\nsecret of dotfiles/hooks/x\n../../dotfiles/hooks\nnowhere\n.claude .git free none y" {
			t.Error(out)
		}
		if out := control(t, script); strings.Count(out, "removed ") != 3 || strings.Count(out, "replaced ") != 3 || !strings.Contains(out, ".gone .other") {
			t.Errorf("the control fails, so the test shows nothing:\n%s", out)
		}
	})
	if _, p := askLandlock(); p != nil {
		t.Skip(p)
	}
	dir := lay(t)
	work := filepath.Join(dir, "work")
	f := &Fence{Places: Places{Home: dir, Dir: work, Policy: filepath.Join(work, "policy.toml")}}
	for _, name := range kept {
		f.Places.Read = append(f.Places.Read, filepath.Join(work, name))
	}
	os.Symlink("../dotfiles/settings.json", f.Places.Policy) // which others tell of
	if _, err := f.Prepare(); err != nil {
		t.Fatal(err)
	}
	states := f.Loose()
	if changed := states.Changed(); len(changed) > 0 {
		t.Errorf("nothing was changed, and it is said of %v", changed)
	}
	var want []string
	for _, name := range append(kept, "free/link", "policy.toml") {
		link := filepath.Join(work, name)
		os.Remove(link)
		os.WriteFile(link, []byte("another"), 0o600)
		if name == ".claude/deep/settings.json" || name == "none" {
			want = append(want, link)
		}
	}
	if changed := states.Changed(); !slices.Equal(changed, want) {
		t.Errorf("%v, want %v", changed, want)
	}
}
