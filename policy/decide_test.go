package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"agentguard/policy/action"
)

const deciding = `version = 1
[agent]
name = "bot"

[credential.gh]
from = "keychain:gh"
service = "github"
[credential.gh-admin]
from = "keychain:gh-admin"
service = "github"

[allow.prs]
service = "github"
credential = "gh"
actions = ["read", "create_pr", "add_comment", "close_pr"]
resources = ["repo:MyOrg/MyRepo", "repo:MyOrg/Docs-*"]
limits = { create_pr = "5/hour", "*" = "600/minute" }

[allow.all-reads]
service = "github"
credential = "gh"
actions = ["read"]
resources = ["repo:other/*"]
limits = { read = "10/minute" }

[allow.admin]
service = "github"
credential = "gh-admin"
actions = ["*"]
resources = ["repo:sandbox/*"]

[allow.merge-one]
service = "github"
credential = "gh"
actions = ["pulls/merge"]
resources = ["repo:sandbox/one"]

[allow.paths]
service = "github"
credential = "gh"
actions = ["read"]
resources = ["path:/rate/*"]

[deny.dangerous]
actions = ["delete_repo", "force_push"]

[deny.secret]
service = "github"
actions = ["add_comment"]
resources = ["repo:myorg/docs-secret", "path:/forbidden/*"]

[allow.crm]
service = "crm"
actions = ["*"]

[service.crm]
hosts = ["crm.example.com"]
[service.crm.actions]
read_customer = "GET /customers/{id} -> customer:{id}"
write_customer = "PUT /customers/{id} -> customer:{id}"
`

// act makes actions of GitHub out of "name resource".
func act(p *Policy, service string, list ...string) *action.Match {
	m := &action.Match{Service: p.Services[service], Path: "/some/path"}
	for _, text := range list {
		name, resource, _ := strings.Cut(text, " ")
		kind, id, _ := strings.Cut(resource, ":")
		class, _ := m.Service.Knows(name)
		a := action.Action{Name: name, Class: class, Resource: action.Resource{Kind: kind, Name: id}}
		switch name {
		case "merge_pr":
			a.Operation = "pulls/merge"
		case "get":
			a.Name, a.Operation, a.Class = "repos/get", "repos/get", action.Read
		case "public":
			a.Name, a.Operation, a.Class, a.Public = "meta/root", "meta/root", action.Read, true
		}
		m.Actions = append(m.Actions, a)
	}
	return m
}

func TestDecide(t *testing.T) {
	p := mustParse(t, deciding)
	for _, c := range []struct {
		service string
		actions string // separated by commas
		effect  Effect
		rule    string
		reason  string // of a denial
		hint    string // contained
	}{
		{"github", "create_pr repo:myorg/myrepo", Allow, "allow.prs", "", ""},
		{"github", "get repo:myorg/myrepo", Allow, "allow.prs", "", ""},
		{"github", "get repo:myorg/docs-a", Allow, "allow.prs", "", ""},
		{"github", "get repo:other/x", Allow, "allow.all-reads", "", ""},
		{"github", "create_pr repo:myorg/myrepo,add_comment repo:myorg/docs-a", Allow, "allow.prs", "", ""},
		{"github", "merge_pr repo:sandbox/one", Allow, "allow.merge-one", "", ""},
		{"github", "merge_pr repo:sandbox/two", Allow, "allow.admin", "", ""},
		{"github", "public", Allow, "allow.all-reads", "", ""},
		{"crm", "write_customer customer:7", Allow, "allow.crm", "", ""},

		{"github", "delete_repo repo:myorg/myrepo", Deny, "deny.dangerous", "Action delete_repo is denied", "rule deny.dangerous forbids it (agentguard.toml line 44)"},
		{"github", "delete_repo repo:sandbox/x", Deny, "deny.dangerous", "Action delete_repo is denied", "forbids"},
		{"github", "create_pr repo:myorg/myrepo,delete_repo repo:myorg/myrepo", Deny, "deny.dangerous", "Action delete_repo is denied", "forbids"},
		{"github", "merge_pr repo:no/where,delete_repo repo:myorg/myrepo", Deny, "deny.dangerous", "Action delete_repo is denied", "forbids"},
		{"github", "create_pr repo:myorg/myrepo,merge_pr repo:myorg/myrepo", Deny, "", "Action merge_pr is denied", "rule allow.merge-one allows it on repo:sandbox/one only, not on repo:myorg/myrepo"},
		{"github", "create_pr repo:myorg/other", Deny, "", "Action create_pr is denied", "rule allow.prs allows it on repo:MyOrg/MyRepo, repo:MyOrg/Docs-* only, not on repo:myorg/other"},
		{"github", "create_pr", Deny, "", "Action create_pr is denied", "does not tell which resource"},
		{"github", "create_pr repo:", Deny, "", "Action create_pr is denied", "does not tell which resource"},
		{"github", "create_pr org:myorg/myrepo", Deny, "", "Action create_pr is denied", "not on org:myorg/myrepo"},
		{"github", "unknown repo:sandbox/one", Deny, "", "Action unknown is denied", "does not know"},
		{"github", "create_pr repo:myorg/myrepo,unknown repo:myorg/myrepo", Deny, "", "Action unknown is denied", "does not know"},

		{"github", "add_comment repo:myorg/docs-secret", Deny, "deny.secret", "Action add_comment is denied", "rule deny.secret forbids it"},
		{"github", "add_comment repo:myorg/docs-a", Allow, "allow.prs", "", ""},
		{"github", "add_comment", Deny, "deny.secret", "Action add_comment is denied", "it protects repo:myorg/docs-secret, path:/forbidden/*, and the request does not tell"},

		{"github", "merge_pr repo:sandbox/two,create_pr repo:myorg/myrepo", Deny, "allow.prs", "the request performs actions of allow.admin and of allow.prs, which use different credentials", "one by one"},
	} {
		d := p.Decide(act(p, c.service, strings.Split(c.actions, ",")...), nil)
		if d.Effect != c.effect || d.Rule != c.rule || d.Reason != c.reason || !strings.Contains(d.Hint, c.hint) {
			t.Errorf("%s: %v by %q, %q (%s)\nwant %v by %q, %q (%s)", c.actions, d.Effect, d.Rule, d.Reason, d.Hint, c.effect, c.rule, c.reason, c.hint)
		}
		if d.Effect == Deny && len(d.Limits) > 0 {
			t.Errorf("%s: denied with limits %v", c.actions, d.Limits)
		}
	}
}

func TestDecideNoRuleHint(t *testing.T) {
	p := mustParse(t, strings.ReplaceAll(deciding, `actions = ["*"]`, `actions = ["read"]`))
	d := p.Decide(act(p, "crm", "write_customer customer:7"), nil)
	if d.Effect != Deny || d.Rule != "" || d.Reason != "Action write_customer is denied" || d.Hint != `no rule allows it: add "write_customer" to the actions of [allow.crm]` {
		t.Errorf("%+v", d)
	}
}

func TestDecideCredential(t *testing.T) {
	p := mustParse(t, deciding)
	for actions, want := range map[string]string{
		"create_pr repo:myorg/myrepo": "gh",
		"merge_pr repo:sandbox/two":   "gh-admin",
		"merge_pr repo:sandbox/one":   "gh",
	} {
		if d := p.Decide(act(p, "github", actions), nil); d.Credential != want || d.Effect != Allow {
			t.Errorf("%s goes with %q, want %q", actions, d.Credential, want)
		}
	}
	if d := p.Decide(act(p, "crm", "read_customer customer:7"), nil); d.Credential != "" {
		t.Errorf("crm has no credential, the decision names %q", d.Credential)
	}
}

// A path rule matches the request's path, whatever the action's own resource.
func TestDecidePath(t *testing.T) {
	p := mustParse(t, deciding)
	for path, want := range map[string]Effect{"/rate/limit": Allow, "/rate/": Allow, "/rate": Deny, "/ratex/y": Deny, "": Deny} {
		m := act(p, "github", "get repo:no/where")
		m.Path = path
		if d := p.Decide(m, nil); d.Effect != want {
			t.Errorf("%q: %v (%s)", path, d.Effect, d.Hint)
		}
	}
	for path, want := range map[string]string{"/forbidden/x": "deny.secret", "": "deny.secret", "/x": "allow.prs"} {
		m := act(p, "github", "add_comment repo:myorg/myrepo")
		m.Path = path
		if d := p.Decide(m, nil); d.Rule != want {
			t.Errorf("%q: by %q, want %q (%s)", path, d.Rule, want, d.Hint)
		}
	}
}

func TestDecideLimits(t *testing.T) {
	p := mustParse(t, deciding)
	for actions, want := range map[string]string{
		"create_pr repo:myorg/myrepo":                                                     "1 bot/allow.prs/* 600/minute, 1 bot/allow.prs/create_pr 5/hour",
		"create_pr repo:myorg/myrepo,create_pr repo:myorg/docs-a":                         "2 bot/allow.prs/* 600/minute, 2 bot/allow.prs/create_pr 5/hour",
		"create_pr repo:myorg/myrepo,get repo:myorg/docs-a,add_comment repo:myorg/docs-a": "3 bot/allow.prs/* 600/minute, 1 bot/allow.prs/create_pr 5/hour",
		"get repo:other/x": "1 bot/allow.all-reads/read 10/minute",
		"get repo:other/x,get repo:other/y,get repo:myorg/myrepo": "2 bot/allow.all-reads/read 10/minute, 1 bot/allow.prs/* 600/minute",
		"merge_pr repo:sandbox/two":                               "",
	} {
		d := p.Decide(act(p, "github", strings.Split(actions, ",")...), nil)
		var got []string
		for _, l := range d.Limits {
			got = append(got, fmt.Sprintf("%d %s %v", l.N, l.Key, l.Rate))
		}
		if d.Effect != Allow || strings.Join(got, ", ") != want {
			t.Errorf("%s takes %q, want %q", actions, got, want)
		}
	}
}

// A limit counts what comes to the same by another operation or by arguments, as a denial forbids it: as one of a group that the rule
// allows. What the rule names itself is another action.
func TestLimitsCountWhatComesToTheSame(t *testing.T) {
	const named = `, "sync_fork", "merge_branch", "submit_review"`
	for _, c := range []struct {
		actions, does, like string
		counted             string
	}{
		{`"write"`, "merge_branch repos/merge", "", "merge_pr push"},
		{`"write"`, "sync_fork repos/merge-upstream", "", "push"},
		{`"write"`, "submit_review pulls/create-review", "add_comment", "add_comment"},
		{`"write"`, "update_pr pulls/update", "", ""},
		{`"*"`, "commit_file repos/create-or-update-file-contents", "", "push"},
		{`"push", "merge_pr", "add_comment"` + named, "merge_branch repos/merge", "", ""},
		{`"push", "merge_pr", "add_comment"` + named, "sync_fork repos/merge-upstream", "", ""},
		{`"write"` + named, "sync_fork repos/merge-upstream", "", ""},
		{`"write"` + named, "submit_review pulls/create-review", "add_comment", ""},
		{`"write", "repos/merge"`, "merge_branch repos/merge", "", ""},
	} {
		p := mustParse(t, "version = 1\n[agent]\nname = \"a\"\n[allow.a]\nservice = \"github\"\nactions = ["+c.actions+"]\nlimits = { push = \"5/hour\", merge_pr = \"5/hour\", add_comment = \"5/hour\" }\n")
		m := act(p, "github", "push repo:o/r")
		a := &m.Actions[0]
		a.Name, a.Operation, _ = strings.Cut(c.does, " ")
		a.Like = c.like
		var counted []string
		for _, l := range p.Decide(m, nil).Limits {
			counted = append(counted, strings.TrimPrefix(l.Key, "a/allow.a/"))
		}
		slices.Sort(counted)
		if got := strings.Join(counted, " "); got != c.counted {
			t.Errorf("%s, %s: counted %q, want %q", c.actions, c.does, got, c.counted)
		}
	}
}

// The limits of every rule that allows an action apply, also of those that are less specific.
func TestLimitsOfAllMatchingRules(t *testing.T) {
	p := mustParse(t, `version = 1
[agent]
name = "bot"
[allow.a]
service = "github"
actions = ["create_pr"]
resources = ["repo:o/r", "repo:o/*", "path:/some/*"]
limits = { create_pr = "5/hour" }
[allow.b]
service = "github"
actions = ["*", "write", "create_pr"]
limits = { "*" = "2/hour", write = "3/hour" }
`)
	d := p.Decide(act(p, "github", "create_pr repo:o/r"), nil)
	if d.Rule != "allow.a" || len(d.Limits) != 3 {
		t.Fatalf("%+v", d)
	}
	for _, l := range d.Limits {
		if l.N != 1 {
			t.Errorf("%s is taken %d times for one action", l.Key, l.N)
		}
	}
}

func TestZeroDenies(t *testing.T) {
	var none *Policy
	p := mustParse(t, deciding)
	good := act(p, "github", "create_pr repo:myorg/myrepo")
	a := action.Authority{Host: "api.github.com", Port: 443}
	for name, q := range map[string]*Policy{"nil": none, "zero": {}, "hand-made": {Allow: p.Allow, Services: p.Services, Credentials: p.Credentials}} {
		if d := q.Decide(good, nil); d.Effect != Deny || d.Reason == "" {
			t.Errorf("%s policy: %+v", name, d)
		}
		for _, plain := range []bool{false, true} {
			if c := q.Claim(a, plain); c.Kind != Unclaimed || c.Reason == "" {
				t.Errorf("%s policy claims %+v", name, c)
			}
		}
	}
	for name, m := range map[string]*action.Match{
		"nil": nil, "zero": {}, "no actions": {Service: good.Service}, "no service": {Actions: good.Actions},
		"zero action":       {Service: good.Service, Actions: []action.Action{{}}, Path: "/"},
		"a strange service": {Service: &action.Service{Name: "x"}, Actions: good.Actions},
		"an unused service": {Service: action.Lookup("stripe"), Actions: good.Actions},
	} {
		if d := p.Decide(m, nil); d.Effect != Deny || d.Reason == "" {
			t.Errorf("%s match: %+v", name, d)
		}
	}
	if (Decision{}).Effect != Deny || (Claim{}).Kind != Unclaimed {
		t.Error("the zero values allow")
	}
}

// What the catalogue does not know is refused even where everything is allowed, with the reason that it gives.
func TestUnknownIsNeverAllowed(t *testing.T) {
	p := mustParse(t, deciding)
	m := act(p, "crm", "read_customer customer:1")
	m.Actions[0] = action.Action{Name: "read_customer", Class: action.Unknown}
	m.Reason = "the body holds a duplicate key"
	if d := p.Decide(m, nil); d.Effect != Deny || d.Reason != m.Reason || d.Rule != "" {
		t.Errorf("%+v", d)
	}
	m.Actions = nil
	if d := p.Decide(m, nil); d.Effect != Deny || d.Reason != m.Reason {
		t.Errorf("%+v", d)
	}
}

// A reason that does not make the request unknown is no refusal of its own, and is told with one.
func TestReasonOfTwins(t *testing.T) {
	p := mustParse(t, deciding)
	m := act(p, "github", "close_pr repo:myorg/myrepo")
	m.Reason = "the number may be a pull request's"
	if d := p.Decide(m, nil); d.Effect != Allow {
		t.Errorf("%+v", d)
	}
	m = act(p, "github", "close_issue repo:myorg/myrepo", "close_pr repo:myorg/myrepo")
	m.Reason = "the number may be a pull request's"
	if d := p.Decide(m, nil); d.Reason != "Action close_issue is denied" || !strings.HasSuffix(d.Hint, "; the number may be a pull request's") {
		t.Errorf("%+v", d)
	}
}

// A deny rule of every service applies at each, also where allow rules come first in the file.
func TestDenyBeatsAllow(t *testing.T) {
	p := mustParse(t, `version = 1
[agent]
name = "bot"
[allow.a]
service = "github"
actions = ["delete_repo", "*"]
resources = ["repo:o/r"]
[allow.b]
service = "openai"
actions = ["*"]
[deny.a]
actions = ["delete_repo", "delete_model", "admin"]
`)
	for service, a := range map[string]string{"github": "delete_repo repo:o/r", "openai": "delete_model model:x"} {
		if d := p.Decide(act(p, service, a), nil); d.Effect != Deny || d.Rule != "deny.a" {
			t.Errorf("%s: %+v", a, d)
		}
	}
	if d := p.Decide(act(p, "openai", "list_models"), nil); d.Effect != Allow {
		t.Errorf("%+v", d)
	}
}

func TestGlob(t *testing.T) {
	for pattern, c := range map[string]struct{ yes, no string }{
		"repo:myorg/myrepo":  {"myorg/myrepo", "myorg/myrepo2 myorg/myrep MYORG/myrepo"},
		"repo:myorg/*":       {"myorg/a myorg/a/b myorg/", "myorg myorgs/a x/myorg/a"},
		"repo:*":             {"a a/b /", ""},
		"repo:*/docs":        {"a/docs b/docs /docs", "a/b/docs docs a/docs2 a/docs/x"},
		"repo:a/*-test":      {"a/x-test a/-test a/x-test-test", "a/x/y-test a/x-tests b/x-test"},
		"repo:a/*/c/*":       {"a/b/c/d a/b/c/d/e a//c/", "a/b/x/c/d a/b/c"},
		"repo:a*b*c":         {"abc axbyc abbcc abcc", "ab ac a/bc ab/c abcd"},
		"repo:*aab":          {"aab aaab xaaab", "aab/ x/aab"},
		"repo:*/a/*b":        {"x/a/b x/a/yb", "x/a/y/b x/y/a/b"},
		"function:staging-*": {"staging-a staging-", "staging prod-staging-a"},
		"path:/v1/*":         {"/v1/ /v1/a /v1/a/b", "/v1 /v10/a /x/v1/a"},
		"bucket:b.[x]?/*":    {"b.[x]?/k", "bax/k b.x/k"},
	} {
		g, wrong := parseGlob(pattern)
		if wrong != "" {
			t.Errorf("%s %s", pattern, wrong)
		}
		for _, name := range strings.Fields(c.yes) {
			if !g.match(action.Resource{Kind: g.kind, Name: name}) {
				t.Errorf("%s does not cover %q", pattern, name)
			}
		}
		for _, name := range append(strings.Fields(c.no), "") {
			if g.match(action.Resource{Kind: g.kind, Name: name}) {
				t.Errorf("%s covers %q", pattern, name)
			}
		}
		if g.match(action.Resource{Kind: "other", Name: strings.Fields(c.yes)[0]}) || g.match(action.Resource{}) {
			t.Errorf("%s covers another kind, or nothing", pattern)
		}
	}
}

// FuzzGlob compares with the definition, tried by brute force.
func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axb")
	f.Add("*/a/*", "x/a/b/c")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 16 {
			return
		}
		g, wrong := parseGlob("k:" + pattern)
		if wrong != "" || name == "" {
			return
		}
		if got, want := g.match(action.Resource{Kind: "k", Name: name}), slow(pattern, name); got != want {
			t.Fatalf("%q covers %q: %v, by definition %v", pattern, name, got, want)
		}
	})
}

func slow(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern == "*":
		return true
	case pattern[0] != '*':
		return name != "" && name[0] == pattern[0] && slow(pattern[1:], name[1:])
	}
	for i := 0; ; i++ {
		if slow(pattern[1:], name[i:]) {
			return true
		}
		if i == len(name) || name[i] == '/' {
			return false
		}
	}
}

// BenchmarkDecide is a policy of 200 rules that all name the action, on globs and literals.
func BenchmarkDecide(b *testing.B) {
	p := mustParse(b, bigPolicy(200))
	for _, repo := range []string{"org7/repo", "org7/exact", "nowhere/x"} {
		m := act(p, "github", "create_pr repo:"+repo)
		b.Run(repo, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(m, nil)
			}
		})
	}
}

func bigPolicy(n int) string {
	var s strings.Builder
	s.WriteString("version = 1\n[agent]\nname = \"bot\"\n[credential.gh]\nfrom = \"env:GH\"\nservice = \"github\"\n")
	for i := range n / 2 {
		fmt.Fprintf(&s, "[allow.r%d]\nservice = \"github\"\nactions = [\"read\", \"create_pr\"]\nresources = [\"repo:org%d/*\", \"repo:org%d/exact\"]\nlimits = { create_pr = \"5/hour\" }\n", i, i, i)
		fmt.Fprintf(&s, "[deny.d%d]\nactions = [\"delete_repo\", \"create_pr\"]\nresources = [\"repo:no%d/*\"]\n", i, i)
	}
	return s.String()
}

func BenchmarkParse(b *testing.B) {
	text := []byte(bigPolicy(200))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("f", text); err != nil {
			b.Fatal(err)
		}
	}
}

// Some servers tell no case, or drop space and dots at the end, and most a slash: a refusal is not passed by with any. What is allowed is what is
// written.
func TestDenyTellsNoCase(t *testing.T) {
	p := mustParse(t, `version = 1
[agent]
name = "bot"
[service.crm]
hosts = ["crm.example.com"]
[service.crm.actions]
read_customer = "GET /customers/{id} -> customer:{id}"
anything = "* /{path...}"
[allow.a]
service = "crm"
actions = ["*"]
resources = ["customer:*", "path:/Docs/*", "path:/admin*"]
[allow.b]
service = "github"
actions = ["*"]
[deny.a]
actions = ["*"]
resources = ["customer:Secret", "customer:vip-*", "path:/admin", "path:/Docs/Internal/*", "customer:jos\u00e9", "customer:42", "customer:0", "customer:a+b"]
`)
	for _, tt := range []struct {
		service, action, path string
		denied                bool
	}{
		{"crm", "read_customer customer:Secret", "/customers/Secret", true},
		{"crm", "read_customer customer:sEcRET", "/customers/sEcRET", true},
		{"crm", "read_customer customer:secret ", "/customers/secret ", true},
		{"crm", "read_customer customer: secret..", "/customers/ secret..", true},
		{"crm", "read_customer customer:secret2", "/customers/secret2", false},
		{"crm", "read_customer customer:secret\u00a0.", "/customers/secret\u00a0.", true},
		{"crm", "anything", "/admin. ", true},
		{"crm", "read_customer customer:secret.json", "/customers/secret.json", true}, // what Rails takes off
		{"crm", "read_customer customer:Secret.XML", "/customers/Secret.XML", true},
		{"crm", "read_customer customer:secret.v2", "/customers/secret.v2", false},
		{"crm", "read_customer customer:s\u00e9cret", "/customers/s\u00e9cret", true}, // accents, which MySQL does not tell
		{"crm", "read_customer customer:se\u0301cret", "/customers/se\u0301cret", true},
		{"crm", "read_customer customer:\uff33ecret", "/customers/\uff33ecret", true},
		{"crm", "read_customer customer:sec\u00adret", "/customers/sec\u00adret", true},
		{"crm", "read_customer customer:\U0001d42cecret", "/customers/\U0001d42cecret", true},
		{"crm", "read_customer customer:\u24e2ecret", "/customers/\u24e2ecret", true},
		{"crm", "read_customer customer:secret+", "/customers/secret+", true},
		{"crm", "read_customer customer:Secret?x", "/customers/Secret?x", true}, // escaped, and read once more
		{"crm", "read_customer customer:secret.json#", "/customers/secret.json#", true},
		{"crm", "read_customer customer:secret;x", "/customers/secret;x", true},
		{"crm", "read_customer customer:secret\uff0f", "/customers/secret\uff0f", true},
		{"crm", "anything", "/admin?x", true},
		{"crm", "read_customer customer:a+B", "/customers/a+B", true},
		{"crm", "read_customer customer:042", "/customers/042", true},
		{"crm", "read_customer customer:+42", "/customers/+42", true},
		{"crm", "read_customer customer:42-some-name", "/customers/42-some-name", true}, // what Rails takes for 42
		{"crm", "read_customer customer:42x", "/customers/42x", true},
		{"crm", "read_customer customer:000", "/customers/000", true},
		{"crm", "read_customer customer:420", "/customers/420", false},
		{"crm", "read_customer customer:42.1", "/customers/42.1", false},
		{"crm", "read_customer customer:JOSE", "/customers/JOSE", true},
		{"crm", "read_customer customer:secr\u65e5t", "/customers/secr\u65e5t", false},
		{"crm", "anything", "/\u00e1dmin", true},
		{"crm", "anything", "/admin.json", true},
		{"crm", "anything", "/docs%2Finternal%2Fx", true},
		{"github", "get repo:o/r", "/docs%2Finternal/x", true}, // GitHub takes it for a slash
		{"github", "get repo:o/r", "/Docs.git/internal/x", true},
		{"github", "get repo:o/r", "/admin.git", true},
		{"github", "get repo:o/r", "/admin.json", false},
		{"crm", "anything", "/admin.json/", true},
		{"crm", "read_customer customer:VIP-1", "/customers/VIP-1", true},
		{"crm", "read_customer customer:other", "/customers/other", false},
		{"crm", "anything", "/ADMIN", true},
		{"crm", "anything", "/admin/", true},
		{"crm", "anything", "/administration", false},
		{"crm", "anything", "/Docs/INTERNAL/x", true},
		{"crm", "anything", "/Docs/internals", false},
		{"crm", "anything", "/docs/x", true}, // no rule allows it so
		{"github", "get repo:o/r", "/Admin/", true},
	} {
		m := act(p, tt.service, tt.action)
		m.Path = tt.path
		if tt.action == "anything" {
			m.Actions[0].Resource = action.Resource{Kind: "path", Name: tt.path}
		}
		if d := p.Decide(m, nil); (d.Effect == Deny) != tt.denied {
			t.Errorf("%s %s: %v by %q (%s)", tt.action, tt.path, d.Effect, d.Rule, d.Hint)
		}
	}
}

// TestDenyReachesWhatComesToTheSame: who may do all of a group does not get round a refusal by another operation of it, and one
// that a rule names by itself is meant to be another.
func TestDenyReachesWhatComesToTheSame(t *testing.T) {
	policy := func(allow, deny string) *Policy {
		p, err := Parse("agentguard.toml", []byte(`version = 1
agent.name = "bot"
[credential.c]
from = "env:T"
service = "github"
[allow.a]
service = "github"
actions = [`+allow+`]
resources = ["repo:o/*"]
[allow.b]
service = "github"
actions = ["merge_branch"]
resources = ["repo:o/elsewhere"]
[deny.d]
service = "github"
actions = [`+deny+`]
resources = ["repo:o/r"]
`))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		allow, deny, action string
		denied              bool
	}{
		{`"write"`, `"merge_pr"`, "merge_branch repos/merge write repo:o/r", true},
		{`"write"`, `"merge_pr"`, "merge_branch mergeBranch write repo:o/r", true},
		{`"write"`, `"merge_pr"`, "merge_branch repos/merge write repo:o/s", false},
		{`"write"`, `"merge_pr"`, "create_pr pulls/create write repo:o/r", false},
		{`"write", "merge_branch"`, `"merge_pr"`, "merge_branch repos/merge write repo:o/r", false},
		{`"write", "repos/merge"`, `"merge_pr"`, "merge_branch repos/merge write repo:o/r", false},
		{`"write", "repos/merge"`, `"merge_pr"`, "merge_branch mergeBranch write repo:o/r", true},
		{`"write", "merge_branch"`, `"merge_pr", "merge_branch"`, "merge_branch repos/merge write repo:o/r", true},
		{`"*"`, `"push"`, "commit_file repos/create-or-update-file-contents write repo:o/r", true},
		{`"*"`, `"commit_file"`, "push createCommitOnBranch write repo:o/r", true},
		{`"*"`, `"unprotect_branch"`, "protect_branch repos/update-repo-ruleset admin repo:o/r", true},
		{`"*"`, `"set_variable"`, "actions/create-environment-variable actions/create-environment-variable admin repo:o/r", true},
		{`"*"`, `"push"`, "commit_file repos/create-or-update-file-contents write repo:o/r.wiki", true},
	} {
		f := strings.Fields(c.action)
		kind, name, _ := strings.Cut(f[3], ":")
		class := map[string]action.Class{"write": action.Write, "admin": action.Admin}[f[2]]
		p := policy(c.allow, c.deny)
		m := &action.Match{Service: p.Services["github"], Path: "/", Actions: []action.Action{{Name: f[0], Operation: f[1], Class: class, Resource: action.Resource{Kind: kind, Name: name}}}}
		d := p.Decide(m, nil)
		if (d.Effect == Deny) != c.denied || c.denied && d.Rule != "deny.d" {
			t.Errorf("%v: %s by %s: %s", c, d.Effect, d.Rule, d.Hint)
		}
		if why := p.Trace(m, nil, 0)[0]; why.Matches != c.denied {
			t.Errorf("%v: the trace says %s", c, why.Why)
		}
		if c.denied && !strings.Contains(c.deny, f[0]) && !strings.Contains(d.Hint, "since it comes to the same as ") {
			t.Errorf("%v: %s", c, d.Hint)
		}
	}
}

// TestMissingNamesTheRule: the hint names the rule about the same resource, and what to write where there is none.
func TestMissingNamesTheRule(t *testing.T) {
	p := mustParse(t, `
version = 1
[agent]
name = "a"
[service.s]
hosts = ["s.example.com"]
auth = "bearer"
[service.s.actions]
see  = "GET /{repo} -> repo:{repo}"
close = "POST /{repo}/close -> repo:{repo}"
ping = "POST /"
fix = "POST /{repo}/fix -> repo:{repo}"
[allow.a-anything]
service = "s"
actions = ["read"]
[allow.a-small]
service = "s"
actions = ["see"]
resources = ["repo:one"]
when = { size = 1 }
[allow.a-path]
service = "s"
actions = ["fix"]
resources = ["path:/x/*"]
[allow.d-one]
service = "s"
actions = ["fix"]
resources = ["repo:fixed"]
[allow.b-one]
service = "s"
actions = ["see"]
resources = ["repo:one"]
[allow.c-two]
service = "s"
actions = ["see"]
resources = ["repo:tw*"]
`)
	for what, want := range map[string]string{
		"close repo:one": `add "close" to the actions of [allow.b-one]`, "close repo:two": `add "close" to the actions of [allow.c-two]`,
		"close repo:other": `write an [allow.NAME] with service = "s", actions = ["close"], resources = ["repo:other"]`, "ping": `add "ping" to the actions of [allow.a-anything]`,
		"fix repo:other": "rule allow.d-one allows it on repo:fixed only, not on repo:other",
	} {
		if d := p.Decide(act(p, "s", what), nil); strings.TrimPrefix(d.Hint, "no rule allows it: ") != want {
			t.Errorf("%s: %s", what, d.Hint)
		}
	}
	delete(p.Allow, "a-anything")
	p.index = compile(p)
	if d := p.Decide(act(p, "s", "close repo:other"), nil); !strings.HasSuffix(d.Hint, `write an [allow.NAME] with service = "s", actions = ["close"], resources = ["repo:other"]`) {
		t.Error(d.Hint)
	}
}
