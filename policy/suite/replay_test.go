package suite

import (
	"strings"
	"testing"
	"time"

	"agentguard/policy"
)

const replayPolicy = `version = 1
[agent]
name = "bot"
[credential.gh]
from = "keychain:gh"
service = "github"
[service.crm]
hosts = ["crm.example.com", "http://plain.example.com"]
auth = "bearer"
[service.crm.actions]
read_customer = "GET /customers/{id} -> customer:{id}"
[credential.crm]
from = "keychain:crm"
service = "crm"
[allow.prs]
service = "github"
actions = ["read", "create_pr", "push", "pulls/create-review"]
resources = ["repo:o/r", "repo:o/s"]
limits = { create_pr = "2/hour" }
[allow.merges]
service = "github"
actions = ["merge_pr"]
when = { merge_method = "squash" }
[allow.crm]
service = "crm"
actions = ["read"]
[deny.d]
actions = ["delete_repo", "force_push", "git/update-ref"]
[deny.late]
service = "github"
actions = ["create_release"]
when = { draft = false }
[network]
allow = ["pypi.org"]
tunnel = ["pinned.example.com"]
`

func replayOver(t *testing.T) *Replay {
	t.Helper()
	p, err := policy.Parse("a.toml", []byte(replayPolicy))
	if err != nil {
		t.Fatal(err)
	}
	return NewReplay(p)
}

// onGitHub is a recorded request for api.github.com that performed an action on o/r.
func onGitHub(effect, method, path string, actions ...string) Recorded {
	return Recorded{Method: method, Authority: "api.github.com:443", Path: path, Service: "github", Actions: actions,
		Resources: []string{"repo:o/r"}, Effect: effect}
}

func TestReplay(t *testing.T) {
	git := onGitHub("allow", "POST", "/o/r.git/git-receive-pack", "push")
	git.Authority = "github.com:443"
	forced := git
	forced.Actions = []string{"push", "force_push"}
	many := git
	many.Actions, many.More = []string{"push", "push"}, true
	manyForced := forced
	manyForced.More = true
	elsewhere := onGitHub("allow", "POST", "/graphql", "create_pr")
	elsewhere.Resources = []string{"repo:o/x"}
	apart := onGitHub("allow", "POST", "/graphql", "graphql_query", "graphql_query")
	apart.Resources = []string{"repo:o/r", "repo:o/x"}
	odd := apart
	odd.Resources = []string{"repo:o/r", "repo:o/x", "repo:o/s"}
	other := onGitHub("allow", "POST", "/graphql", "create_pr")
	other.Service = "linear"
	cut := onGitHub("allow", "GET", "/repos/o/r", "repos/get")
	cut.Cut = true
	outside := onGitHub("deny", "GET", "/repos/o/r", "repos/get")
	outside.Unasked = true
	host := func(effect, method, authority string) Recorded {
		return Recorded{Method: method, Authority: authority, Path: "/customers/1", Effect: effect}
	}
	plain := host("deny", "GET", "plain.example.com:80")
	plain.Plain = true
	for _, c := range []struct {
		name   string
		q      Recorded
		change Change
		rule   string
		why    string
	}{
		{"as it was", onGitHub("allow", "GET", "/repos/o/r", "repos/get"), Same, "allow.prs", ""},
		{"the path is read again, whatever the record calls it", onGitHub("allow", "DELETE", "/repos/o/r", "repos/get"), NowDenied, "deny.d", "Action delete_repo is denied"},
		{"opened", onGitHub("deny", "GET", "/repos/o/r", "repos/get"), NowAllowed, "allow.prs", ""},
		{"no rule", onGitHub("allow", "GET", "/repos/o/x", "repos/get"), NowDenied, "", "not on repo:o/x"},
		{"unknown operation", onGitHub("allow", "GET", "/nowhere/at/all", "repos/get"), NowDenied, "", "is no operation"},
		{"a path with two readings", onGitHub("allow", "GET", "/repos/o/../r", "repos/get"), NowDenied, "", ".."},
		{"what a body decided is taken from the record", git, Same, "allow.prs", ""},
		{"and held against the policy", forced, NowDenied, "deny.d", "force_push"},
		{"by resource", elsewhere, NowDenied, "", "not on repo:o/x"},
		{"by the resource of each", apart, NowDenied, "", "not on repo:o/x"},
		{"resources that fit no action", odd, Untold, "", "which resource"},
		{"a name of several operations that the policy tells apart", onGitHub("allow", "POST", "/graphql", "push"), Untold, "", "which of several operations"},
		{"a public reading may be meant", func() Recorded {
			q := onGitHub("allow", "POST", "/graphql", "graphql_query")
			q.Resources = []string{"graphql:query"}
			return q
		}(), Untold, "", "which of several operations"},
		{"the same name by an operation that the path tells", onGitHub("allow", "POST", "/repos/o/r/git/refs/heads/x", "push"), NowDenied, "", "is no operation"},
		{"unknown stays refused", onGitHub("deny", "POST", "/graphql", "unknown"), Same, "", ""},
		{"a name that is no more", onGitHub("allow", "POST", "/graphql", "create_universe"), Untold, "", "no action create_universe"},
		{"no name", onGitHub("allow", "POST", "/graphql"), Untold, "", "names no action"},
		{"another service's name", other, Untold, "", "service linear"},
		{"a condition of an allow rule", onGitHub("allow", "PUT", "/repos/o/r/pulls/1/merge", "merge_pr"), Untold, "", "merge_method cannot be read"},
		{"a condition of a deny rule that nothing allows anyway", onGitHub("deny", "POST", "/repos/o/r/releases", "create_release"), Same, "deny.late", ""},
		{"not all actions are there", many, Untold, "", "only the first"},
		{"but one that is denied is", manyForced, NowDenied, "deny.d", "force_push"},
		{"too many actions", onGitHub("allow", "POST", "/graphql", make([]string, 5000)...), Untold, "", "more actions"},
		{"not the whole path is there", cut, Untold, "", "only the beginning"},
		{"refused by others", outside, Unasked, "", ""},
		{"a host nobody knows", host("allow", "GET", "evil.example:443"), NowDenied, "", "does not know evil.example:443"},
		{"no host at all", host("allow", "GET", "a b"), NowDenied, "", ""},
		{"an open host", host("deny", "GET", "pypi.org:443"), NowAllowed, "network.allow", ""},
		{"a tunnel", host("allow", "CONNECT", "pinned.example.com:443"), Same, "network.tunnel", ""},
		{"read once, a tunnel now", host("deny", "GET", "pinned.example.com:443"), NowAllowed, "network.tunnel", ""},
		{"a tunnel once, read now", host("allow", "CONNECT", "crm.example.com:443"), Untold, "", "was not read"},
		{"a service of one's own", host("allow", "GET", "crm.example.com:443"), Same, "allow.crm", ""},
		{"with another scheme", host("deny", "GET", "plain.example.com:80"), Same, "", ""},
		{"with its scheme", plain, NowAllowed, "allow.crm", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := replayOver(t).Ask(&c.q)
			if v.Change != c.change || v.Rule != c.rule || !strings.Contains(v.Why, c.why) {
				t.Errorf("%s by %q: %s; want %s by %q: %s", v.Change, v.Rule, v.Why, c.change, c.rule, c.why)
			}
		})
	}
	q := onGitHub("allow", "GET", "/repos/o/r", "repos/get")
	if v := NewReplay(nil).Ask(&q); v.Change != NowDenied {
		t.Errorf("no policy: %+v", v)
	}
}

// TestReplayCountsOperations: what belongs to one operation is counted once, as it was when it was let through.
func TestReplayCountsOperations(t *testing.T) {
	for _, c := range []struct {
		joined []int
		want   Change
		why    string
	}{
		{nil, NowLimited, "2/hour"}, // three, one by one
		{[]int{2, 1}, Same, ""},
		{[]int{1, 2}, Same, ""},
		{[]int{3}, Same, ""},
		{[]int{1, 1, 1}, NowLimited, "2/hour"},
		{[]int{2}, Untold, "which of its actions"},
		{[]int{2, 2}, Untold, "which of its actions"},
		{[]int{3, 0}, Untold, "which of its actions"},
		{[]int{4, -1}, Untold, "which of its actions"},
	} {
		q := onGitHub("allow", "POST", "/graphql", "create_pr", "create_pr", "create_pr")
		q.Joined = c.joined
		if v := replayOver(t).Ask(&q); v.Change != c.want || !strings.Contains(v.Why, c.why) {
			t.Errorf("%v: %s: %s", c.joined, v.Change, v.Why)
		}
	}
}

// TestReplayLimits: limits count at the recorded times, whatever the clock of a damaged log does.
func TestReplayLimits(t *testing.T) {
	r := replayOver(t)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	opened := func(at time.Duration, effect string) Change {
		q := onGitHub(effect, "POST", "/repos/o/r/pulls", "create_pr")
		q.Time = start.Add(at)
		return r.Ask(&q).Change
	}
	for i, step := range []struct {
		at     time.Duration
		effect string
		want   Change
	}{
		{0, "allow", Same}, {time.Minute, "allow", Same}, {2 * time.Minute, "allow", NowLimited}, {3 * time.Minute, "limit", Same},
		{-10 * time.Hour, "deny", NowLimited}, {61 * time.Minute, "limit", NowAllowed}, {62 * time.Minute, "deny", NowAllowed},
	} {
		if got := opened(step.at, step.effect); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	// What an earlier run took of a limit is not in this record: the limit that refused still stands.
	r = replayOver(t)
	q := onGitHub("limit", "POST", "/repos/o/r/pulls", "create_pr")
	q.Reason = "Rate limit of bot/allow.prs/create_pr exceeded: 2/hour"
	if v := r.Ask(&q); v.Change != Same || v.Effect != "limit" {
		t.Errorf("%+v", v)
	}
	q.Reason = "Rate limit of bot/allow.prs/create_pr exceeded: 1/hour"
	if v := r.Ask(&q); v.Change != NowAllowed {
		t.Errorf("%+v", v)
	}
}
