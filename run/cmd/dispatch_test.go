package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestDispatch: which command runs with which options and arguments.
func TestDispatch(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "ours")
	for _, c := range []struct{ line, want string }{
		{"", "root  [] [] 7 false []"}, {"--on", "root  [] [] 7 true []"}, {"group leaf", "leaf  [] [] 7 false []"},
		{"group leaf -t a", "leaf a set [] [] 7 false []"}, {"group leaf --text=a", "leaf a set [] [] 7 false []"}, {"group leaf -text a --t b", "leaf b set [] [] 7 false []"},
		{"group leaf -t=", "p group leaf: --text is empty"}, {"group leaf -l a,b -l c --list d", "leaf  [a,b c d] [] 7 false []"}, {"group leaf --list=", "leaf  [] [] 7 false []"},
		{"group leaf -n 1 -n 2", "leaf  [] [1 2] 7 false []"}, {"group leaf -i 8", "leaf  [] [] 8 false []"}, {"--on group leaf", "leaf  [] [] 7 true []"},
		{"group leaf x -t a", "leaf  [] [] 7 false [x -t a]"}, {"group leaf -- -t a", "leaf  [] [] 7 false [-t a]"}, {"group leaf help", "leaf  [] [] 7 false [help]"}, {"group l", "leaf  [] [] 7 false []"},
		{"frob", "root  [] [] 7 false [frob]"}, {"leaf", "root  [] [] 7 false [leaf]"}, {"-- group leaf", "leaf  [] [] 7 false []"},
		{"--help", "help of p"}, {"-h", "help of p"}, {"group", "help of p group"}, {"group --help", "help of p group"}, {"group leaf -h", "help of p group leaf"}, {"group leaf --help x", "help of p group leaf"},
		{"--help group leaf", "help of p group leaf"}, {"group leaf --help=false", "leaf  [] [] 7 false []"}, {"group frob", "p group has no command \"frob\""}, {"group laef", "did you mean `p group leaf`?"},
		{"--frob", "p: unknown option --frob"}, {"group leaf --frob", "p group leaf: unknown option --frob"}, {"group leaf -i x", "p group leaf: invalid value \"x\" for -i p group leaf --help"},
		{"group leaf -t", "p group leaf: -t needs a value"}, {"group leaf -text", "p group leaf: -text needs a value"}, {"group leaf -t -- x", "--text needs a value in front of the --"}, {"group leaf --txt=a", "unknown option --txt did you mean --text?"}, {"group leaf -n x", "p group leaf: invalid value \"x\" for -n p group leaf --help"}, {"group leaf --on", "p group leaf: unknown option --on"},
	} {
		got := ""
		note := func(name string) cli.ActionFunc {
			return func(c *cli.Context) error {
				if c.Context.Value(key{}) != "ours" {
					t.Errorf("%s: another context", c.Command.HelpName)
				}
				set := ""
				if c.IsSet("text") {
					set = " set"
				}
				i := 7
				if c.Command.Name == "leaf" {
					i = c.Int("i")
				}
				got = fmt.Sprintf("%s %s%s %v %v %d %v %v", name, c.String("text"), set, c.StringSlice("list"), c.IntSlice("n"), i, c.Bool("on"), c.Args().Slice())
				return nil
			}
		}
		var out strings.Builder
		app := &cli.App{Name: "p", Usage: "u", Writer: &out, ErrWriter: io.Discard, Action: note("root"), Flags: []cli.Flag{boolFlag("on", "")}, Commands: []*cli.Command{
			{Name: "group", Subcommands: []*cli.Command{{Name: "leaf", Aliases: []string{"l"}, Action: note("leaf"), Flags: []cli.Flag{
				&cli.StringFlag{Name: "text", Aliases: []string{"t"}}, &cli.StringSliceFlag{Name: "list", Aliases: []string{"l"}},
				&cli.IntSliceFlag{Name: "n"}, &cli.IntFlag{Name: "i", Value: 7},
			}}}},
		}}
		err := dispatch(ctx, app, append([]string{"p"}, strings.Fields(c.line)...))
		if text, ok := strings.CutPrefix(c.want, "help of "); ok && err == nil && got == "" && strings.HasPrefix(out.String(), text+": ") {
			continue
		}
		if f, ok := err.(*fault); ok {
			got = f.Error() + " " + strings.Join(f.hints, " ")
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%q: %q, %v, %q; want %q", c.line, got, err, out.String(), c.want)
		}
	}
	if err := dispatch(ctx, &cli.App{Name: "p", Writer: io.Discard}, nil); err != nil {
		t.Errorf("without any arguments: %v", err)
	}
}
