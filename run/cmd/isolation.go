package cmd

import (
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/run/sandbox"
)

func isolationFlag(otherwise string) cli.Flag {
	return &cli.StringFlag{Name: "isolation", Usage: "`LEVEL` " + strings.Join(sandbox.LevelNames(), ", ") + "; " + otherwise}
}

// isolation chooses the level of a run: the one that is asked for, or the strongest that works here where the policy names a
// minimum. Nothing is loaded yet.
func (p *program) isolation(asked, minimum string) (sandbox.Choice, error) {
	least, level := sandbox.None, sandbox.None
	var err error
	if minimum != "" {
		if least, err = sandbox.ParseLevel(minimum); err != nil {
			return sandbox.Choice{}, err
		}
	}
	switch {
	case asked != "":
		if level, err = sandbox.ParseLevel(asked); err != nil {
			return sandbox.Choice{}, usage("--isolation "+sandbox.LevelNames()[0], "%v", err)
		}
	case minimum == "":
		level = sandbox.Env
	}
	return sandbox.Choose(sandbox.Ladder(), level, least)
}

// holds says in a line what a level holds, and what it does not.
func holds(c sandbox.Choice) string {
	not := strings.Join(c.Limits, "; ")
	switch c.Level {
	case sandbox.Sealed:
		return "its network leads to the proxy alone, and your other secrets are hidden from it"
	case sandbox.Filtered:
		return "it connects to the proxy alone and cannot open your other secrets; not held: " + not
	}
	return not
}
