package cmd

import (
	"os"

	"github.com/urfave/cli/v2"
)

// LeafCommand is what the tests need to know of a command.
type LeafCommand struct {
	Path   []string
	Help   string
	Hidden bool
}

// LeafCommands lists every command that does something.
func LeafCommands() []LeafCommand {
	p := newProgram(nil, nil, os.Stdin, os.Stdout, os.Stderr)
	return leaves(nil, p.app().Commands)
}

func leaves(path []string, commands []*cli.Command) (all []LeafCommand) {
	for _, c := range commands {
		here := append(path[:len(path):len(path)], c.Name)
		if len(c.Subcommands) > 0 {
			all = append(all, leaves(here, c.Subcommands)...)
			continue
		}
		all = append(all, LeafCommand{here, c.Description, c.Hidden})
	}
	return all
}
