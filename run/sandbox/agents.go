package sandbox

import (
	"bytes"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// agent is what a coding agent keeps of its own below the user's directory: it writes there as it works, and most do not
// start where they cannot.
type agent struct {
	command string
	npm     string   // its package, as npx takes it
	sdk     string   // the package by which programs start it; "": there is none
	keeps   []string // the child can write these. They are made where they are missing
	settled []string // below those: what says which programs it starts and what it may. The child can read them and not change them
}

// agents are those that were seen to run confined: a whole turn, but amp, which does not without a login of its own. Others need
// the policy's [isolation] write.
var agents = []agent{
	{"claude", "@anthropic-ai/claude-code", "@anthropic-ai/claude-agent-sdk", []string{".claude"}, []string{".claude/settings.json", ".claude/hooks", ".claude/local", ".claude/plugins", ".claude/commands", ".claude/agents", ".claude/skills", ".claude/settings.local.json", ".claude/rules", ".claude/output-styles", ".claude/workflows", ".claude/routines", ".claude/loop.md", ".claude/CLAUDE.md", ".claude/chrome", ".claude/daemon", ".claude/daemon.json", ".claude/jobs", ".claude/scheduled_tasks.json", ".claude/statusline.sh", ".claude/statusline-command.sh"}},
	{"codex", "@openai/codex", "@openai/codex-sdk", []string{".codex"}, []string{".codex/config.toml", ".codex/hooks.json", ".codex/rules", ".codex/prompts", ".codex/packages"}},
	{"gemini", "@google/gemini-cli", "", []string{".gemini"}, []string{".gemini/settings.json", ".gemini/extensions", ".gemini/commands", ".gemini/.env", ".gemini/policies", ".gemini/tmp/bin"}},
	{"opencode", "opencode-ai", "@opencode-ai/sdk", []string{".local/share/opencode", ".local/state/opencode", ".config/opencode"},
		[]string{".config/opencode/opencode.json", ".config/opencode/opencode.jsonc", ".config/opencode/plugin", ".config/opencode/plugins", ".config/opencode/tool", ".config/opencode/tools", ".config/opencode/command", ".config/opencode/commands", ".config/opencode/agent", ".config/opencode/agents", ".config/opencode/skill", ".config/opencode/skills", ".local/share/opencode/bin"}},
	{"qwen", "@qwen-code/qwen-code", "", []string{".qwen"}, []string{".qwen/settings.json", ".qwen/extensions", ".qwen/commands", ".qwen/agents", ".qwen/.env"}},
	{"copilot", "@github/copilot", "@github/copilot-sdk", []string{".copilot"}, []string{".copilot/settings.json", ".copilot/mcp-config.json", ".copilot/hooks", ".copilot/installed-plugins", ".copilot/agents", ".copilot/pkg"}},
	{"amp", "@ampcode/cli", "", []string{".config/amp", ".local/share/amp"}, []string{".config/amp/settings.json", ".config/amp/plugins", ".config/amp/commands"}},
	{"cn", "@continuedev/cli", "", []string{".continue"}, []string{".continue/config.yaml", ".continue/config.json", ".continue/config.ts"}},
	{"cline", "cline", "", []string{".cline"}, []string{".cline/hooks", ".cline/plugins"}},
	{"droid", "@factory/cli", "", []string{".factory"}, []string{".factory/settings.json", ".factory/mcp.json", ".factory/hooks", ".factory/hooks.json", ".factory/plugins", ".factory/commands", ".factory/droids", ".factory/bin"}},
	{"grok", "@vibe-kit/grok-cli", "", []string{".grok"}, []string{".grok/settings.json"}},
	{"kilo", "@kilocode/cli", "", []string{".local/share/kilo", ".local/state/kilo", ".local/state/kilo-sandbox-policy", ".config/kilo"},
		[]string{".config/kilo/kilo.json", ".config/kilo/kilo.jsonc", ".config/kilo/opencode.json", ".config/kilo/plugin", ".config/kilo/plugins", ".config/kilo/command", ".config/kilo/commands", ".config/kilo/agent", ".config/kilo/agents", ".local/share/kilo/bin"}},
	{"kimi", "@moonshot-ai/kimi-code", "", []string{".kimi-code"}, []string{".kimi-code/config.toml", ".kimi-code/mcp.json", ".kimi-code/plugins", ".kimi-code/agents", ".kimi-code/skills", ".kimi-code/bin", ".kimi-code/statusline.sh"}},
	{"letta", "@letta-ai/letta-code", "", []string{".letta"}, []string{".letta/agents", ".letta/skills", ".letta/commands", ".letta/statusline-command.sh"}},
	{"pi", "@mariozechner/pi-coding-agent", "", []string{".pi"}, []string{".pi/agent/settings.json", ".pi/agent/models.json", ".pi/agent/extensions", ".pi/agent/prompts", ".pi/agent/skills", ".pi/agent/bin"}},
}

// shellPlaces are where agents keep what their shells execute first, at each command: one that runs confined is not to write what another of
// the user's executes.
var shellPlaces = []string{".claude/shell-snapshots", ".claude/session-env", ".codex/shell_snapshots"}

// Shells lists such directories as they are, or could come to be, in agents' own that are there. A sealed command has some that are forgotten
// at its end.
func (p Places) Shells() (dirs []string) {
	for _, name := range shellPlaces {
		for _, path := range p.everywhere(name) {
			if isThere(filepath.Dir(path)) && p.Home != "" {
				dirs = append(dirs, path)
			}
		}
	}
	return dirs
}

// Unsettled lists what is settled in agents' own directories, and in the user's where the child works in it, and is not there; with the
// directories of programs that are not. Nothing holds what is not there, so the child can make it where it can write.
func (p Places) Unsettled() (paths []string) {
	lists, known := agentsSettled(), newLinks()
	if _, atHome := p.works(); atHome {
		lists = append(lists, settledPlaces.names(), startingPlaces)
	}
	for _, names := range lists {
		for _, name := range names {
			for _, path := range p.everywhere(name) {
				if !known.has(path) {
					paths = append(paths, path)
				}
			}
		}
	}
	for _, dir := range p.programs() {
		if !isThere(dir) {
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
		if isThere(path) {
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
	if p.Home == "" || len(p.elsewhere(claudeLinked)) > 0 || !newLinks().has(filepath.Join(p.Home, filepath.Dir(claudeLinked))) { // First makes it
		return ""
	}
	if !slices.ContainsFunc(p.agentsOf(argv), func(a agent) bool { return a.command == "claude" }) {
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
const launchers = " npx npm pnpm yarn bunx bun node deno sh bash zsh dash env timeout nice nohup setsid script xvfb-run dbus-run-session python python3 tsx ts-node uv "

// recipes are the files by which programs know what they are to start, in the directory where they work.
var recipes = []struct{ programs, files string }{
	{" make gmake ", "GNUmakefile makefile Makefile"},
	{" just ", "justfile Justfile .justfile"},
	{" task go-task ", "Taskfile.yml Taskfile.yaml taskfile.yml taskfile.yaml"},
	{" npm pnpm yarn bun ", "package.json"},
	{" deno ", "deno.json deno.jsonc"},
	{" uv poetry ", "pyproject.toml"},
	{" mise ", "mise.toml .mise.toml"},
	{" rake ", "Rakefile"},
}

// agentsOf finds the agents that a command line starts: itself, by way of a launcher, by a recipe or by a script.
func (p Places) agentsOf(argv []string) (found []agent) {
	launched := len(argv) > 0 && strings.Contains(launchers, " "+filepath.Base(argv[0])+" ")
	words := strings.Fields(strings.Join(argv, " "))
	programs := words // may be
	if !launched {
		programs = words[:min(1, len(words))]
	}
	for _, word := range programs {
		for _, a := range agents {
			if a.is(word) {
				return []agent{a}
			}
		}
	}
	words, programs = words[:min(maxNamed, len(words))], programs[:min(maxNamed, len(programs))]
	for _, program := range programs {
		if found = p.agentsFrom(p.recipe(program, words)); len(found) > 0 {
			return found
		}
	}
	for i, arg := range argv {
		if i == 0 && launched && !strings.Contains(arg, "/") {
			continue
		}
		if text := p.script(p.inPath(arg, i)); text != "" || !launched {
			return p.agentsFrom(text)
		}
	}
	return nil
}

// recipe is the text by which a program goes that words start: in the directory where it works, in one that a word names, or named itself.
func (p Places) recipe(program string, words []string) (text string) {
	for _, r := range recipes {
		if !strings.Contains(r.programs, " "+filepath.Base(program)+" ") {
			continue
		}
		for _, place := range append([]string{"."}, words...) {
			text += p.script(place) + "\n"
			for _, file := range strings.Fields(r.files) {
				text += p.script(filepath.Join(place, file)) + "\n"
			}
		}
	}
	return text
}

// inPath is where the first word of a command line is found: what has no slash, in the directories of programs.
func (p Places) inPath(name string, at int) string {
	if at > 0 || strings.Contains(name, "/") {
		return name
	}
	for _, dir := range p.Path {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) && isFile(path) {
			return path
		}
	}
	return name
}

// maxScript bounds what is read of a script, in bytes.
const maxScript = 64 << 10

// script is the text of a file that a command line names, "" where it is none.
func (p Places) script(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.Dir, name)
	}
	if !isFile(name) {
		return ""
	}
	f, err := os.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	text := make([]byte, maxScript)
	n, _ := io.ReadFull(f, text)
	if bytes.IndexByte(text[:n], 0) >= 0 { // a program
		return ""
	}
	return string(text[:n])
}

// maxNamed bounds how many files are looked for that one script or command line names.
const maxNamed = 64

// agentsFrom finds the agents that a script names, or that the scripts do that it names.
func (p Places) agentsFrom(text string) (found []agent) {
	if found = agentsIn(text); len(found) > 0 {
		return found
	}
	named := 0
	for word := range wordsOf(text) {
		if !strings.ContainsAny(word, "./") {
			continue
		}
		if named++; named > maxNamed {
			break
		}
		if found = agentsIn(p.script(strings.TrimLeft(word, "@"))); len(found) > 0 {
			return found
		}
	}
	return nil
}

// wordsOf cuts what a script, a program's source or a recipe says into words.
func wordsOf(text string) iter.Seq[string] {
	return strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`()[]{},;|&=$", r) })
}

// agentsIn finds those that a text names, by a package or by a command that is no word of anything else. At worst an agent gets a
// directory that stays empty.
func agentsIn(text string) (found []agent) {
	for _, a := range agents {
		common := len(a.command) <= 3
		if !strings.Contains(text, a.npm) && (common && !strings.Contains(text, "/"+a.command) || !strings.Contains(text, a.command)) { // nothing to cut into words for
			continue
		}
		for word := range wordsOf(text) {
			if a.is(word) && !(common && word == a.command) || a.sdk != "" && strings.HasPrefix(word, a.sdk) {
				found = append(found, a)
				break
			}
		}
	}
	return found
}

// is says whether a word is the agent's command, with or without a path and what make has before it, an adapter by which editors drive it
// (claude-agent-acp), or a package: its own, by whomever it is published now, or one that is named as the command is, as others of the
// same agent are. Each may have a version.
func (a agent) is(word string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(filepath.Base(word), "@"), "@")
	rest, packed := strings.CutPrefix(word, a.npm)
	moved := name == path.Base(a.npm) && name != "cli"
	adapter := strings.HasPrefix(name, a.command+"-") && strings.HasSuffix(name, "-acp")
	return name == a.command || moved || adapter || packed && (rest == "" || rest[0] == '@')
}
