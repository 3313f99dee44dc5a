// Package suite asks a policy about single requests, as the proxy would, and runs files of such cases. It does no network
// I/O and no clock runs in it: a limit counts the requests of one case, all sent at the same moment.
//
// # Files of cases
//
// A file NAME.test.toml (TOML 1.0, UTF-8, at most 2 MiB) holds the cases of the policy NAME.toml beside it:
//
//	version = 1                     # mandatory
//	policy  = "../other.toml"       # another policy, relative to this file
//
//	[[case]]
//	name    = "opens a pull request"           # mandatory, once in a file
//	method  = "POST"                           # mandatory
//	url     = "https://api.github.com/repos/myorg/myrepo/pulls"
//	headers = { Accept = "application/json" }
//	body    = '{"title": "Test PR", "head": "feature-branch", "base": "main"}'
//	ids     = { PR_1 = "repo:myorg/myrepo" }   # what the service says that the ids in a GraphQL body belong to
//	repeat  = 6                                # how often it is sent; 1 where it is left out
//	expect  = { allow = 5, limit = 1 }         # mandatory: "allow", "deny", "limit", or how many of each
//	rule       = "allow.open-prs"              # the rest is about the last answer, and may be left out
//	reason     = "Rate limit"
//	action     = "create_pr"
//	resource   = "repo:myorg/myrepo"
//	credential = "github-token"
//
// Unknown keys are errors. url is taken as sent, byte for byte: nothing is cleaned or encoded. It begins with https://,
// http://, or /proxy/SERVICE/, which stands for the base URL of that service. A body without a Content-Type among the
// headers (names in any case) is sent as application/json.
//
// What the service would be asked, ids answers: the id of a git ref as "repo:myorg/myrepo refs/heads/main", one of Linear's
// behind its kind, "issue/ENG-1". An id that is not there cannot be looked up.
//
// Each case begins with unused limits, and so depends on no other. An answer is
//
//   - "allow": the request would be sent: a rule allows it, or its host is in [network], where rule is "network.allow" or
//     "network.tunnel";
//   - "limit": it is allowed, and a limit of a rule is used up; rule is that rule;
//   - "deny": everything else. rule is the deny rule, or "none": no rule allows it, the host is not known, or the request
//     cannot be read in one way.
//
// rule, action, resource and credential are compared as text, where "none" means that there is none; reason must be part of
// the refusal's reason or of its hint. credential is the one that would be put on the request.
package suite

import (
	"context"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// Result is what became of one case.
type Result struct {
	Case     *policy.Case
	Got      map[string]int // answers by effect
	Last     *Answer
	Failures []Failure // empty: it holds
}

// Failure is one difference, with the line of the key that said otherwise.
type Failure struct {
	Line int    `json:"line"`
	Key  string `json:"key"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Idle is why a case holds whatever the policy says: it expects a refusal, by any rule and for any reason, of what the catalogue does
// not know, or of ids that nobody tells anything about. "" for others.
func (r *Result) Idle() string {
	c, a := r.Case, r.Last
	if len(r.Failures) > 0 || a == nil || a.Effect != "deny" || a.Rule != "" || c.Rule+c.Reason+c.Action+c.Resource != "" ||
		a.Claim.Service == nil || action.Lookup(a.Claim.Service.Name) != a.Claim.Service {
		return ""
	}
	for i := range a.Match.Actions {
		switch x := &a.Match.Actions[i]; {
		case x.Class == action.Unknown:
			return a.Reason
		case a.Match.GraphQL && !x.Resource.Known():
			return a.Match.Reason
		}
	}
	return ""
}

// Report is what became of a file of cases.
type Report struct {
	File    string
	Policy  string
	Results []Result
	Rules   int      // that the policy has
	Untried []string // rules that decided no case
}

// Failed counts the cases that do not hold.
func (r *Report) Failed() int {
	n := 0
	for i := range r.Results {
		if len(r.Results[i].Failures) > 0 {
			n++
		}
	}
	return n
}

// Load reads a file of cases and the policy that they are for.
func Load(file string) (*policy.Policy, *policy.Cases, error) {
	cases, err := policy.LoadCases(file)
	if err != nil {
		return nil, nil, err
	}
	p, err := policy.Load(cases.Policy)
	return p, cases, err
}

// Run asks the policy for every case.
func Run(p *policy.Policy, cases *policy.Cases) Report {
	report := Report{File: cases.File, Policy: p.Source, Rules: len(p.Allow) + len(p.Deny)}
	untried := map[string]bool{}
	for _, rules := range []map[string]*policy.Rule{p.Allow, p.Deny} {
		for _, r := range rules {
			untried[r.Name] = true
		}
	}
	for i := range cases.Cases {
		r := runCase(p, &cases.Cases[i])
		if r.Last != nil {
			delete(untried, r.Last.Rule)
		}
		report.Results = append(report.Results, r)
	}
	report.Untried = slices.Sorted(maps.Keys(untried))
	return report
}

func runCase(p *policy.Policy, c *policy.Case) Result {
	r := Result{Case: c, Got: map[string]int{}}
	moment := time.Unix(0, 0)
	store := limit.NewMemory(func() time.Time { return moment })
	for range c.Repeat {
		a, err := Ask(p, RequestOf(c))
		if err != nil {
			r.Failures = append(r.Failures, Failure{c.Lines["url"], "url", "a request", err.Error()})
			return r
		}
		a.take(store)
		r.Got[a.Effect]++
		r.Last = a
	}
	r.compare()
	return r
}

// RequestOf is the request of a case.
func RequestOf(c *policy.Case) *Request {
	q := &Request{Method: c.Method, URL: c.URL, Header: map[string][]string{}, IDs: c.IDs}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		key := textproto.CanonicalMIMEHeaderKey(name)
		q.Header[key] = append(q.Header[key], c.Headers[name])
	}
	if c.HasBody {
		q.Body = []byte(c.Body)
	}
	return q
}

// take counts an allowed request against its limits.
func (a *Answer) take(store limit.Store) {
	if a.Effect != "allow" || len(a.Decision.Limits) == 0 {
		return
	}
	effect, rule, reason := count(store, a.Decision.Limits)
	if effect == "allow" {
		return
	}
	a.Effect, a.Reason = effect, reason
	if effect == "limit" {
		a.Rule, a.Credential = rule, nil
	}
}

// count takes permits from a store. The effect is "allow", "limit" with the rule whose limit is used up, or, where they
// cannot be counted, "deny".
func count(store limit.Store, takes []limit.Take) (effect, rule, reason string) {
	if len(takes) == 0 {
		return "allow", "", ""
	}
	v, err := store.Take(context.Background(), takes)
	switch {
	case err != nil:
		return "deny", "", "the limits cannot be counted: " + err.Error()
	case !v.OK:
		rule, _ = limitNames(v.Which)
		return "limit", rule, v.Which.Exceeded()
	}
	return "allow", "", ""
}

// limitNames takes the key of a limit apart, AGENT/RULE/ACTIONS: of which rule it is, and for which actions.
func limitNames(t limit.Take) (rule, actions string) {
	_, rest, _ := strings.Cut(t.Key, "/")
	rule, actions, _ = strings.Cut(rest, "/")
	return rule, actions
}

// compare notes what is not as the case says.
func (r *Result) compare() {
	c, a := r.Case, r.Last
	if want, got := counted(c.Expect, c.Repeat), counted(r.Got, c.Repeat); want != got {
		r.differ("expect", want, got)
	}
	if said := a.Said(); !strings.Contains(said, c.Reason) {
		r.differ("reason", fmt.Sprintf("... %s ...", c.Reason), said)
	}
	credential := ""
	if a.Credential != nil {
		credential = a.Credential.Name
	}
	for _, f := range [...]struct{ key, want, got string }{
		{"rule", c.Rule, a.Rule},
		{"action", c.Action, a.Decision.Action.Name},
		{"resource", c.Resource, a.Decision.Action.Resource.String()},
		{"credential", c.Credential, credential},
	} {
		if f.want != "" && f.want != orNone(f.got) {
			r.differ(f.key, f.want, orNone(f.got))
		}
	}
	// Where the answer is another one, its reason is what the reader needs to know.
	if _, told := c.Lines["reason"]; !told && len(r.Failures) > 0 && a.Said() != "" {
		r.differ("reason", "", a.Said())
	}
}

func (r *Result) differ(key, want, got string) {
	line := r.Case.Lines[key]
	if line == 0 {
		line = r.Case.Line
	}
	r.Failures = append(r.Failures, Failure{line, key, want, got})
}

// counted shows answers: "allow", or "5 allow, 1 limit" for several.
func counted(n map[string]int, total int) string {
	var parts []string
	for _, effect := range slices.Sorted(maps.Keys(n)) {
		if total == 1 {
			return effect
		}
		parts = append(parts, fmt.Sprintf("%d %s", n[effect], effect))
	}
	return strings.Join(parts, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
