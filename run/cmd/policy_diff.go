package cmd

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run/audit"
)

func (p *program) policyDiffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "say what became wider or narrower from one policy to another",
		ArgsUsage: "OLD NEW",
		Description: `Each part is compared with the part of the same name. The exit code is 0 where nothing became wider, and 1 where something
did or may have.

examples:
  agentguard policy diff agentguard.toml proposed.toml
  git show main:agentguard.toml > /tmp/old.toml; agentguard policy diff --json /tmp/old.toml agentguard.toml`,
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 2, 2)
			if err != nil {
				return err
			}
			return p.policyDiff(a[0], a[1], c.Bool("json"))
		},
	}
}

// difference is one line of `policy diff --json`.
type difference struct {
	Effect string `json:"effect"`
	Where  string `json:"where"`
	Text   string `json:"text"`
}

func (p *program) policyDiff(before, after string, asJSON bool) error {
	var policies [2]*policy.Policy
	for i, file := range []string{before, after} {
		var err error
		if policies[i], err = policy.Load(file); err != nil {
			return err
		}
	}
	changes := policy.Diff(policies[0], policies[1])
	var answer error
	for _, c := range changes {
		if c.Effect != policy.Narrower {
			answer = status(1)
		}
		if asJSON {
			if err := p.json(difference(c)); err != nil {
				return err
			}
			continue
		}
		p.print("%s  %s: %s\n", p.direction(c.Effect), audit.SafeText(c.Where), audit.SafeText(c.Text))
	}
	if len(changes) == 0 && !asJSON {
		p.print("both allow the same\n")
	}
	return answer
}

func (p *program) direction(word string) string {
	text := fmt.Sprintf("%-8s", word)
	switch word {
	case policy.Wider:
		return p.bad(text)
	case policy.Narrower:
		return p.good(text)
	}
	return p.odd(text)
}
