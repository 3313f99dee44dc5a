package sandbox

import "path/filepath"

// startingFiles are those in the directory of a project from which programs take orders as they are started there, without anybody asking for
// it: shells' helpers, editors, debuggers, interpreters, agents, package managers. What a person starts by name (make, npm run) is
// not among them.
var startingFiles places = "" +
	".envrc,.envrc.local,.autoenv.zsh,mise.toml,.mise.toml,.mise,.config/mise.toml,.config/mise,.rtx.toml," +
	".vscode/tasks.json,.vscode/settings.json,.vscode/launch.json,.vscode/mcp.json,.idea/runConfigurations,.idea/startup.xml,.run,.zed/settings.json,.zed/tasks.json,.helix," +
	".devcontainer,.devcontainer.json,.exrc,.nvimrc,.nvim.lua,.vimrc,.lvimrc,.dir-locals.el,.theia/tasks.json," +
	".gdbinit,.lldbinit,.pdbrc,.irbrc,.pryrc,.Rprofile,.Renviron,.octaverc,.ghci,.ocamlinit,.perldb,.sqliterc,.psqlrc," +
	".mcp.json,.claude/settings.json,.claude/settings.local.json,.claude/hooks,.claude/commands,.claude/agents,.claude/skills,.cursor/mcp.json,.cursor/hooks.json,.codex/config.toml,.codex/hooks.json,.gemini/settings.json,.gemini/.env,.qwen/settings.json," +
	"opencode.json,opencode.jsonc,.opencode/plugin,.opencode/plugins,.opencode/tool,.opencode/command,.opencode/agent,.kiro/settings,.kiro/hooks,.factory/settings.json,.factory/mcp.json,.factory/hooks,.amazonq/mcp.json," +
	".roo/mcp.json,.kilocode/mcp.json,.continue/mcpServers,.aider.conf.yml," +
	".npmrc,.yarnrc,.yarnrc.yml,.yarn/releases,.yarn/plugins,.pnpmfile.cjs,.cargo/config,.cargo/config.toml,.bazelrc,.bunfig.toml,bunfig.toml,.bundle/config,.mvn,pip.conf,.condarc," +
	".husky,lefthook.yml,.lefthook.yml,.pre-commit-config.yaml,.overcommit.yml,.screenrc,.tmux.conf,.direnvrc,.gitattributes"

// Starts gives the states of such files in a directory, those that are not there among them.
func Starts(dir string) States {
	states, there := States{}, namesIn(dir)
	for _, name := range startingFiles.names() {
		path, state := filepath.Join(dir, filepath.FromSlash(name)), ""
		if there == nil || there[first(name)] {
			state = stateOf(path)
		}
		states[path] = state
	}
	return states
}
