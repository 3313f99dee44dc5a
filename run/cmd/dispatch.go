package cmd

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

// dispatch runs the command that args name, and shows its help if they ask for it. It stands in for cli.App.Run, which
// comes to text/template for its help: since that looks methods up by names that no linker can know, every exported
// method of every type would be kept, more than a megabyte of the program.
func dispatch(ctx context.Context, app *cli.App, args []string) error {
	at := &cli.Command{
		Name: app.Name, HelpName: app.Name, Usage: app.Usage, Description: app.Description,
		Flags: app.Flags, Subcommands: app.Commands, Action: app.Action,
	}
	if len(args) == 0 {
		args = []string{app.Name} // execve(2) takes an empty list
	}
	parent, asked := &cli.Context{Context: ctx}, false
	for {
		set, err := parse(at, args[1:])
		c := cli.NewContext(app, set, parent)
		c.Command = at
		if err != nil {
			return usageError(c, err, args[1:])
		}
		asked = asked || c.Bool("help") // before a command or behind it
		next := named(at.Subcommands, c.Args().First())
		switch {
		case next != nil:
		case asked:
			return help(c)
		case at.Action != nil:
			return at.Action(c)
		default:
			return unknownCommand(c)
		}
		next.HelpName = at.HelpName + " " + next.Name
		parent, at, args = c, next, c.Args().Slice()
	}
}

// options are those of a command, and --help.
func options(c *cli.Command) []cli.Flag { return append(slices.Clip(c.Flags), cli.HelpFlag) }

// parse reads a command's options, which end at the first argument. An option is set by all its names at once.
func parse(c *cli.Command, args []string) (*flag.FlagSet, error) {
	set, lists, err := defined(c)
	if err != nil {
		return nil, err
	}
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range options(c) {
		names := f.Names()
		first := set.Lookup(names[0])
		text := first.Value.String()
		if list := lists[first.Name]; list != nil {
			first.Value, text = list, list.Serialize()
		}
		if !slices.ContainsFunc(names, func(n string) bool { return given[n] }) {
			continue
		}
		if _, isText := f.(*cli.StringFlag); isText {
			if err := sayingSomething(first.Name, text); err != nil {
				return nil, err
			}
		}
		if !given[first.Name] {
			if err := set.Set(first.Name, text); err != nil {
				return nil, err
			}
		}
	}
	return set, nil
}

// defined are a command's options before any is set, and the lists among them, which meanwhile take each value as it stands.
func defined(c *cli.Command) (set *flag.FlagSet, lists map[string]*cli.StringSlice, err error) {
	set, lists = flag.NewFlagSet(c.Name, flag.ContinueOnError), map[string]*cli.StringSlice{}
	set.SetOutput(io.Discard)
	for _, f := range options(c) {
		if err := f.Apply(set); err != nil {
			return nil, nil, err
		}
		names := f.Names()
		first := set.Lookup(names[0])
		if list, ok := first.Value.(*cli.StringSlice); ok {
			lists[first.Name] = list
			first.Value = &verbatim{list: list}
		}
		for _, name := range names[1:] {
			set.Lookup(name).Value = first.Value
		}
	}
	return set, lists, nil
}

// mayBeEmpty are options of which an empty value says something: --data "" is an empty body.
var mayBeEmpty = []string{"data"}

// sayingSomething refuses values that were not meant: --policy "$FILE" without a FILE must not mean the one that is found, nor
// --isolation "$LEVEL" any level.
func sayingSomething(option, text string) error {
	switch {
	case text == "" && !slices.Contains(mayBeEmpty, option):
		return fmt.Errorf("--%s is empty: give it a value, or leave it out", option)
	case text == "--":
		return fmt.Errorf("--%s needs a value in front of the --", option)
	}
	return nil
}

// verbatim collects the values of an option as they are: a cli.StringSlice would divide them at commas, but takes a list that
// another has written.
type verbatim struct {
	list *cli.StringSlice
	all  []string
}

func (w *verbatim) String() string { return "" }

func (w *verbatim) Set(s string) error {
	w.all = append(w.all, s)
	return w.list.Set(cli.NewStringSlice(w.all...).Serialize())
}

// help explains a command on stdout.
func help(c *cli.Context) error {
	at := c.Command
	w := tabwriter.NewWriter(c.App.Writer, 1, 8, 2, ' ', 0)
	text := at.UsageText
	if text == "" {
		text = at.HelpName
		if len(at.Subcommands) > 0 {
			text += " COMMAND"
		}
		if text += " [options]"; at.ArgsUsage != "" {
			text += " " + at.ArgsUsage
		}
	}
	fmt.Fprintf(w, "%s: %s\n\nusage:\n  %s\n", at.HelpName, at.Usage, text)
	if at.Description != "" {
		fmt.Fprintf(w, "\n%s\n", at.Description)
	}
	if len(at.Subcommands) > 0 {
		fmt.Fprint(w, "\ncommands:\n")
		for _, sub := range at.Subcommands {
			if !sub.Hidden {
				fmt.Fprintf(w, "  %s\t%s\n", sub.Name, sub.Usage)
			}
		}
	}
	fmt.Fprint(w, "\noptions:\n")
	for _, f := range options(at) {
		if v, ok := f.(cli.VisibleFlag); !ok || v.IsVisible() {
			fmt.Fprintf(w, "  %s\n", option(f))
		}
	}
	return w.Flush()
}

// option is a line of help. That an option may be repeated is said in its text; urfave/cli says it by a second --NAME VALUE.
func option(f cli.Flag) string {
	line := fmt.Sprint(f)
	before, again, _ := strings.Cut(line, " [ -")
	if _, text, ok := strings.Cut(again, " ]\t"); ok {
		return before + "\t" + text
	}
	return line
}
