package cmd

import (
	"github.com/urfave/cli/v2"
)

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: `examples:
  source <(agentguard completion bash)                                 # in ~/.bashrc
  source <(agentguard completion zsh)                                  # in ~/.zshrc, after compinit
  agentguard completion fish > ~/.config/fish/completions/agentguard.fish`,
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			script, ok := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[a[0]]
			if !ok {
				return usage("agentguard completion bash|zsh|fish", "no completion for the shell %q", a[0])
			}
			p.print("%s", script)
			return nil
		},
	}
}

// The scripts ask `agentguard complete` with the line up to the cursor. Where it has nothing to say, the shell completes
// files. None of them expands what it gets: names of runs and rules are others' text.
const (
	// bash parts words at colons and equals signs and wants back what follows the last of them. Version 3.2, which macOS
	// has, knows no mapfile and no compopt.
	bashScript = `_agentguard() {
  local line=${COMP_LINE:0:COMP_POINT} word
  local before=${line##*[[:space:]]}
  case $COMP_WORDBREAKS in *:*) before=${before%"${before##*[:=]}"} ;; *) before= ;; esac
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("${word#"$before"}")
  done < <(agentguard complete "$line" 2>/dev/null)
  case ${#COMPREPLY[@]}${COMPREPLY[0]} in 1*/) compopt -o nospace 2>/dev/null ;; esac
}
complete -o bashdefault -o default -F _agentguard agentguard
`
	zshScript = `_agentguard() {
  local -a found
  found=("${(@f)$(agentguard complete "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
  if [[ -z "$found" ]]; then
    _files
    return
  fi
  local -a open
  open=(${(M)found:#*/})
  compadd -S '' -- $open
  compadd -- ${found:#*/}
}
compdef _agentguard agentguard
`
	fishScript = `function __agentguard_complete
    agentguard complete (commandline -cp | string collect) 2>/dev/null
end
complete -c agentguard -f -n 'test (count (__agentguard_complete)) -gt 0' -a '(__agentguard_complete)'
`
)
