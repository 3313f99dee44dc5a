package sandbox

import (
	"os"
	"path/filepath"
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
	if got := GitRuns(filepath.Join(dir)); len(got) != 0 {
		t.Errorf("of what git writes by itself: %v", got)
	}
	for name, text := range map[string]string{
		".git/config":                     usual + "[core]\n\tfsMonitor = /tmp/x\n",
		".git/config.worktree":            "[core] sshCommand=/tmp/x",
		".git/commondir":                  "/tmp/x\n",
		".git/hooks/pre-commit":           "#!/bin/sh\n",
		".git/modules/sub/config":         "[ALIAS]\n\tst = status\n",
		".git/modules/sub/hooks/pre-push": "#!/bin/sh\n",
		".git/modules/other/config":       "[submodule \"a=]b\"]\n\tupdate = \"!/tmp/x\"\n",
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
