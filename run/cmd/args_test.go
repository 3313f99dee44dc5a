package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFlagsFirst(t *testing.T) {
	app := newProgram(nil, nil, os.Stdin, os.Stdout, os.Stderr).app()
	for _, c := range []struct{ in, want []string }{
		{[]string{"vault", "set", "x", "--to", "age"}, []string{"vault", "set", "--to", "age", "--", "x"}},
		{[]string{"vault", "set", "x", "--to=age"}, []string{"vault", "set", "--to=age", "--", "x"}},
		{[]string{"vault", "import", "a.env", "--yes", "B"}, []string{"vault", "import", "--yes", "--", "a.env", "B"}},
		{[]string{"vault", "set", "--", "--to"}, []string{"vault", "set", "--", "--to"}},
		{[]string{"vault", "set", "x", "--to"}, []string{"vault", "set", "--to"}},
		{[]string{"vault", "set", "-"}, []string{"vault", "set", "--", "-"}},
		{[]string{"run", "-q", "ls", "--policy", "x"}, []string{"run", "-q", "ls", "--policy", "x"}},
		{[]string{"run", "--", "vault", "set", "x", "--to", "y"}, []string{"run", "--", "vault", "set", "x", "--to", "y"}},
		{[]string{"nothing", "-x"}, []string{"nothing", "-x"}},
		{nil, nil},
	} {
		got := flagsFirst(app, append([]string{"agentguard"}, c.in...))[1:]
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	e := environment{"A=1", "A=2", "broken", "HTTPS_PROXY=x", "https_proxy=y", "HOME=/h", "XDG_STATE_HOME=relative"}
	if got := e.get("A"); got != "2" {
		t.Errorf("of a name given twice the last counts, not %q", got)
	}
	if _, ok := e.lookup("broken"); ok {
		t.Error("an entry without = is no variable")
	}
	if got := e.without("https_proxy"); len(got) != 5 {
		t.Errorf("left: %q", got)
	}
	if got := e.stateHome(); got != "/h/.local/state" {
		t.Errorf("a relative XDG_STATE_HOME must be ignored: %q", got)
	}
	if got := (environment{}).stateHome(); got != "" {
		t.Errorf("no home: %q", got)
	}
	for _, e := range []environment{{"HOME=relative"}, {"HOME="}, {}} {
		if got := e.atHome().stateHome(); !filepath.IsAbs(got) {
			t.Errorf("%q: logs would be in %q, where the command can be", e, got)
		}
	}
	if got := e.atHome().home(); got != "/h" {
		t.Errorf("HOME is not taken: %q", got)
	}
}
