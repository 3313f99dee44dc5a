package policy

import (
	"strings"
	"testing"

	"agentguard/policy/action"
)

// A rule by permission covers what is known to need it, refined or not, counts it once, and nothing else.
func TestRulesByPermission(t *testing.T) {
	p, err := Parse("t.toml", []byte(`version = 1
[agent]
name = "a"
[credential.t]
from = "env:T"
service = "github"
[allow.prs]
service = "github"
actions = ["pull_requests:write"]
limits = { "pull_requests:write" = "1/hour" }
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Message, "whose permission the catalogue knows") {
		t.Errorf("warnings: %v", p.Warnings)
	}
	svc := action.Lookup("github")
	for request, want := range map[string]Effect{
		"POST /repos/o/r/pulls":                Allow,
		"PATCH /repos/o/r/pulls/7":             Allow,
		"PUT /repos/o/r/pulls/7/merge-async":   Deny, // its permission is not known
		"POST /repos/o/r/issues":               Deny,
		"GET /repos/o/r/pulls":                 Deny, // pull_requests:read
		"DELETE /repos/o/r":                    Deny,
		"POST /repos/o/r/pulls/7/reactions/no": Deny,
	} {
		method, raw, _ := strings.Cut(request, " ")
		path, err := action.ParsePath(raw, true)
		if err != nil {
			t.Fatal(err)
		}
		m := action.Classify(svc, &svc.Hosts[0], &action.Request{Method: method, Path: path})
		d := p.Decide(&m, nil)
		if d.Effect != want {
			t.Errorf("%s: %s (%s)", request, d.Effect, d.Reason)
		}
		if want == Allow && (len(d.Limits) != 1 || d.Limits[0].N != 1) {
			t.Errorf("%s takes %v", request, d.Limits)
		}
	}
}
