package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// viewOf is the view of a path by the rule that is nearest to it.
func viewOf(rules []Rule, path string) (view View, known bool) {
	near := -1
	for _, r := range rules {
		if within(path, r.Path) && len(r.Path) >= near {
			near, view, known = len(r.Path), r.View, true
		}
	}
	return view, known
}

// TestMoves: what a variable put elsewhere is seen there as it would be below the user's directory.
func TestMoves(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no sandbox")
	}
	env := map[string]string{
		"XDG_CONFIG_HOME": "/cfg", "XDG_DATA_HOME": "/data", "XDG_STATE_HOME": "/state/", "DOCKER_CONFIG": "/secret/docker", "KUBECONFIG": "/secret/k1:/secret/k2",
		"NETRC": "/secret/netrc", "CARGO_HOME": "/cargo", "GOPATH": "/go1:/go2", "GIT_CONFIG_GLOBAL": "/etc/git-global", "CLAUDE_CONFIG_DIR": "/agents/claude",
		// None of these is a place for secrets, and hiding it would break the run.
		"HISTFILE": "/dev/null", "NPM_CONFIG_USERCONFIG": "/dev/null", "GNUPGHOME": "/", "PIP_CONFIG_FILE": "relative", "GH_CONFIG_DIR": "/nowhere/u", "AZURE_CONFIG_DIR": "/nowhere/u/work/../work",
		"COMPOSER_HOME": "/nowhere", "PGPASSFILE": "",
		"REGISTRY_AUTH_FILE": "/secret/auth.json", "HF_HOME": "/models",
		"BASH_ENV": "/tmp/.bash_env-1", "GITHUB_ENV": "/tmp/runner/env", "GITHUB_PATH": "/nowhere/u/work/path", "GITHUB_STATE": "", "PYTHONSTARTUP": "/tmp/start.py",
	}
	p := Places{Home: "/nowhere/u", Dir: "/nowhere/u/work", Moves: Moves(func(name string) string { return env[name] })}
	rules := p.Rules()
	for path, want := range map[string]View{
		"/cfg/gh/hosts.yml": Hidden, "/cfg/gcloud": Hidden, "/data/keyrings/login.keyring": Hidden, "/state/agentguard/x": Hidden, "/secret/docker/config.json": Hidden,
		"/secret/k1": Hidden, "/secret/k2": Hidden, "/secret/netrc": Hidden, "/cargo/credentials.toml": Hidden,
		"/cfg/autostart/x": ReadOnly, "/cfg/git/config": ReadOnly, "/cargo/bin/cargo": ReadOnly, "/etc/git-global": ReadOnly, "/go1/bin/x": ReadOnly,
		"/data/opencode/x": Writable, "/cargo/registry/x": Writable, "/go1/pkg/mod": Writable, "/go2/pkg/mod": Writable, "/agents/claude/x": Writable,
		"/agents/claude/settings.json": ReadOnly, "/nowhere/u/work/x": Writable, "/nowhere/u/.netrc": Hidden, "/nowhere/u/.docker/config.json": Hidden, "/nowhere/u/x": ReadOnly,
		"/cfg/tea/config.yml": Hidden, "/secret/auth.json": Hidden, "/models/token": Hidden, "/data/com.vercel.cli/auth.json": Hidden, "/nowhere/u/.subversion/auth/svn.simple/x": Hidden, "/nowhere/u/.subversion/config": ReadOnly,
		"/nowhere/u/.ansible/galaxy_token": Hidden, "/nowhere/u/.ansible/tmp/x": Writable, "/nowhere/u/.qwen/x": Writable, "/nowhere/u/.qwen/settings.json": ReadOnly,
		"/tmp/.bash_env-1": ReadOnly, "/tmp/runner/env": ReadOnly, "/tmp/runner/x": Writable, "/nowhere/u/work/path": ReadOnly, "/tmp/start.py": ReadOnly,
	} {
		if got, known := viewOf(rules, path); !known || got != want {
			t.Errorf("%s: view %d, %v", path, got, known)
		}
	}
	for _, path := range []string{"/dev/null", "/cfg", "/data/x", "/cargo", "/secret"} {
		if view, known := viewOf(rules, path); known {
			t.Errorf("%s: view %d", path, view)
		}
	}
}

// TestFirst: an agent's own directories are made where it looks for them, and no others.
func TestFirst(t *testing.T) {
	p := Places{Home: filepath.FromSlash("/home/u"), Moves: []Move{{".local/state", filepath.FromSlash("/state")}}}
	want := []string{"/home/u/.cache", "/home/u/.npm", "/home/u/go/pkg", "/home/u/.local/share/opencode", "/state/opencode", "/home/u/.config/opencode"}
	for i := range want {
		want[i] = filepath.FromSlash(want[i])
	}
	for _, line := range [][]string{
		{"/usr/bin/opencode", "run"}, {"npx", "-y", "opencode-ai@latest"}, {"bunx", "opencode-ai"}, {"bash", "-c", "cd work && exec opencode run"}, {"timeout", "60", "/opt/x/opencode"},
	} {
		if got := p.First(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q", line, got)
		}
	}
	for _, line := range [][]string{{"npx", "@factory/cli"}, {"npx", "-y", "droid@latest"}, {"droid"}} {
		if got := p.First(line); !slices.Contains(got, filepath.FromSlash("/home/u/.factory")) {
			t.Errorf("%q: %q", line, got)
		}
	}
	for line, place := range map[string]string{
		"claude-agent-acp": ".claude", "npx -y @zed-industries/codex-acp@0.16.0": ".codex", "node_modules/.bin/codex-acp --help": ".codex",
		"npx @earendil-works/pi-coding-agent -p hello": ".pi", "kimi -p hello": ".kimi-code", "npx @letta-ai/letta-code": ".letta",
	} {
		if got := p.First(strings.Fields(line)); !slices.Contains(got, filepath.Join(p.Home, place)) {
			t.Errorf("%s: %q", line, got)
		}
	}
	for _, line := range [][]string{{"sh"}, {"npx", "codex-acpx"}, {"claude-notes"}, nil, {"grep", "-r", "opencode"}, {"npx", "opencode-aid"}, {"sh", "-c", "cat opencode.txt"}} {
		if got := p.First(line); !slices.Equal(got, want[:3]) {
			t.Errorf("%q: %q", line, got)
		}
	}
	p.Dir = t.TempDir()
	for name, text := range map[string]string{
		"agent.sh": "#!/bin/sh\n# runs the agent\nexec opencode run \"$@\"\n", "bot.mjs": `import { createOpencode } from "@opencode-ai/sdk"`, "bot.py": `subprocess.run(["opencode", "run"])`,
		"none.sh": "#!/bin/sh\necho no-opencode; pi=3; cat opencode.txt\n", "binary": "opencode\x00", "bin/nightly": "#!/bin/sh\nexec opencode run\n",
		"Makefile": "bot:\n\t@./agent.sh\nnone:\n\t./none.sh\n", "web/package.json": `{"scripts": {"bot": "opencode run"}}`, "sub/justfile": "bot:\n    @opencode run\n",
		"other/package.json": `{"scripts": {"test": "node --test"}, "keywords": ["opencode-like"]}`,
	} {
		os.MkdirAll(filepath.Dir(filepath.Join(p.Dir, name)), 0o700)
		os.WriteFile(filepath.Join(p.Dir, name), []byte(text), 0o700)
	}
	os.WriteFile(filepath.Join(p.Dir, "amp.sh"), []byte("npx -y @sourcegraph/amp@latest -x hello\n"), 0o700)
	if got := p.First([]string{"sh", "amp.sh"}); !slices.Contains(got, filepath.FromSlash("/home/u/.config/amp")) {
		t.Errorf("an older name of a package: %q", got)
	}
	p.Path = []string{"relative", filepath.Join(p.Dir, "bin")}
	for _, line := range [][]string{{"./agent.sh", "x"}, {"bash", "-e", "agent.sh"}, {"node", "bot.mjs"}, {"python3", filepath.Join(p.Dir, "bot.py")}, {"nightly"},
		{"make", "bot"}, {"sh", "-c", "exec make bot"}, {"/usr/bin/npm", "--prefix", "web", "run", "bot"}, {"just", "-d", "sub", "bot"}, {"just", "-f", "sub/justfile"}, {"env", "A=b", "make"},
	} {
		if got := p.First(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q", line, got)
		}
	}
	for _, line := range [][]string{{"bash", "none.sh"}, {"cat", "agent.sh"}, {"./binary"}, {"npm", "--prefix", "other", "test"}, {"npm", "ci"}, {"ls", "web"}, {"bash", "missing.sh"}, {"bash", "."}} {
		if got := p.First(line); !slices.Equal(got, want[:3]) {
			t.Errorf("%q: %q", line, got)
		}
	}
	home := t.TempDir()
	os.Mkdir(filepath.Join(home, ".m2"), 0o700)
	if got, repository := (Places{Home: home}).First(nil), filepath.Join(home, ".m2/repository"); !slices.Contains(got, repository) || slices.Contains(got, filepath.Join(home, ".cargo/registry")) {
		t.Errorf("where Maven keeps its settings and Cargo nothing: %q", got)
	}
	if got := (Places{}).First([]string{"claude"}); len(got) > 0 {
		t.Errorf("without a home: %q", got)
	}
}

// TestLinkState: where Claude Code has no file yet, it gets one that it can replace; one that it has is its user's to move, and the
// command that is said does it.
func TestLinkState(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no sandbox")
	}
	home := t.TempDir()
	file, to := filepath.Join(home, ".claude.json"), filepath.Join(home, ".claude", ".claude.json")
	p := Places{Home: home, Dir: "/"}
	holds := func() bool {
		return slices.Contains(p.Rules(), Rule{file, Writable}) // which would make it a mount point, that nothing can replace
	}
	if os.Mkdir(filepath.Dir(to), 0o700) != nil || p.LinkState([]string{"sh"}) != "" || os.WriteFile(file, []byte("{}"), 0o600) != nil || !holds() {
		t.Fatal("the file")
	}
	mend := p.LinkState([]string{"npx", "@anthropic-ai/claude-code"})
	if out, err := exec.Command("sh", "-c", strings.ReplaceAll(mend, "~", home)).CombinedOutput(); mend == "" || err != nil {
		t.Fatalf("%q: %s, %v", mend, out, err)
	}
	for range 2 { // moved by its user, then made by us
		if mend := p.LinkState([]string{"claude"}); mend != "" || holds() {
			t.Errorf("%q, a rule: %v", mend, holds())
		}
		if os.WriteFile(file, []byte("{1}"), 0o600) != nil || os.Rename(to, to+".old") != nil || os.Remove(file) != nil {
			t.Error("the link leads elsewhere")
		}
	}
	p.Moves = []Move{{".claude", "/elsewhere"}}
	if mend := p.LinkState([]string{"claude"}); mend != "" {
		t.Error(mend)
	}
	if _, err := os.Lstat(file); err == nil {
		t.Error("made a link for what is elsewhere")
	}
}
