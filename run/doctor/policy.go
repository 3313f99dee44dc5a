package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"agentguard/policy"
)

// checkPolicy reads the policy that `run` would take.
func checkPolicy(_ context.Context, c *Config) []Finding {
	p, err := c.Policy()
	var all policy.Errors
	switch {
	case errors.As(err, &all) && len(all) > 0:
		what := all[0].Error()
		if len(all) > 1 {
			what += fmt.Sprintf(" (and %d more)", len(all)-1)
		}
		return one(Fail, "policy", what, "agentguard policy check   (lists all of them)")
	case errors.Is(err, fs.ErrNotExist):
		return one(Fail, "policy", err.Error(), "name one that is there, or: agentguard init --policy FILE")
	case err != nil:
		return one(Fail, "policy", err.Error(), "agentguard policy check")
	case p == nil:
		return one(Skip, "policy", "there is none in this directory, and AGENTGUARD_POLICY names none", "agentguard init")
	}
	findings := one(OK, p.Source, fmt.Sprintf("agent %s, credentials: %d, rules: %d", p.Agent.Name, len(p.Credentials), len(p.Allow)+len(p.Deny)), "")
	if c.Trust != nil {
		if err := c.Trust(p); err != nil {
			findings = append(findings, Finding{Object: "policy", Status: Warn, What: err.Error(),
				Why: "run does not take it as it is, and nothing that it names was tried here", Fix: "read it, then: agentguard policy trust"})
		}
	}
	for _, w := range p.Warnings {
		findings = append(findings, Finding{Object: "policy", Status: Warn, What: w.Error(), Why: "the policy may mean something else than it seems to", Fix: w.Hint})
	}
	return findings
}
