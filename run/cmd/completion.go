package cmd

import (
	"fmt"
	"strings"

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
			write, ok := map[string]func([]completion) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[a[0]]
			if !ok {
				return usage("agentguard completion bash|zsh|fish", "no completion for the shell %q", a[0])
			}
			p.print("%s", write(completions("", c.App.Commands)))
			return nil
		},
	}
}

// completion is what may follow one command path ("", "vault", "vault set").
type completion struct {
	path  string
	words []string // its subcommands, or its options
	leaf  bool     // it has no subcommands
}

// completions lists the tree. The script is static: completing never starts us.
func completions(path string, commands []*cli.Command) []completion {
	here := completion{path: path}
	var below []completion
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		here.words = append(here.words, c.Name)
		sub := strings.TrimSpace(path + " " + c.Name)
		if len(c.Subcommands) > 0 {
			below = append(below, completions(sub, c.Subcommands)...)
			continue
		}
		below = append(below, completion{sub, optionWords(c), true})
	}
	return append([]completion{here}, below...)
}

func optionWords(c *cli.Command) []string {
	words := []string{"--help"}
	for _, f := range c.Flags {
		if n := f.Names()[0]; len(n) > 1 && n != "help" {
			words = append(words, "--"+n)
		}
	}
	return words
}

// groups are the paths that a further word extends, quoted for a shell.
func groups(all []completion) []string {
	var paths []string
	for _, c := range all {
		if !c.leaf {
			paths = append(paths, `"`+c.path+`"`)
		}
	}
	return paths
}

func bashScript(all []completion) string {
	var b strings.Builder
	b.WriteString(`_agentguard() {
  local cur=${COMP_WORDS[COMP_CWORD]} path="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -*) ;;
      *) case "$path" in ` + strings.Join(groups(all), "|") + `) path="${path:+$path }${COMP_WORDS[i]}" ;; esac ;;
    esac
  done
  case "$path" in
`)
	for _, c := range all {
		fmt.Fprintf(&b, "    %q) words=%q ;;\n", c.path, strings.Join(c.words, " "))
	}
	b.WriteString(`  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _agentguard agentguard
`)
	return b.String()
}

// zshScript goes through zsh's own reading of bash completions.
func zshScript(all []completion) string {
	return "autoload -U +X bashcompinit && bashcompinit\n" + bashScript(all)
}

func fishScript(all []completion) string {
	var b strings.Builder
	b.WriteString(`function __agentguard_path
    set -l path
    for w in (commandline -opc)[2..-1]
        string match -q -- '-*' $w; and continue
        contains -- "$path" ` + strings.Join(groups(all), " ") + `; and set path (string trim "$path $w")
    end
    test "$path" = "$argv[1]"
end
`)
	for _, c := range all {
		for _, w := range c.words {
			if o, isOption := strings.CutPrefix(w, "--"); isOption {
				fmt.Fprintf(&b, "complete -c agentguard -n '__agentguard_path \"%s\"' -l %s\n", c.path, o)
			} else {
				fmt.Fprintf(&b, "complete -c agentguard -f -n '__agentguard_path \"%s\"' -a %s\n", c.path, w)
			}
		}
	}
	return b.String()
}
