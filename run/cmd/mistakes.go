package cmd

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"agentguard/run/child"
	"agentguard/vault/words"
)

// usageError is about an option that could not be taken. typed is what stood behind the command.
func usageError(c *cli.Context, err error, typed []string) error {
	at := c.Command
	text, hint := err.Error(), at.HelpName+" --help"
	if name, is := strings.CutPrefix(text, "flag provided but not defined: -"); is {
		text = "unknown option " + asTyped(name, typed)
		command := named(at.Subcommands, "run")
		switch near := words.Nearest(name, longNames(at.Flags)); {
		case command != nil && hasOption(command.Flags, name):
			hint = "options stand behind the command: " + at.HelpName + " run " + asTyped(name, typed)
		case near != "":
			hint = "did you mean --" + near + "?"
		}
	} else if name, is := strings.CutPrefix(text, "flag needs an argument: -"); is {
		text = asTyped(name, typed) + " needs a value"
	} else if strings.HasPrefix(text, "invalid ") { // "invalid value "x" for flag -n: parse error", "invalid boolean value "x" for -b: why"
		value, rest, _ := strings.Cut(strings.Replace(text, " for flag -", " for -", 1), " for -")
		name, why, _ := strings.Cut(rest, ": ")
		if text = value + " for " + asTyped(name, typed); why != "parse error" && !strings.HasPrefix(why, "strconv.") {
			text += ": " + why
		}
	}
	return usage(hint, "%s: %s", at.HelpName, text)
}

// asTyped is an option with as many dashes as it was given: the flag package knows no difference.
func asTyped(name string, typed []string) string {
	for _, a := range typed {
		if option, _, _ := strings.Cut(a, "="); option == "-"+name || option == "--"+name {
			return option
		}
	}
	return "--" + name
}

func longNames(flags []cli.Flag) (long []string) {
	for _, f := range flags {
		for _, name := range f.Names() {
			if len(name) > 1 {
				long = append(long, name)
			}
		}
	}
	return long
}

func hasOption(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return true
			}
		}
	}
	return false
}

// unknownCommand is the error of a word where a command should be, or help where there is none.
func unknownCommand(c *cli.Context) error {
	name := c.Args().First()
	if name == "" {
		return help(c)
	}
	return usage(commandMeant(c.Command, name), "%s has no command %q", c.Command.HelpName, name)
}

// commandMeant is the hint that leads from a wrong word to the command that does what the person wants.
func commandMeant(at *cli.Command, name string) string {
	path := at.HelpName
	if other := byAnotherName(path + " " + name); other != "" {
		return other
	}
	if near := nearestCommand(name, at.Subcommands); near != "" {
		return "did you mean `" + path + " " + near + "`?"
	}
	for _, group := range at.Subcommands { // `agentguard check`
		if sub := named(group.Subcommands, name); sub != nil {
			return "did you mean `" + path + " " + group.Name + " " + sub.Name + "`?"
		}
	}
	if named(at.Subcommands, "run") != nil { // the word is a program's
		return path + " run -- " + name + " ...   (runs it under the policy), or " + path + " --help"
	}
	return path + " --help"
}

// byAnotherName knows what commands are called elsewhere.
func byAnotherName(command string) string {
	switch command {
	case "agentguard vault get", "agentguard vault show", "agentguard vault read", "agentguard vault cat":
		return "no command prints a secret; the names are in: agentguard vault list"
	case "agentguard vault rm", "agentguard vault delete", "agentguard vault unset":
		return "agentguard vault remove NAME"
	case "agentguard vault add", "agentguard vault put", "agentguard vault store":
		return "agentguard vault set NAME"
	case "agentguard vault ls", "agentguard secrets", "agentguard secret":
		return "agentguard vault list"
	case "agentguard policy validate", "agentguard policy lint", "agentguard validate", "agentguard lint":
		return "agentguard policy check"
	case "agentguard policy ls", "agentguard policy list":
		return "agentguard policy trust --list"
	case "agentguard audit log", "agentguard audit logs", "agentguard log", "agentguard logs":
		return "agentguard audit show"
	case "agentguard audit ls":
		return "agentguard audit list"
	case "agentguard exec", "agentguard start":
		return "agentguard run -- CMD"
	case "agentguard learn":
		return "agentguard run --learn -- CMD"
	}
	return ""
}

// missingPolicy gives a policy that is not there the way to one.
func (p *program) missingPolicy(file string, err error) error {
	if inside := filepath.Join(file, policyFile); errors.Is(err, syscall.EISDIR) {
		return mended(err, words.Quote(inside)+" would be one in it")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if strings.HasPrefix(file, "~") {
		return mended(err, child.QuotedHome)
	}
	if above := p.policyAbove(); file == policyFile && above != "" { // which nobody has named
		return mended(err, "one lies above: cd "+above)
	}
	return mended(err, "agentguard init --policy "+words.Quote(file)+"   (writes a starter), or name one that is there")
}
