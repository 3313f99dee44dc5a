package policy

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"agentguard/policy/action"
)

const conditioned = `version = 1
[agent]
name = "bot"
[credential.gh]
from = "keychain:gh"
service = "github"
[credential.openai]
from = "keychain:openai"
service = "openai"
[credential.stripe]
from = "keychain:stripe"
service = "stripe"
[credential.slack]
from = "keychain:slack"
service = "slack"

[allow.prs]
service = "github"
actions = ["read", "create_pr", "update_pr", "add_comment", "push"]
resources = ["repo:o/r"]
when = { base = ["main", "release/*"], draft = true }

[allow.sandbox]
service = "github"
actions = ["create_pr"]
resources = ["repo:o/sandbox"]

[deny.production]
actions = ["create_pr", "merge_branch"]
when = { base = "production" }

[allow.gpt]
service = "openai"
actions = ["create_response"]
when = { model = "gpt-4*", max_output_tokens = "<= 4096", stream = false }

[allow.refunds]
service = "stripe"
actions = ["create_refund"]
when = { amount = "<= 5000" }

[allow.shout]
service = "slack"
actions = ["post_message"]
when = { reply_broadcast = false }

[service.crm]
hosts = ["crm.example.com"]
auth = "bearer"
[service.crm.actions]
search = "GET /search"
set = "POST /write"
[credential.crm]
from = "keychain:crm"
service = "crm"
[allow.crm]
service = "crm"
actions = ["search", "set"]
when = { level = 3 }
`

// sent is a request as the proxy would hand it on, classified.
func sent(t testing.TB, p *Policy, method, url, kind, body string) (*action.Match, *action.Request) {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
	path, query, _ := strings.Cut("/"+path, "?")
	a, err := action.ParseAuthority(host, 443)
	if err != nil {
		t.Fatal(err)
	}
	claim := p.Claim(a, false)
	if claim.Kind != ForService {
		t.Fatalf("%s: %+v", url, claim)
	}
	parsed, err := action.ParsePath(path, claim.Host.EncodedSlash)
	if err != nil {
		t.Fatal(err)
	}
	r := &action.Request{Authority: a, Method: method, Path: parsed, Query: query, Header: http.Header{}}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
		r.Body = func(int64) ([]byte, error) { return []byte(body), nil }
	}
	m := action.Classify(claim.Service, claim.Host, r)
	return &m, r
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// TestConditions: an allow rule needs every argument to be told and to be as it says; a deny rule matches where it is not
// told that the argument is another one.
func TestConditions(t *testing.T) {
	p := mustParse(t, conditioned)
	const (
		pulls     = "https://api.github.com/repos/o/r/pulls"
		sandbox   = "https://api.github.com/repos/o/sandbox/pulls"
		responses = "https://api.openai.com/v1/responses"
		refunds   = "https://api.stripe.com/v1/refunds"
		message   = "https://slack.com/api/chat.postMessage"
	)
	for _, c := range []struct{ method, url, kind, body, rule, hint string }{
		{"POST", pulls, asJSON, `{"base": "main", "draft": true}`, "allow.prs", ""},
		{"POST", pulls, asJSON, `{"base": "refs/heads/main", "draft": true}`, "allow.prs", ""},
		{"POST", pulls, asJSON, `{"base": "release/1/2", "draft": true}`, "allow.prs", ""},
		{"POST", pulls, asJSON, `{"base": "dev", "draft": true}`, "", `rule allow.prs allows it only where base is "main" or "release/*", and it is "dev"`},
		{"POST", pulls, asJSON, `{"base": "main", "draft": false}`, "", "only where draft is true, and it is false"},
		{"POST", pulls, asJSON, `{"base": "main"}`, "", "the request does not say what draft is"},
		{"POST", pulls, asJSON, `{"base": "main", "draft": "true"}`, "", "the request's draft is not true or false"},
		{"POST", pulls, asJSON, `{"base": "main", "draft": null}`, "", "the request's draft is not true or false"},
		{"POST", pulls, asJSON, `{"base": ["main"], "draft": true}`, "deny.production", "the request's base is not a text"},
		{"POST", pulls, asJSON, `{"base": "main", "base": "dev", "draft": true}`, "deny.production", "twice"},
		{"POST", pulls, asJSON, `{"base": "main", "Base": "dev", "draft": true}`, "deny.production", "in case alone"},
		{"POST", pulls, "text/plain", `{"base": "main", "draft": true}`, "deny.production", "Content-Type"},
		{"POST", pulls + "?base=dev", asJSON, `{"base": "main", "draft": true}`, "deny.production", "stands in the query"},
		{"POST", pulls, "", "", "deny.production", "does not say what base is"},

		// What an action does not have restricts it not: comments, pushes and reads have no base.
		{"POST", "https://api.github.com/repos/o/r/issues/1/comments", asJSON, `{"body": "x"}`, "allow.prs", ""},
		{"GET", pulls, "", "", "allow.prs", ""},
		{"PATCH", pulls + "/1", asJSON, `{"title": "x"}`, "", "does not say what base is"},

		// A deny rule with a condition: what it forbids, what it does not, what cannot be told.
		{"POST", sandbox, asJSON, `{"base": "main"}`, "allow.sandbox", ""},
		{"POST", sandbox, asJSON, `{"base": "production"}`, "deny.production", "forbids it"},
		{"POST", sandbox, asJSON, `{"base": "refs/heads/production"}`, "deny.production", "forbids it"},
		{"POST", sandbox, asJSON, `{"base": 7}`, "deny.production", "is not a text"},
		{"POST", sandbox, asJSON, `{"title": "x"}`, "deny.production", "does not say what base is"},
		{"POST", sandbox, asJSON, `{"base": "main"`, "deny.production", "base cannot be read"},

		{"POST", responses, asJSON, `{"model": "gpt-4o", "max_output_tokens": 4096, "stream": false}`, "allow.gpt", ""},
		{"POST", responses, asJSON, `{"model": "gpt-4o", "max_output_tokens": 4097, "stream": false}`, "", "max_output_tokens is <= 4096, and it is 4097"},
		{"POST", responses, asJSON, `{"model": "gpt-4o", "max_output_tokens": 4e3, "stream": false}`, "", "is not a whole number"},
		{"POST", responses, asJSON, `{"model": "gpt-4o", "max_output_tokens": -0, "stream": false}`, "", "is not a whole number"},
		{"POST", responses, asJSON, `{"model": "gpt-4o", "max_output_tokens": 99999999999999999999, "stream": false}`, "", "is not a whole number"},
		{"POST", responses, asJSON, `{"model": "gpt-4o", "max_output_tokens": "1", "stream": false}`, "", "is not a whole number"},
		{"POST", responses, asJSON, `{"model": "gpt-4o", "stream": false}`, "", "does not say what max_output_tokens is"},
		{"POST", responses, asJSON, `{"model": "o3", "max_output_tokens": 1, "stream": false}`, "", `model is "gpt-4*", and it is "o3"`},

		{"POST", refunds, asForm, "charge=x&amount=5000", "allow.refunds", ""},
		{"POST", refunds, asForm, "charge=x&amount=5001", "", "it is 5001"},
		{"POST", refunds, asForm, "charge=x&amount=1&amount=9000", "", "more than once"},
		{"POST", refunds, asForm, "charge=x&amount=1&amount[]=9000", "", "in spelling alone"},
		{"POST", refunds, asForm, "charge=x&amount=1&+amount%00=9000", "", "in spelling alone"},
		{"POST", refunds, asForm, "charge=x&amount=1&[amount]=9000", "", "in spelling alone"},
		{"POST", refunds, asForm, "charge=x&amount=1&%5D%5Bamount=9000", "", "in spelling alone"},
		{"POST", refunds, asForm, "charge=x&amount=1;amount=9000", "", "semicolon"},
		{"POST", refunds, asForm, "charge=x&amount=+1", "", "not a whole number"},
		{"POST", refunds, asForm, "charge=x", "", "does not say what amount is"},
		{"POST", refunds + "?amount=9000", asForm, "charge=x&amount=1", "", "stands in the query"},

		{"POST", message, asJSON, `{"channel": "#a", "reply_broadcast": false}`, "allow.shout", ""},
		{"GET", message + "?channel=a&reply_broadcast=false", "", "", "allow.shout", ""},
		{"GET", message + "?channel=a&reply_broadcast=no", "", "", "", "not true or false"},
		{"POST", message + "?reply_broadcast=true", asJSON, `{"channel": "#a", "reply_broadcast": false}`, "", "in the query and in the body"},

		// Of a service of one's own nothing is known, so that every action needs the argument.
		{"POST", "https://crm.example.com/write", asJSON, `{"level": 3}`, "allow.crm", ""},
		{"POST", "https://crm.example.com/write", asJSON, `{"level": 4}`, "", "it is 4"},
		{"GET", "https://crm.example.com/search", "", "", "", "does not say what level is"},
		{"GET", "https://crm.example.com/search?level=3", "", "", "", "stands in the query"},
	} {
		m, r := sent(t, p, c.method, c.url, c.kind, c.body)
		d := p.Decide(m, r)
		if d.Rule != c.rule || !strings.Contains(d.Hint, c.hint) || (d.Effect == Allow) != strings.HasPrefix(c.rule, "allow.") {
			t.Errorf("%s %s %s: %s by %q: %s (%s); want %q (%s)", c.method, c.url, c.body, d.Effect, d.Rule, d.Reason, d.Hint, c.rule, c.hint)
		}
		matches := map[bool]int{}
		for _, x := range p.Trace(m, r, 0) {
			if x.Matches {
				matches[x.Deny]++
			}
		}
		if (matches[true] == 0 && matches[false] > 0) != (d.Effect == Allow) {
			t.Errorf("%s %s %s: traced %v", c.method, c.url, c.body, p.Trace(m, r, 0))
		}
	}
}

// TestConditionsWithoutRequest: whoever asks without the request gets the careful answer.
func TestConditionsWithoutRequest(t *testing.T) {
	p := mustParse(t, conditioned)
	m, _ := sent(t, p, "POST", "https://api.github.com/repos/o/sandbox/pulls", asJSON, `{"base": "main"}`)
	if d := p.Decide(m, nil); d.Effect != Deny || d.Rule != "deny.production" || !strings.Contains(d.Hint, "not at hand") {
		t.Errorf("%+v", d)
	}
	m, _ = sent(t, p, "POST", "https://api.openai.com/v1/responses", asJSON, `{"model": "gpt-4o", "max_output_tokens": 1, "stream": false}`)
	if d := p.Decide(m, nil); d.Effect != Deny || !strings.Contains(d.Hint, "not at hand") {
		t.Errorf("%+v", d)
	}
}

// TestConditionsUnreadable: a body that breaks off meets no condition.
func TestConditionsUnreadable(t *testing.T) {
	p := mustParse(t, conditioned)
	m, r := sent(t, p, "POST", "https://crm.example.com/write", asJSON, `{"level": 3}`)
	r.Body = func(int64) ([]byte, error) { return []byte(`{"level": 3}`), errors.New("it broke off") }
	if d := p.Decide(m, r); d.Effect != Deny || !strings.Contains(d.Hint, "level cannot be read: the body could not be read: it broke off") {
		t.Errorf("%+v", d)
	}
}

// TestConditionsRead: bodies are read only where a condition asks, and once.
func TestConditionsRead(t *testing.T) {
	p := mustParse(t, conditioned)
	reads := 0
	for _, c := range []struct {
		url  string
		want int
	}{
		{"https://api.github.com/repos/o/sandbox/pulls", 1},
		{"https://api.github.com/repos/o/r/pulls", 1},
		{"https://api.github.com/repos/o/r/issues/1/comments", 0},
		{"https://api.github.com/repos/o/r/statuses/abc", 0},
	} {
		m, r := sent(t, p, "POST", c.url, asJSON, `{"base": "main", "draft": true}`)
		body := r.Body
		reads = 0
		r.Body = func(n int64) ([]byte, error) { reads++; return body(n) }
		p.Decide(m, r)
		if reads != c.want {
			t.Errorf("%s: read %d times, want %d", c.url, reads, c.want)
		}
	}
}

func TestConditionWarnings(t *testing.T) {
	p := mustParse(t, conditioned)
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Message, `allow.crm.when: the catalogue does not know whether an action of the rule has an argument "level"`) ||
		p.Warnings[0].Hint != "the rule allows no request in which it is not there" {
		t.Errorf("%v", p.Warnings)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		op   string
		n    int64
		want bool
	}{
		{"=", 5, true}, {"=", 4, false}, {"<", 4, true}, {"<", 5, false}, {"<=", 5, true}, {"<=", 6, false},
		{">", 6, true}, {">", 5, false}, {">=", 5, true}, {">=", 4, false}, {"", 5, false},
	} {
		if got := (&Condition{op: c.op, n: 5}).compare(c.n); got != c.want {
			t.Errorf("%d %s 5: %v", c.n, c.op, got)
		}
	}
}

// BenchmarkDecideConditions reads a body of a few fields.
func BenchmarkDecideConditions(b *testing.B) {
	p := mustParse(b, conditioned)
	m, r := sent(b, p, "POST", "https://api.github.com/repos/o/r/pulls", asJSON, `{"title": "x", "head": "feature", "base": "main", "draft": true, "body": "a few words about it"}`)
	b.ReportAllocs()
	for b.Loop() {
		if p.Decide(m, r).Effect != Allow {
			b.Fatal("denied")
		}
	}
}
