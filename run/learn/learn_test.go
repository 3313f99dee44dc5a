package learn

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentguard/policy"
	"agentguard/policy/suite"
)

const base = `version = 1
[agent]
name = "bot"

[credential.github-token]
from    = "env:GITHUB_TOKEN"
service = "github"
[credential.openai-key]
from    = "env:OPENAI_API_KEY"
service = "openai"
[service.crm]
hosts = ["crm.test"]
[service.crm.actions]
look   = "GET /things/{id} -> thing:{id}"
change = "PUT /things/{id} -> thing:{id}"
drop   = "DELETE /things/{id} -> thing:{id}"
list   = "GET /things"
[allow.all]
service = "crm"
actions = ["*"]
[deny.never]
service = "github"
actions = ["delete_branch"]
`

var start = time.Unix(1_700_000_000, 0)

// rig observes requests as a run does: under a policy that lets it.
type rig struct {
	*Observer
	t      *testing.T
	policy *policy.Policy
	at     time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	p, err := policy.Parse("agentguard.toml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	return &rig{&Observer{}, t, p.Observing(false), start}
}

func (r *rig) do(method, url, body string) {
	r.t.Helper()
	r.at = r.at.Add(time.Second)
	q := &suite.Request{Method: method, URL: url}
	if body != "" {
		q.Body = []byte(body)
	}
	a, err := suite.Ask(r.policy, q)
	if err != nil {
		r.t.Fatal(err)
	}
	s := Seen{At: r.at, Actions: a.Match.Actions, Method: method, URL: url, Body: q.Body, ContentType: "application/json", Host: a.Authority.Host, Credential: a.Decision.Credential}
	if a.Claim.Service != nil {
		s.Service = a.Claim.Service.Name
	}
	if a.Effect != "allow" {
		s.Refused = a.Reason
	}
	r.Add(s)
}

func (r *rig) draft() (*Draft, *policy.Policy) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "learned.toml")
	d, err := r.Draft(base, file, "bot.sh", start)
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := policy.LoadText(file, []byte(d.Policy))
	if err != nil {
		r.t.Fatal(err)
	}
	return d, p
}

func effect(t *testing.T, p *policy.Policy, method, url, body string) string {
	t.Helper()
	q := &suite.Request{Method: method, URL: url}
	if body != "" {
		q.Body = []byte(body)
	}
	a, err := suite.Ask(p, q)
	if err != nil {
		t.Fatal(err)
	}
	return a.Effect
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

func TestDraft(t *testing.T) {
	r := newRig(t)
	r.do("GET", "https://api.github.com/repos/o/r", "")
	r.do("GET", "https://api.github.com/repos/o/r/pulls?state=open&token=abc", "")
	r.do("GET", "https://github.com/o/r/archive/main.zip", "")
	r.do("POST", "https://api.github.com/repos/o/r/pulls", `{"title": "a private word", "head": "x", "base": "main"}`)
	r.do("POST", "https://api.github.com/repos/o/r/pulls", `{"title": "b", "head": "y", "base": "main"}`)
	r.do("PATCH", "https://api.github.com/repos/o/r/pulls/7", `{"state": "closed", "body": "a private word"}`)
	r.do("POST", "https://api.github.com/repos/o/other/issues/1/comments", `{"body": "a private word"}`)
	r.do("POST", "https://api.openai.com/v1/chat/completions", `{"model": "gpt-4o", "messages": [{"role": "user", "content": "a private word"}]}`)
	r.do("DELETE", "https://api.github.com/repos/o/r", "")
	r.do("DELETE", "https://api.github.com/repos/o/r/git/refs/heads/main", "")
	r.do("GET", "https://evil.test/x", "")
	r.do("GET", "https://evil.test/y", "")
	d, p := r.draft()
	contains(t, d.Policy, "from 8 requests of bot.sh", `actions    = ["close_pr", "create_pr", "read", "update_pr"]`, `resources  = ["repo:o/r"]`, `"create_pr" = "5/hour"`, `"close_pr" = "2/hour"`,
		"# wider: read instead of the 3 reads that were done: download, repos/get, repos/read", `resources  = ["repo:o/other"]`, `credential = "github-token"`, `resources  = ["model:gpt-4o"]`, "[deny.never]")
	contains(t, strings.Join(d.Wider, "\n"), "github: read instead of the 3 reads")
	contains(t, strings.Join(d.Missing, "\n"), "delete_repo repo:o/r: Action delete_repo is denied (1 times)", "delete_branch repo:o/r: ", "evil.test: the policy does not know the host (2 times)")
	contains(t, strings.Join(d.Allowed, "\n"), "github: read (download, repos/get, repos/read), write (add_comment, close_pr, create_pr, update_pr)", "openai: ")
	contains(t, d.Cases, `url    = "https://api.github.com/repos/o/r/pulls"`, `body   = "{\"body\":\"...\",\"state\":\"closed\"}"`, `body   = "{\"model\":\"gpt-4o\"}"`, `expect = "deny"`, "https://elsewhere.example/", "not: delete_repo repo:o/r")
	for _, secret := range []string{"private", "token=abc", "allow.all"} {
		if strings.Contains(d.Cases+d.Policy, secret) {
			t.Errorf("%q stands in what was written", secret)
		}
	}
	for _, c := range []struct{ method, url, body, want string }{
		{"GET", "https://api.github.com/repos/o/r", "", "allow"},
		{"GET", "https://api.github.com/repos/o/other", "", "deny"},
		{"GET", "https://api.github.com/repos/x/y", "", "deny"},
		{"POST", "https://api.github.com/repos/o/other/pulls", "{}", "deny"},
		{"POST", "https://api.github.com/repos/o/other/issues/2/comments", "{}", "allow"},
		{"PUT", "https://api.github.com/repos/o/r/pulls/7/merge", "{}", "deny"},
		{"POST", "https://api.openai.com/v1/chat/completions", `{"model": "gpt-5"}`, "deny"},
		{"GET", "https://crm.test/things/1", "", "unclaimed or deny"},
	} {
		if got := effect(t, p, c.method, c.url, c.body); got != c.want && c.want != "unclaimed or deny" || got == "allow" && c.want != "allow" {
			t.Errorf("%s %s: %s, want %s", c.method, c.url, got, c.want)
		}
	}
}

// TestLearnedIsWhatWasDone: over a grid of actions and resources, what is allowed afterwards is what was done.
func TestLearnedIsWhatWasDone(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		r := newRig(t)
		done := map[string]bool{}
		for range 1 + rnd.IntN(25) {
			method, url := []string{"GET", "PUT", "DELETE"}[rnd.IntN(3)], fmt.Sprintf("https://crm.test/things/%d", rnd.IntN(8))
			r.do(method, url, "")
			done[method+" "+url] = true
		}
		d, p := r.draft()
		if len(d.Wider) > 0 {
			t.Fatalf("round %d: %q", round, d.Wider)
		}
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			for i := range 9 {
				url := fmt.Sprintf("https://crm.test/things/%d", i)
				if got := effect(t, p, method, url, ""); (got == "allow") != done[method+" "+url] {
					t.Fatalf("round %d: %s %s: %s, done %v\n%s", round, method, url, got, done[method+" "+url], d.Policy)
				}
			}
		}
		if effect(t, p, "GET", "https://crm.test/things", "") == "allow" {
			t.Fatal("what was not done is allowed")
		}
	}
}

func TestManyResourcesBecomeAPattern(t *testing.T) {
	r := newRig(t)
	for i := range manyResources {
		r.do("GET", fmt.Sprintf("https://api.github.com/repos/myorg/r%d", i), "")
		r.do("PUT", fmt.Sprintf("https://crm.test/things/%d", i), "")
	}
	d, p := r.draft()
	contains(t, d.Policy, `resources  = ["repo:myorg/*"]`, `resources  = ["thing:*"]`, "# wider: change on thing:* instead of the 9 that were seen")
	contains(t, strings.Join(d.Wider, "\n"), "github: repos/get on repo:myorg/* instead of the 9 that were seen")
	if effect(t, p, "GET", "https://api.github.com/repos/other/r1", "") != "deny" {
		t.Error("another owner's repository is allowed")
	}
}

// TestHostileWords: what the child chose stays a word, in the policy, in the cases and on the terminal.
func TestHostileWords(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{`a"b`, `a'b`, `a\nb`, "%0A[allow.evil]", "%1b[2J", "%7f", "a%23b", "ü", "%e2%80%ae", "*", "a*", `%5c`, "a,b"} {
		r.do("PUT", "https://crm.test/things/"+name, "")
	}
	r.Add(Seen{At: start, Service: "crm", Actions: nil, Method: "GET", URL: "https://crm.test/\x1b[2J", Refused: "no\nway"})
	r.Add(Seen{Host: "evil\x1b.test"})
	d, p := r.draft()
	if len(p.Allow) > 3 {
		t.Errorf("%d rules\n%s", len(p.Allow), d.Policy)
	}
	for _, text := range []string{d.Policy, d.Cases, strings.Join(d.Missing, "\n"), strings.Join(d.Wider, "\n")} {
		for _, c := range text {
			if c < ' ' && c != '\n' || c == 0x7f || c == 0x202e {
				t.Errorf("holds %q:\n%s", c, text)
			}
		}
	}
}

// TestStarIsNoPattern: a resource that is called * must not become one that stands for all.
func TestStarIsNoPattern(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "https://crm.test/things/*", "")
	d, _ := r.draft()
	if !strings.Contains(strings.Join(d.Wider, "\n"), "every resource") {
		t.Errorf("it is not said that change is allowed on all:\n%s\n%q", d.Policy, d.Wider)
	}
}

func TestPerHour(t *testing.T) {
	for n, want := range map[int]string{1: "2/hour", 2: "5/hour", 3: "10/hour", 5: "10/hour", 6: "20/hour", 10: "20/hour", 11: "50/hour", 49: "100/hour", 99_999: "100000/hour"} {
		times := make([]time.Time, n)
		if got := perHour(times); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := perHour([]time.Time{start, start.Add(time.Hour), start.Add(2 * time.Hour)}); got != "2/hour" {
		t.Errorf("one an hour: %s", got)
	}
}

// TestBounds: a child that does everything costs no more than so much.
func TestBounds(t *testing.T) {
	var o Observer
	a := newRig(t)
	a.do("PUT", "https://crm.test/things/1", "")
	seen := a.order[0].Seen
	for i := range maxKinds + 100 {
		s := seen
		s.Actions = append(s.Actions[:0:0], s.Actions...)
		s.Actions[0].Resource.Name, s.URL = fmt.Sprint(i), fmt.Sprintf("https://crm.test/things/%d", i)
		o.Add(s)
		o.Add(Seen{Host: fmt.Sprint(i)})
	}
	if len(o.order) != maxKinds || len(o.hosts) != 1000 || o.missed != 100 {
		t.Errorf("%d kinds, %d hosts, %d missed", len(o.order), len(o.hosts), o.missed)
	}
	d, err := o.Draft(base, filepath.Join(t.TempDir(), "x.toml"), "x", start)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, strings.Join(d.Missing, "\n"), "more than 5000 kinds of request were made; 100 requests of others")
	if n := strings.Count(d.Cases, "[[case]]"); n != maxCases {
		t.Errorf("%d cases", n)
	}
}
