package cmd

import (
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/vault/words"
)

// flagsFirst moves a command's options in front of its arguments, since urfave/cli stops at the first argument and people
// write `vault set NAME --to age`. "help COMMAND" is "COMMAND --help". `run` is left alone: after its first argument all belongs to the child.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) > 1 && args[1] == "help" { // as git and go have it
		return append(append(args[:1:1], args[2:]...), "--help")
	}
	among := app.Commands
	for i := 1; i < len(args); i++ {
		c := named(among, args[i])
		switch {
		case c == nil || c.Name == "run":
			return args
		case len(c.Subcommands) > 0:
			among = c.Subcommands
		default:
			return append(append([]string(nil), args[:i+1]...), sorted(c.Flags, args[i+1:])...)
		}
	}
	return args
}

// sorted puts options first and "--" between them and the arguments.
func sorted(flags []cli.Flag, args []string) []string {
	var options, rest []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		options = append(options, a)
		if takesValue(flags, a) {
			if i+1 == len(args) {
				return options // so that the flag package says what is missing, and takes no "--" for it
			}
			i++
			options = append(options, args[i])
		}
	}
	return append(append(options, "--"), rest...)
}

func takesValue(flags []cli.Flag, option string) bool {
	if strings.Contains(option, "=") {
		return false
	}
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == strings.TrimLeft(option, "-") {
				_, isBool := f.(*cli.BoolFlag)
				return !isBool
			}
		}
	}
	return false
}

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func nearestCommand(name string, among []*cli.Command) string {
	var known []string
	for _, c := range among {
		if !c.Hidden {
			known = append(known, c.Name)
		}
	}
	return words.Nearest(name, known)
}

// arguments checks how many there are.
func arguments(c *cli.Context, min, max int) ([]string, error) {
	a := c.Args().Slice()
	switch {
	case len(a) < min:
		return nil, usage(c.Command.HelpName+" --help", "%s needs %s", c.Command.HelpName, c.Command.ArgsUsage)
	case max >= 0 && len(a) > max:
		return nil, usage(c.Command.HelpName+" --help", "%s takes %s", c.Command.HelpName, countOf(max))
	}
	return a, nil
}

// withoutArguments is what a command does that takes none.
func withoutArguments(do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if _, err := arguments(c, 0, 0); err != nil {
			return err
		}
		return do(c)
	}
}

func countOf(n int) string {
	return [...]string{"no arguments", "one argument", "two arguments"}[n]
}

// boolFlag is an option without value; help does not say that it is off by default.
func boolFlag(name, usage string, aliases ...string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, DisableDefaultText: true}
}
