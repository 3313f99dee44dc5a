package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// agent is what a coding agent keeps of its own below the user's directory: it writes there as it works, and most do not
// start where they cannot.
type agent struct {
	command string
	npm     string   // its package, as npx takes it
	keeps   []string // the child can write these. They are made where they are missing
	settled []string // below those: what says which programs it starts and what it may. The child can read them and not change them
}

// agents are those that were seen to run confined: a whole turn, but amp, which does not without a login of its own. Others need
// the policy's [isolation] write.
var agents = []agent{
	{"claude", "@anthropic-ai/claude-code", []string{".claude"}, []string{".claude/settings.json", ".claude/hooks", ".claude/local", ".claude/plugins"}},
	{"codex", "@openai/codex", []string{".codex"}, []string{".codex/config.toml", ".codex/hooks.json", ".codex/rules", ".codex/packages"}},
	{"gemini", "@google/gemini-cli", []string{".gemini"}, []string{".gemini/settings.json", ".gemini/extensions", ".gemini/.env", ".gemini/policies", ".gemini/tmp/bin"}},
	{"opencode", "opencode-ai", []string{".local/share/opencode", ".local/state/opencode", ".config/opencode"},
		[]string{".config/opencode/opencode.json", ".config/opencode/opencode.jsonc", ".config/opencode/plugin", ".config/opencode/plugins", ".config/opencode/tool", ".config/opencode/tools", ".local/share/opencode/bin"}},
	{"qwen", "@qwen-code/qwen-code", []string{".qwen"}, []string{".qwen/settings.json", ".qwen/extensions", ".qwen/.env"}},
	{"copilot", "@github/copilot", []string{".copilot"}, []string{".copilot/settings.json", ".copilot/mcp-config.json", ".copilot/hooks", ".copilot/installed-plugins", ".copilot/pkg"}},
	{"amp", "@sourcegraph/amp", []string{".config/amp", ".local/share/amp"}, []string{".config/amp/settings.json", ".config/amp/plugins"}},
	{"cn", "@continuedev/cli", []string{".continue"}, []string{".continue/config.yaml", ".continue/config.json", ".continue/config.ts"}},
	{"cline", "cline", []string{".cline"}, []string{".cline/hooks", ".cline/plugins"}},
	{"droid", "droid", []string{".factory"}, []string{".factory/settings.json", ".factory/mcp.json", ".factory/hooks", ".factory/hooks.json", ".factory/plugins", ".factory/bin"}},
	{"grok", "@vibe-kit/grok-cli", []string{".grok"}, []string{".grok/settings.json"}},
	{"kilo", "@kilocode/cli", []string{".local/share/kilo", ".local/state/kilo", ".local/state/kilo-sandbox-policy", ".config/kilo"},
		[]string{".config/kilo/kilo.json", ".config/kilo/kilo.jsonc", ".config/kilo/opencode.json", ".config/kilo/plugin", ".config/kilo/plugins", ".local/share/kilo/bin"}},
	{"pi", "@mariozechner/pi-coding-agent", []string{".pi"}, []string{".pi/agent/settings.json", ".pi/agent/models.json", ".pi/agent/extensions", ".pi/agent/bin"}},
}

// Unsettled lists what is settled in agents' own directories, and in the user's where the child works in it, and is not there, with the
// directories of programs that are not. Nothing holds what is not there, so the child can make it where it can write.
func (p Places) Unsettled() (paths []string) {
	own := settledPlaces
	if dir, home := p.leads(); dir != home {
		own = nil
	}
	for _, names := range append(agentsSettled(), own) {
		for _, name := range names {
			all := p.elsewhere(name)
			if p.Home != "" {
				all = append(all, filepath.Join(p.Home, filepath.FromSlash(name)))
			}
			for _, path := range all {
				if _, there := lstat(path); !there {
					paths = append(paths, path)
				}
			}
		}
	}
	for _, dir := range p.programs() {
		if _, there := lstat(dir); !there {
			paths = append(paths, dir)
		}
	}
	return paths
}

func agentsSettled() (all [][]string) {
	for _, a := range agents {
		all = append(all, a.settled)
	}
	return all
}

// Made lists those of paths that are there.
func Made(paths []string) (made []string) {
	for _, path := range paths {
		if _, there := lstat(path); there {
			made = append(made, path)
		}
	}
	return made
}

// Claude Code keeps a file beside its directory and replaces it to save it, which takes a directory that can be written. A link
// there it follows, confined or not, and replaces what it leads to.
const (
	claudeFile   = ".claude.json"
	claudeLinked = ".claude/.claude.json"
)

// LinkState makes the link, where the agent of a command line wants one and has no such file yet. Where it has, mend is the command
// that moves it, which is for a person to say; "": there is nothing to do.
func (p Places) LinkState(argv []string) (mend string) {
	a := agentOf(argv)
	if a.command != "claude" || p.Home == "" || len(p.elsewhere(claudeLinked)) > 0 {
		return ""
	}
	file := filepath.Join(p.Home, claudeFile)
	isLink, there := lstat(file)
	switch {
	case !there:
		os.Symlink(claudeLinked, file)
	case !isLink:
		return "mv ~/" + claudeFile + " ~/.claude/ && ln -s " + claudeLinked + " ~/" + claudeFile
	}
	return ""
}

// linked says whether a path is such a link: what it leads to is held as all that is beside it.
func (p Places) linked(path string) bool {
	if path != filepath.Join(p.Home, claudeFile) {
		return false
	}
	to, err := os.Readlink(path)
	return err == nil && to == claudeLinked
}

// launchers start what a later word of their command line names.
const launchers = " npx npm pnpm yarn bunx bun node deno sh bash zsh dash env timeout nice nohup setsid script xvfb-run dbus-run-session "

// agentOf finds the agent that a command line starts, itself or by way of a launcher; the zero agent if it starts none.
func agentOf(argv []string) agent {
	for i, arg := range argv {
		for word := range strings.FieldsSeq(arg) {
			for _, a := range agents {
				if a.is(word) {
					return a
				}
			}
		}
		if i == 0 && !strings.Contains(launchers, " "+filepath.Base(arg)+" ") {
			break
		}
	}
	return agent{}
}

// is says whether a word is the agent's command, with or without a path, or its package, with or without a version.
func (a agent) is(word string) bool {
	rest, packed := strings.CutPrefix(word, a.npm)
	return filepath.Base(word) == a.command || packed && (rest == "" || rest[0] == '@')
}
