package cmd

import (
	"fmt"
	"strings"
	"time"

	"agentguard/run"
	"agentguard/run/account"
	"agentguard/run/sandbox"
)

// startLine says under what the child runs, and what that does not hold.
func (p *program) startLine(c run.Config, choice sandbox.Choice) {
	agent := c.Agent
	if agent == "" {
		agent = c.Policy.Agent.Name
	}
	as := ""
	if u := account.As(c.User); u != "" {
		as = ", as " + u
	}
	p.say("agent %s, policy %s, isolation %s%s: %s", agent, c.Policy.Source, choice.Level, as, holds(choice))
	p.whatIsHeld(c.Isolation, choice)
	if i := c.Policy.Isolation; choice.Level == sandbox.Env && len(i.Read)+len(i.Write)+len(i.Hide) > 0 {
		p.say("isolation env: read, write and hide under [isolation] in the policy do nothing: it sees every file as you do")
	}
}

// sum says at the end what came of a run.
func (p *program) sum(r run.Result) {
	p.say("%s", summary(r))
	if r.Denied+r.Limited+r.Failed > 0 {
		p.hint("agentguard audit show   (says which, and why)")
	}
	if len(r.Unknown) > 0 {
		p.hint("the policy does not know %s: [network] allow opens those that the command needs without a credential", strings.Join(r.Unknown, ", "))
	}
	for _, trouble := range r.Troubles {
		p.warn("%s", trouble)
	}
	if p.heldBack(r) {
		p.hint(`confined, it could make files where it was started, in temporary directories and in caches alone. If it ended for that, [isolation] write = ["~/.its-own/"] makes and opens a directory that it keeps`)
	}
}

// heldBack says whether a command looks like one that could not make its own files: it failed after a while, and had asked for nothing
// that it is for. Agents first ask whether they are the newest, and tell their makers that they start, which no policy allows.
func (p *program) heldBack(r run.Result) bool {
	return p.level > sandbox.Env && r.Code > 0 && r.Code < 126 && r.Allowed == 0 && r.Duration > time.Second/2
}

// summary is its first line.
func summary(r run.Result) string {
	parts := []string{plural(r.Requests, "request"), fmt.Sprintf("%d allowed", r.Allowed)}
	denied := fmt.Sprintf("%d denied", r.Denied)
	if by := byRule(r.ByRule); by != "" {
		denied += " (" + by + ")"
	}
	parts = append(parts, denied)
	if r.Limited > 0 {
		parts = append(parts, fmt.Sprintf("%d over a limit", r.Limited))
	}
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", r.Failed))
	}
	return fmt.Sprintf("%s in %s; audit %s", strings.Join(parts, ", "), r.Duration.Round(time.Millisecond), r.AuditFile)
}

// byRule is "2 by deny.dangerous, 1 that no rule allows".
func byRule(rules map[string]int) string {
	var parts []string
	for _, name := range sortedKeys(rules) {
		by := "by " + name
		if name == "" {
			by = "that no rule allows"
		}
		parts = append(parts, fmt.Sprintf("%d %s", rules[name], by))
	}
	return strings.Join(parts, ", ")
}
