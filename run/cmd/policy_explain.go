package cmd

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy/suite"
	"agentguard/run/audit"
)

// maxData bounds the body of a request to explain; it is the most that is read of any body.
const maxData = 32 << 20

func (p *program) policyExplainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "say what a policy answers to a request, and why",
		ArgsUsage: "METHOD URL",
		Description: `Nothing is sent. The exit code is 0 where the request would be allowed, 1 where it would be refused.

examples:
  agentguard policy explain DELETE https://api.github.com/repos/myorg/myrepo
  agentguard policy explain POST /proxy/github/repos/myorg/myrepo/pulls -d '{"title": "x", "head": "a", "base": "main"}'
  agentguard policy explain POST https://api.openai.com/v1/responses -d @body.json --json
  agentguard policy explain GET https://slack.com/api/users.list -H 'Accept: application/json'`,
		Flags: []cli.Flag{policyFlag(), jsonFlag(),
			&cli.StringFlag{Name: "data", Aliases: []string{"d"}, Usage: "the body `TEXT`; @FILE reads it from a file, @- from standard input"},
			&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Usage: "a `HEADER` of the request, as in NAME: VALUE; without Content-Type a body is application/json; may be repeated"},
		},
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 2, 2)
			if url := c.Args().First(); c.Args().Len() == 1 && strings.Contains(url, "/") {
				return usage("agentguard policy explain GET "+url, "%v", err)
			}
			if err != nil {
				return err
			}
			q := &suite.Request{Method: a[0], URL: a[1]}
			if q.Header, err = headers(c.StringSlice("header")); err != nil {
				return err
			}
			if c.IsSet("data") {
				if q.Body, err = p.data(c.String("data")); err != nil {
					return err
				}
			}
			return p.policyExplain(c.String("policy"), q, c.Bool("json"))
		},
	}
}

func headers(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, l := range lines {
		name, value, ok := strings.Cut(l, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(l, "\r\n\x00") {
			return nil, usage("-H 'Accept: application/json'", "%q is not a header", l)
		}
		h.Add(name, value)
	}
	return h, nil
}

// data is the body that -d stands for, as with curl.
func (p *program) data(given string) ([]byte, error) {
	name, isFile := strings.CutPrefix(given, "@")
	if !isFile {
		return []byte(given), nil
	}
	var r io.Reader = p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("the body: %w", err)
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxData+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the body: %w", err)
	case len(b) > maxData:
		return nil, fmt.Errorf("the body: %s holds more than %d MiB", given, maxData>>20)
	}
	return b, nil
}

func (p *program) policyExplain(given string, q *suite.Request, asJSON bool) error {
	pol, err := p.loadPolicy(given)
	if err != nil {
		return err
	}
	a, err := suite.Ask(pol, q)
	if err != nil {
		return mended(err, "as in: agentguard policy explain GET https://api.github.com/user   (or GET /proxy/SERVICE/PATH)")
	}
	e := suite.Explain(pol, q, a)
	if asJSON {
		err = p.json(e)
	} else {
		p.showExplanation(e)
	}
	if err == nil && e.Effect != "allow" {
		return status(1)
	}
	return err
}

// showExplanation prints the way to the answer in the order in which it is gone.
func (p *program) showExplanation(e *suite.Explanation) {
	p.print("%s %s\n", audit.SafeText(e.Method), audit.SafeText(e.URL))
	part := func(name, format string, a ...any) {
		p.print("%s %s\n", p.bold(fmt.Sprintf("%-11s", name)), audit.SafeText(fmt.Sprintf(format, a...)))
	}
	switch e.Claim {
	case "service":
		part("host", "%s belongs to service %s", e.Host, e.Service)
	case "none":
		if e.Host != "" {
			part("host", "%s belongs to no service and is not in [network]", e.Host)
		}
	default:
		part("host", "%s is in [network] %s", e.Host, strings.TrimPrefix(e.Claim, "network."))
	}
	for _, a := range e.Actions {
		part("action", "%s", a)
		p.showRules(a.Rules)
	}
	if e.Read != "" {
		part("reading", "%s", e.Read)
	}
	for _, l := range e.Limits {
		part("limit", "%s of %s: this request takes %d of %s", l.Limit, l.Rule, l.Takes, l.Rate)
	}
	if c := e.Credential; c != nil {
		on := "put on the request"
		if !c.Always {
			on = "only where the request holds its placeholder"
		}
		part("credential", "%s (%s), %s: %s", c.Name, c.From, on, strings.Join(c.Slots, " or "))
	} else if e.Effect == "allow" {
		part("credential", "none")
	}
	if len(e.Keeps) > 0 {
		part("keeps", "%s of the answer, for the audit log", strings.Join(e.Keeps, ", "))
	}
	p.showAnswer(e)
}

func (p *program) showRules(rules []suite.RuleSaid) {
	for _, r := range rules {
		word := "no     "
		switch {
		case r.Matches && strings.HasPrefix(r.Rule, "deny."):
			word = p.bad("denies ")
		case r.Matches:
			word = p.good("allows ")
		}
		p.print("  %s %s (line %d): %s\n", word, audit.SafeText(r.Rule), r.Line, audit.SafeText(r.Why))
	}
}

func (p *program) showAnswer(e *suite.Explanation) {
	word, by := p.good("allow"), ""
	if e.Effect != "allow" {
		word = p.bad(e.Effect)
	}
	if e.Rule != "" {
		by = ", by " + audit.SafeText(e.Rule)
	}
	p.print("%s %s%s\n", p.bold(fmt.Sprintf("%-11s", "answer")), word, by)
	if e.Reason != "" {
		p.print("%-11s %s\n", "", audit.SafeText(e.Reason))
	}
	if e.Hint != "" {
		p.print("%-11s %s\n", "", audit.SafeText(e.Hint))
	}
}
