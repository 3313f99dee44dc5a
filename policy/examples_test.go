package policy_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/policy"
	"agentguard/policy/action"
)

// TestExamples loads every policy of examples/ and asks it for what its requests.txt says (the format is in
// examples/README.md).
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*/agentguard.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p, err := policy.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range p.Warnings {
				t.Errorf("warning: %v", w)
			}
			text, err := os.ReadFile(filepath.Join(dir, "requests.txt"))
			if err != nil {
				t.Fatal(err)
			}
			n, rules := 0, map[string]bool{}
			for line := range strings.Lines(string(text)) {
				n++
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					rules[ask(t, p, n, line)] = true
				}
			}
			everyRule(t, p, rules)
		})
	}
}

// everyRule sees to it that no rule of an example goes untried.
func everyRule(t *testing.T, p *policy.Policy, tried map[string]bool) {
	t.Helper()
	for _, rules := range []map[string]*policy.Rule{p.Allow, p.Deny} {
		for _, r := range rules {
			if !tried[r.Name] {
				t.Errorf("no request is decided by %s", r.Name)
			}
		}
	}
}

// ask puts one line of a requests.txt to the policy, and gives the rule that decided.
func ask(t *testing.T, p *policy.Policy, n int, line string) (rule string) {
	t.Helper()
	request, want, ok := strings.Cut(line, " => ")
	want, text, _ := strings.Cut(want, " : ")
	if !ok {
		t.Fatalf("line %d: no =>", n)
	}
	method, rest, _ := strings.Cut(request, " ")
	target, body, _ := strings.Cut(strings.TrimSpace(rest), " ")
	got, said := answer(t, p, method, target, strings.TrimSpace(body))
	if got != want || !strings.Contains(said, text) {
		t.Errorf("line %d: %s\ngot  %s : %s\nwant %s : %s", n, request, got, said, want, text)
	}
	_, rule, _ = strings.Cut(got, " ")
	return rule
}

func answer(t *testing.T, p *policy.Policy, method, target, body string) (answer, said string) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	port := map[string]uint16{"http": 80, "https": 443}[u.Scheme]
	a, err := action.ParseAuthority(u.Host, port)
	if err != nil {
		t.Fatal(err)
	}
	claim := p.Claim(a, u.Scheme == "http")
	switch claim.Kind {
	case policy.Open:
		return "open", ""
	case policy.Tunnel:
		return "tunnel", ""
	case policy.Unclaimed:
		return "unclaimed", claim.Reason
	}
	path, err := action.ParsePath(u.EscapedPath(), claim.Host.EncodedSlash)
	if err != nil {
		t.Fatal(err)
	}
	r := &action.Request{Authority: a, Method: method, Path: path, Query: u.RawQuery, Header: http.Header{}}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Body = func(int64) ([]byte, error) { return []byte(body), nil }
	}
	m := action.Classify(claim.Service, claim.Host, r)
	d := p.Decide(&m)
	if d.Rule == "" {
		d.Rule = "-"
	}
	return d.Effect.String() + " " + d.Rule, d.Reason + "; " + d.Hint
}
