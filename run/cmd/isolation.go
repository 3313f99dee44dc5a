package cmd

import (
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/run/sandbox"
)

func isolationFlag(do, otherwise string) cli.Flag {
	return &cli.StringFlag{Name: "isolation", Usage: do + " `LEVEL` (" + strings.Join(sandbox.LevelNames(), ", ") + "); else " + otherwise}
}

// wish reads what the command line and the policy ask for; "" is nothing.
func wish(asked, minimum string) (w sandbox.Wish, err error) {
	if minimum != "" {
		if w.Minimum, err = sandbox.ParseLevel(minimum); err != nil {
			return w, err
		}
	}
	if asked != "" {
		if w.Level, err = sandbox.ParseLevel(asked); err != nil {
			return w, usage("--isolation "+sandbox.LevelNames()[0], "%v", err)
		}
	}
	return w, nil
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

// whatIsHeld says why a level is not a stronger one, what makes that one work, and how a command gets what it does not find:
// who asked for a level by name knows.
func (p *program) whatIsHeld(w sandbox.Wish, c sandbox.Choice) {
	if why := c.WhyNotMore(); why != "" {
		p.say("%s", why)
	}
	for _, mend := range c.Mends() {
		p.hint("%s", mend)
	}
	if w.Level == sandbox.None && c.Level > sandbox.Env {
		p.say("should the command lack something, [isolation] in the policy opens it; `agentguard doctor --isolation` lists what is closed")
	}
}
