package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/child"
)

// policyFile is the name that is looked for in the working directory.
const policyFile = "agentguard.toml"

func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Aliases: []string{"p"}, Usage: "the policy `FILE`; else $AGENTGUARD_POLICY, else ./" + policyFile}
}

// findPolicy says which file is the policy: the one given, $AGENTGUARD_POLICY, ./agentguard.toml.
func (p *program) findPolicy(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if f := p.env.get("AGENTGUARD_POLICY"); f != "" {
		return f, nil
	}
	_, err := os.Stat(policyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", mended(fmt.Errorf("there is no ./%s, and no other policy is named", policyFile), p.policyElsewhere())
	}
	return policyFile, err
}

// policyElsewhere is the hint where none lies here. One that lies above, in the home directory, is named and not taken: nobody
// asked for it.
func (p *program) policyElsewhere() string {
	if above := p.policyAbove(); above != "" {
		return "one lies above: cd " + above + ", or --policy " + filepath.Join(above, policyFile)
	}
	return "agentguard init   (writes a starter), or --policy FILE"
}

// policyAbove is the way to the next directory above that has one; "": none has.
func (p *program) policyAbove() string {
	here, _ := os.Getwd()
	below, err := filepath.Rel(p.env.get("HOME"), here)
	if err != nil || !filepath.IsLocal(below) {
		below = "."
	}
	above := "."
	for ; below != "."; below = filepath.Dir(below) {
		above = filepath.Join(above, "..")
		if _, err := os.Stat(filepath.Join(above, policyFile)); err == nil {
			return above
		}
	}
	return ""
}

// foundPolicy says whether findPolicy takes what lies here, which nobody has named.
func (p *program) foundPolicy(given string) bool {
	return given == "" && p.env.get("AGENTGUARD_POLICY") == ""
}

// loadPolicy finds and reads the policy, and shows its warnings.
func (p *program) loadPolicy(given string) (*policy.Policy, error) {
	file, err := p.findPolicy(given)
	if err != nil {
		return nil, err
	}
	return p.readPolicy(file)
}

func (p *program) readPolicy(file string) (*policy.Policy, error) {
	pol, err := policy.Load(file)
	if err != nil {
		return nil, p.missingPolicy(file, err)
	}
	for _, w := range pol.Warnings {
		p.tell(p.warn, w)
	}
	return pol, nil
}

// tell shows what is wrong in a policy, and what mends it.
func (p *program) tell(show func(format string, a ...any), e policy.Error) {
	show("%s", e)
	if e.Hint != "" {
		p.hint("%s", e.Hint)
	}
}

func (p *program) policyCommand() *cli.Command {
	return &cli.Command{
		Name:  "policy",
		Usage: "check, try, test and trust policies",
		Description: `The exit code is 125 where something is wrong with it; warnings are not.

examples:
  agentguard policy check
  agentguard policy explain DELETE https://api.github.com/repos/myorg/myrepo
  agentguard policy test`,
		Subcommands: []*cli.Command{p.policyCheckCommand(), p.policyExplainCommand(), p.policyTestCommand(), p.policyDiffCommand(), p.policyReplayCommand(), p.policyTrustCommand(), p.actionsCommand()},
	}
}

func (p *program) policyCheckCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "check a policy and list everything that is wrong with it",
		ArgsUsage: "[FILE]",
		Description: `examples:
  agentguard policy check
  agentguard policy check --json bots/agentguard.toml`,
		Flags: []cli.Flag{policyFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if len(a) == 1 && c.String("policy") != "" {
				return usage("agentguard policy check FILE", "the policy is named twice")
			}
			return p.policyCheck(append(a, c.String("policy"))[0], c.Bool("json"))
		},
	}
}

// finding is one line of `policy check --json`.
type finding struct {
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

func (p *program) policyCheck(given string, asJSON bool) error {
	if asJSON {
		return p.policyCheckJSON(given)
	}
	pol, err := p.loadPolicy(given)
	if err != nil {
		return err
	}
	if w := p.strangerOf(pol); w != nil {
		p.tell(p.warn, *w)
	}
	p.print("%s: %s: agent %s, %s, %s, %s\n", pol.Source, p.good("ok"), pol.Agent.Name,
		plural(len(pol.Credentials), "credential"), plural(len(pol.Allow), "allow rule"), plural(len(pol.Deny), "deny rule"))
	return nil
}

func (p *program) policyCheckJSON(given string) error {
	file, err := p.findPolicy(given)
	if err != nil {
		return err
	}
	pol, err := policy.Load(file)
	var all policy.Errors
	switch {
	case errors.As(err, &all):
	case err != nil:
		return p.missingPolicy(file, err)
	}
	for _, e := range all {
		if err := p.json(finding{"error", e.File, e.Line, e.Message, e.Hint}); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return status(ours)
	}
	warnings := pol.Warnings
	if w := p.strangerOf(pol); w != nil {
		warnings = append(warnings, *w)
	}
	for _, e := range warnings {
		if err := p.json(finding{"warning", e.File, e.Line, e.Message, e.Hint}); err != nil {
			return err
		}
	}
	return nil
}

// strangerOf says why isolation.user is nobody as whom a command could run here; nil: it is somebody, or names nobody. It is no more
// than a warning, since the policy may be for another machine.
func (p *program) strangerOf(pol *policy.Policy) *policy.Error {
	if pol.Isolation.User.Line == 0 {
		return nil
	}
	var exit *child.ExitError
	if _, err := run.ChildUser(pol, p.env); !errors.As(err, &exit) {
		return nil
	}
	w := policy.Error{File: pol.Source, Line: pol.Isolation.User.Line, Message: exit.Reason, Hint: exit.Hint}
	errors.As(exit.Err, &w)
	w.Hint = cmp.Or(w.Hint, exit.Hint)
	return &w
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
