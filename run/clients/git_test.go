package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/run/environ"
)

// Where git goes, whatever the user's own configuration says: to fetch and to push.
func TestGitGoesOverHTTPS(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "gitconfig")
	if err := os.WriteFile(file, gitConfig([]string{"git.example.com:8443", "github.com"}), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "https://github.com/myorg/myrepo.git"
	for _, user := range []string{
		"",
		"[url \"git@github.com:\"]\ninsteadOf = https://github.com/\n",
		"[url \"ssh://git@github.com/\"]\npushInsteadOf = https://github.com/\ninsteadOf = https://github.com/\n",
		"[url \"git@github.com:\"]\npushInsteadOf = https://github.com/\n",
		"[url \"git@work:\"]\ninsteadOf = git@github.com:\ninsteadOf = ssh://git@github.com/\n",
		"[url \"https://token@github.com/\"]\ninsteadOf = https://github.com/\n",
	} {
		for _, remote := range []string{
			want, "git@github.com:myorg/myrepo.git", "ssh://git@github.com/myorg/myrepo.git", "git://github.com/myorg/myrepo.git", "github.com:myorg/myrepo.git",
			"ssh://git@github.com:22/myorg/myrepo.git", "git+ssh://git@github.com/myorg/myrepo.git", "ssh://git@ssh.github.com:443/myorg/myrepo.git", "git@github.com:/myorg/myrepo.git",
		} {
			fetch, push := whereGitGoes(t, dir, file, user, remote)
			if fetch != want || push != want {
				t.Errorf("%s with %q: fetches from %s, pushes to %s", remote, user, fetch, push)
			}
		}
	}
	for remote, want := range map[string]string{
		"git@git.example.com:me/x.git": "https://git.example.com:8443/me/x.git", "git@github.com.example.com:me/x.git": "git@github.com.example.com:me/x.git",
		"git@gitlab.com:me/x.git": "git@gitlab.com:me/x.git", "https://gitlab.com/me/x.git": "https://gitlab.com/me/x.git", "../x": "../x",
	} {
		if fetch, push := whereGitGoes(t, dir, file, "", remote); fetch != want || push != want {
			t.Errorf("%s: fetches from %s, pushes to %s", remote, fetch, push)
		}
	}
	// A remote that names a place to push to is no way round.
	if _, push := whereGitGoes(t, dir, file, "[remote \"origin\"]\npushurl = git@github.com:myorg/myrepo.git\n", "../x"); push != want {
		t.Errorf("an own pushurl leads to %s", push)
	}
}

// whereGitGoes asks git itself.
func whereGitGoes(t *testing.T, dir, file, user, remote string) (fetch, push string) {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(user), 0o600); err != nil {
		t.Fatal(err)
	}
	env := environ.Of([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=user.name",
		"GIT_CONFIG_VALUE_0=me"})
	Files{GitConfig: file}.Set(env, "", false)
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = home, env.List()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("remote", "add", "origin", remote)
	if name := git("config", "user.name"); name != "me" {
		t.Errorf("the configuration of the environment is lost: %s", name)
	}
	return git("remote", "get-url", "origin"), git("remote", "get-url", "--push", "origin")
}

func TestGitConfigIsAppended(t *testing.T) {
	if file := gitConfig([]string{"gist.github.com", "github.com"}); len(file) > 24<<10 {
		t.Errorf("each command of git reads %d bytes", len(file))
	}
	for given, want := range map[string]string{"": "0", "0": "0", "2": "2", "x": "0", "-1": "0"} {
		env := environ.Of([]string{"GIT_CONFIG_COUNT=" + given})
		Files{GitConfig: "/d/gitconfig"}.Set(env, "http://127.0.0.1:1234", false)
		if env.Get("GIT_CONFIG_KEY_"+want) != "include.path" || env.Get("GIT_CONFIG_VALUE_"+want) != "/d/gitconfig" {
			t.Errorf("%q: %q", given, env.List())
		}
	}
}
