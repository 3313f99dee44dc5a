package policy

import (
	"strings"
	"testing"
)

func TestObserving(t *testing.T) {
	const text = `version = 1
[agent]
name = "bot"
[credential.a]
from    = "env:A"
service = "github"
[credential.b]
from    = "env:B"
service = "github"
[allow.little]
service    = "github"
credential = "b"
actions    = ["create_pr"]
resources  = ["repo:o/r"]
limits     = { create_pr = "1/hour" }
[deny.never]
service = "github"
actions = ["delete_branch"]
[service.crm]
hosts = ["crm.test"]
[service.crm.actions]
look = "GET /x"
[network]
allow = ["docs.test"]
`
	p := parse1(t, text)
	for _, c := range []struct {
		admin       bool
		method, url string
		want        string
	}{
		{false, "GET", "https://api.github.com/repos/other/one", "repos/get read allow"},
		{false, "POST", "https://api.github.com/repos/other/one/pulls", "create_pr write allow"},
		{false, "DELETE", "https://api.github.com/repos/o/r", "delete_repo admin deny"},
		{true, "DELETE", "https://api.github.com/repos/o/r", "delete_repo admin allow"},
		{true, "DELETE", "https://api.github.com/repos/o/r/git/refs/heads/main", "delete_branch write deny"},
		{true, "GET", "https://api.github.com/nothing/of/the/kind", "unknown unknown deny"},
		{true, "GET", "https://crm.test/x", "unclaimed"}, // nothing in the policy uses it
	} {
		o := p.Observing(c.admin)
		if got := reading(o, c.method, c.url); got != c.want {
			t.Errorf("admin %v, %s %s: %q, want %q", c.admin, c.method, c.url, got, c.want)
		}
		if o.Limited() {
			t.Error("what is observed is limited")
		}
	}
	if got := reading(p, "GET", "https://api.github.com/repos/other/one"); got != "repos/get read deny" {
		t.Errorf("the policy itself was changed: %s", got)
	}
	if r := p.Observing(false).Allow["observed-github"]; r == nil || r.Credential != "b" {
		t.Errorf("%+v", r)
	}
	if (*Policy)(nil).Observing(true) != nil || (&Policy{}).Observing(true) != nil {
		t.Error("no policy becomes one")
	}
}

func parse1(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := Parse("agentguard.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWithoutAllow(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"version = 1\n[agent]\nname = \"a\"\n", "version = 1\n[agent]\nname = \"a\"\n"},
		{"a = 1\n[allow.x]\nb = 2\n[deny.y]\nc = 3\n", "a = 1\n[deny.y]\nc = 3\n"},
		{"a = 1\n# of x\n[allow.x]\nb = 2\n[allow.x.limits]\nc = 3\n[allow.y]\n\n# of y\n# too\n[deny.y]\nd = 4\n", "a = 1\n# of y\n# too\n[deny.y]\nd = 4\n"},
		{"[deny.y]\na = [\n  \"[allow.z]\",\n]\n[allow.x]\nb = '''\n[deny.w]\n'''\n", "[deny.y]\na = [\n  \"[allow.z]\",\n]\n"},
		{"[ \"allow\" . x ]\nb = 2\n[agent]\n", "[agent]\n"},
		{"[agent]\r\nn = 1\r\n[allow.x]\r\nb = 2\r\n[env]\r\n", "[agent]\r\nn = 1\r\n[env]\r\n"},
	} {
		if got, err := WithoutAllow(c.in); err != nil || got != c.want {
			t.Errorf("%q: %q, %v; want %q", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"allow.x.b = 1\n", "allow = {}\n", "[agent]\n= 1\n"} {
		if got, err := WithoutAllow(in); err == nil {
			t.Errorf("%q: %q", in, got)
		}
	}
	// Whatever a starter says stays, but for what it allows.
	text, err := Starter(StarterServices(), "age")
	if err != nil {
		t.Fatal(err)
	}
	rest, err := WithoutAllow(text)
	if err != nil {
		t.Fatal(err)
	}
	p := parse1(t, rest)
	if len(p.Allow) != 0 || len(p.Deny) == 0 || len(p.Credentials) == 0 || strings.Contains(rest, "OWNER/REPO") {
		t.Errorf("%d allow, %d deny, %d credentials", len(p.Allow), len(p.Deny), len(p.Credentials))
	}
}
