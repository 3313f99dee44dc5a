package policy

import (
	"net/http"
	"strings"
	"testing"

	"agentguard/policy/action"
)

const gitHead = "version = 1\n[agent]\nname = \"x\"\n[allow.a]\nservice = \"github\"\n"

// A condition on a branch or a ref is asked of each command of a push by itself.
func TestBranchesOfPushes(t *testing.T) {
	zero, one, two := strings.Repeat("0", 40), strings.Repeat("1", 40), strings.Repeat("2", 40)
	const (
		feature = `actions = ["push", "force_push", "create_branch", "delete_branch", "create_tag"]` + "\n" + `when = { branch = "feature/*" }`
		ref     = `actions = ["push", "force_push", "create_branch", "create_tag"]` + "\n" + `when = { ref = ["refs/heads/feature/*", "refs/tags/v*"] }`
		main    = "actions = [\"*\"]\n[deny.d]\nactions = [\"push\", \"create_branch\", \"delete_branch\"]\nwhen = { branch = \"main\" }"
		short   = "actions = [\"*\"]\n[deny.d]\nactions = [\"push\"]\nwhen = { ref = \"main\" }"
	)
	for _, c := range []struct{ rules, commands, want, says string }{
		{feature, one + " " + two + " refs/heads/feature/a", "allow push; push force_push", ""},
		{feature, one + " " + two + " refs/heads/main", "deny push; push", `it is "main"`},
		{feature, zero + " " + two + " refs/heads/feature/a|" + one + " " + two + " refs/heads/main", "deny push; create_branch push", `it is "main"`},
		{feature, one + " " + two + " refs/heads/main|" + zero + " " + two + " refs/heads/feature/a", "deny push; push create_branch", `it is "main"`},
		{feature, one + " " + zero + " refs/heads/main", "deny delete_branch; delete_branch", `it is "main"`},
		{feature, zero + " " + two + " refs/tags/feature/a", "deny create_tag; create_tag", `it is "refs/tags/feature/a"`},
		{feature, zero + " " + two + " refs/feature/a", "deny push; push", `it is "refs/feature/a"`},
		{ref, zero + " " + two + " refs/tags/v1|" + one + " " + two + " refs/heads/feature/a", "allow create_tag; create_tag push force_push", ""},
		{ref, zero + " " + two + " refs/tags/w1", "deny create_tag; create_tag", `it is "refs/tags/w1"`},
		{main, one + " " + two + " refs/heads/main", "deny push; push", "forbids it"},
		{main, one + " " + two + " refs/heads/main2", "allow push; push force_push", ""},
		{main, one + " " + zero + " refs/heads/main", "deny delete_branch; delete_branch", ""},
		{main, one + " " + two + " refs/heads/topic|" + zero + " " + two + " refs/heads/main", "deny create_branch; push create_branch", ""},
		{main, zero + " " + two + " refs/tags/main", "allow create_tag; create_tag", ""},
		{short, one + " " + two + " refs/heads/main", "deny push; push", ""},
		{short, one + " " + two + " refs/heads/topic", "allow push; push force_push", ""},
	} {
		p := mustParse(t, gitHead+c.rules+"\n")
		r, _ := pushOf(c.commands, strings.NewReader("PACK\x00\x00\x00\x02\x00\x00\x00\x00"))
		m := classified(t, r)
		d := p.Decide(&m, r)
		if got := tell(&d, &m); got != c.want || !strings.Contains(d.Hint, c.says) {
			t.Errorf("%s\n%q:\n got %s (%s)\nwant %s (%s)", c.rules, c.commands, got, d.Hint, c.want, c.says)
		}
	}
}

// What git asks before a push is allowed where some push is, and is none of those that a limit counts.
func TestProbesOfPushes(t *testing.T) {
	info := func(query string) *action.Request {
		path, _ := action.ParsePath("/o/r.git/info/refs", true)
		return &action.Request{Authority: action.Authority{Host: "github.com", Port: 443}, Method: "GET", Path: path, Query: query, Header: http.Header{}}
	}
	flush, _ := pushOf("", nil)
	flush.Peek = func(int) ([]byte, error) { return []byte("0000"), nil }
	for rules, want := range map[string]string{
		"actions = [\"push\"]\nlimits = { push = \"1/hour\", write = \"1/hour\" }":  "allow push; push",
		"actions = [\"push\"]\nlimits = { \"*\" = \"1/hour\" }":                     "allow push takes 1; push",
		`actions = ["create_branch"]`:                                               "allow create_branch; create_branch",
		`actions = ["delete_tag"]`:                                                  "allow delete_tag; delete_tag",
		"actions = [\"push\"]\nwhen = { branch = \"topic\" }":                       "allow push; push",
		"actions = [\"*\"]\n[deny.d]\nactions = [\"push\"]\nwhen = { ref = \"x\" }": "allow push; push",
		"actions = [\"*\"]\n[deny.d]\nactions = [\"push\"]":                         "allow create_branch; create_branch",
		"actions = [\"*\"]\n[deny.d]\nactions = [\"git/receive-pack\"]":             "deny push; push",
		`actions = ["read"]`: "deny push; push",
		"actions = [\"push\"]\nresources = [\"repo:o/other\"]": "deny push; push",
	} {
		for name, r := range map[string]*action.Request{"info/refs": info("service=git-receive-pack"), "flush": flush} {
			p := mustParse(t, gitHead+rules+"\n")
			m := classified(t, r)
			d := p.Decide(&m, r)
			if got := tell(&d, &m); got != want {
				t.Errorf("%s: %s: %s, want %s", rules, name, got, want)
			}
		}
	}
}

// A push to a gist is what the REST API calls its update, and the other way about.
func TestGistsArePushedTo(t *testing.T) {
	for _, deny := range []string{"update_gist", "push"} {
		p := mustParse(t, gitHead+"actions = [\"*\"]\n[deny.d]\nactions = [\""+deny+"\"]\n")
		r, _ := pushOf(strings.Repeat("1", 40)+" "+strings.Repeat("2", 40)+" refs/heads/main", strings.NewReader(""))
		r.Authority.Host = "gist.github.com"
		r.Path, _ = action.ParsePath("/octo/abc.git/git-receive-pack", true)
		m := classified(t, r)
		if d := p.Decide(&m, r); d.Effect != Deny || d.Rule != "deny.d" {
			t.Errorf("%s: %+v", deny, d)
		}
	}
}

// A condition can be about lines: some services take those of a comment that begin with a slash for commands.
func TestConditionsOnLines(t *testing.T) {
	p := mustParse(t, `version = 1
[agent]
name = "x"
[service.lab]
hosts = ["lab.example.com"]
auth = "bearer"
[service.lab.actions]
note = "POST /notes"
[allow.a]
service = "lab"
actions = ["note"]
[deny.commands]
service = "lab"
actions = ["note"]
when = { body = ["/*", "*\n/*"] }
`)
	for body, want := range map[string]Effect{`{"body":"/merge"}`: Deny, `{"body":"x\n/merge\ny"}`: Deny, `{"body":"a/b\nc/d"}`: Allow, `{}`: Deny} {
		m, r := sent(t, p, "POST", "https://lab.example.com/notes", "application/json", body)
		if d := p.Decide(m, r); d.Effect != want {
			t.Errorf("%s: %+v", body, d)
		}
	}
	if len(p.Warnings) > 0 {
		t.Error(p.Warnings)
	}
}
