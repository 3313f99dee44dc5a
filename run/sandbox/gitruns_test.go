package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGitRuns: what makes git run another program than before is told from what it writes by itself.
func TestGitRuns(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	usual := "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://x/y\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"cleanup-process\"]\n\tremote = origin\n\tmerge = refs/heads/pager\n[user]\n\tname = helper\n"
	write(".git/HEAD", "ref: refs/heads/main\n")
	write(".git/config", usual)
	write(".git/hooks/pre-commit.sample", "x")
	write(".git/worktrees/usual/commondir", "../..\n")
	write(".git/modules/a/b/HEAD", "x")
	write(".git/modules/sub/HEAD", "x")
	write(".git/modules/other/HEAD", "x")
	if got := GitRuns(filepath.Join(dir)); len(got) != 0 {
		t.Errorf("of what git writes by itself: %v", got)
	}
	for name, text := range map[string]string{
		".git/config":                       usual + "[core]\n\tfsMonitor = /tmp/x\n",
		".git/config.worktree":              "[core] sshCommand=/tmp/x",
		".git/commondir":                    "/tmp/x\n",
		".git/hooks/pre-commit":             "#!/bin/sh\n",
		".git/modules/sub/config":           "[ALIAS]\n\tst = status\n",
		".git/modules/sub/hooks/pre-push":   "#!/bin/sh\n",
		".git/modules/other/config":         "[submodule \"a=]b\"]\n\tupdate = \"!/tmp/x\"\n",
		".git/modules/a/b/config":           "[diff]\n\texternal = /tmp/x\n",
		".git/worktrees/w/config.worktree":  "[pager]\n\tlog = /tmp/x\n",
		".git/worktrees/w/commondir":        "/tmp/x\n",
		".git/rebase-merge/git-rebase-todo": "pick 1\n \tx\t/tmp/x\n",
	} {
		before := len(GitRuns(dir))
		write(name, text)
		found := false
		for line := range GitRuns(dir) {
			found = found || strings.HasPrefix(line, filepath.Join(dir, name)+": ")
		}
		if n := len(GitRuns(dir)); n != before+1 || !found {
			t.Errorf("%s: %d lines instead of %d: %v", name, n, before+1, GitRuns(dir))
		}
	}
}

// TestGitRunsElsewhere: where the repository is said to be is told, since the one there runs what it likes.
func TestGitRunsElsewhere(t *testing.T) {
	top := t.TempDir()
	dir, dot := filepath.Join(top, "a/b"), filepath.Join(top, "a/.git")
	os.MkdirAll(dir, 0o755)
	tells := func(want ...string) {
		t.Helper()
		if got := slices.Sorted(maps.Keys(GitRuns(dir))); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	os.Mkdir(dot, 0o755) // which git passes over
	os.WriteFile(filepath.Join(top, ".git"), []byte("gitdir: ../usual\n"), 0o644)
	tells(filepath.Join(top, ".git") + ": gitdir: ../usual")
	os.Remove(dot)
	os.WriteFile(dot, []byte("gitdir: evil\n"), 0o644)
	tells(dot + ": gitdir: evil")
	os.Remove(dot)
	if err := os.Symlink("evil", dot); err != nil {
		t.Skip(err)
	}
	tells(dot + ": evil")
	os.WriteFile(filepath.Join(dir, "HEAD"), nil, 0o644)
	os.Mkdir(filepath.Join(dir, ".git"), 0o755)
	os.WriteFile(filepath.Join(dir, ".git/HEAD"), nil, 0o644)
	tells()
}

// TestGitRunsWhatIsNotRead: a configuration that git reads and we do not is told of, and nothing of what it holds: a link may lead to what is
// hidden.
func TestGitRunsWhatIsNotRead(t *testing.T) {
	linked := t.TempDir()
	for _, name := range []string{".git/HEAD", "others/x/config", "others/y"} {
		os.MkdirAll(filepath.Dir(filepath.Join(linked, name)), 0o755)
		os.WriteFile(filepath.Join(linked, name), []byte("token: x\n"), 0o600)
	}
	for link, told := range map[string]string{"worktrees": "map[]", "hooks": "map[" + linked + "/.git/hooks: ../others:true]"} {
		os.Symlink("../others", filepath.Join(linked, ".git", link))
		if got := fmt.Sprint(GitRuns(linked)); got != told {
			t.Errorf("%s are a link: %s", link, got)
		}
		os.Remove(filepath.Join(linked, ".git", link))
	}
	os.Mkdir(filepath.Join(linked, ".git/worktrees"), 0o755)
	os.Symlink("../../others/x", filepath.Join(linked, ".git/worktrees/x"))
	if got := GitRuns(linked); len(got) > 0 {
		t.Errorf("a worktree is a link: %v", got)
	}
	for name, do := range map[string]func(git string) error{
		"a link":   func(git string) error { return os.Symlink("other", git+"/config") },
		"too much": func(git string) error { return os.WriteFile(git+"/config", make([]byte, maxGitConfig+1), 0o600) },
		"HEAD is a link": func(git string) error {
			return errors.Join(os.Rename(git+"/HEAD", git+"/refs"), os.Symlink("refs/heads/main", git+"/HEAD"), os.Symlink("other", git+"/config"))
		},
		"bare": func(git string) error {
			return errors.Join(os.Rename(git+"/HEAD", git+"/../HEAD"), os.WriteFile(git+"/../config", []byte("[alias]\nx = y\n"), 0o600))
		},
	} {
		dir := t.TempDir()
		git := filepath.Join(dir, ".git")
		os.Mkdir(git, 0o755)
		os.WriteFile(git+"/HEAD", nil, 0o644)
		os.WriteFile(git+"/other", []byte("password = hunter2\n"), 0o600)
		if got := GitRuns(dir); len(got) != 0 {
			t.Errorf("%s: before: %v", name, got)
		}
		if err := do(git); err != nil {
			t.Fatal(err)
		}
		first := GitRuns(dir)
		os.WriteFile(git+"/other", []byte("password = hunter3, and more\n"), 0o600)
		if text := fmt.Sprint(first); len(first) != 1 || strings.Contains(text, "hunter2") || len(text) > 500 {
			t.Errorf("%s: %.500s", name, text)
		}
		if then := GitRuns(dir); strings.HasSuffix(name, "a link") && maps.Equal(first, then) {
			t.Errorf("%s: a change of what it leads to is not told of", name)
		}
	}
}

// TestNamesProgram: git's configuration has more ways to name a program than a line of its own for each.
func TestNamesProgram(t *testing.T) {
	for text, want := range map[string]int{
		"[core] [include] path = /tmp/x":                   1,
		"[filter \"a=b\"] clean = /tmp/x":                  1,
		"[filter \"a\\\"]b\"]\nclean = x":                  1,
		"\ufeff[include]\npath = /tmp/x":                   1,
		"[interactive]\ndiffFilter = x":                    1,
		"[mergetool \"vimdiff\"]\npath = x":                1,
		"[remote \"o\"]\nurl = ext::sh -c x":               1,
		"[protocol]\nallow = always":                       1,
		"[remote.o]\nurl = https://x/a::b":                 1,
		"[http]\nsslVerify = false\nproxy=x\npostBuffer=1": 2,
		"[pager]\nx = y # \\\n[core]\nlog = z":             1,
		"[branch \"x\"]\ny = a \\\n[pager]\nlog = z":       2,
		"[core] ; [pager]\nbare = true":                    0,
		"[broken":                                          1,
		"[branch \"pager]\"]\nremote = o ; hook":           0,
		"# \\\n[core]\nignoreCase":                         1,
	} {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, ".git"), 0o755)
		os.WriteFile(filepath.Join(dir, ".git/HEAD"), nil, 0o644)
		os.WriteFile(filepath.Join(dir, ".git/config"), []byte(text), 0o644)
		if got := GitRuns(dir); len(got) != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
