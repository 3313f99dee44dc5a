package suite

import (
	"slices"

	"agentguard/policy"
	"agentguard/policy/action"
)

// Explanation is an answer with the way to it, in words.
type Explanation struct {
	Policy     string          `json:"policy"`
	Method     string          `json:"method"`
	URL        string          `json:"url"`
	Host       string          `json:"host"`
	Claim      string          `json:"claim"` // service, network.allow, network.tunnel or none
	Service    string          `json:"service,omitempty"`
	Read       string          `json:"read,omitempty"` // what the reading of the request has to say
	Actions    []ActionSaid    `json:"actions,omitempty"`
	Effect     string          `json:"effect"`
	Rule       string          `json:"rule,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Hint       string          `json:"hint,omitempty"`
	Limits     []LimitSaid     `json:"limits,omitempty"`
	Credential *CredentialSaid `json:"credential,omitempty"`
	Keeps      []string        `json:"keeps,omitempty"` // fields of the answer that the record would keep
}

// ActionSaid is one action of a request, and what each rule makes of it.
type ActionSaid struct {
	Action    string     `json:"action"`
	Operation string     `json:"operation,omitempty"`
	Class     string     `json:"class"`
	Resource  string     `json:"resource,omitempty"`
	Rules     []RuleSaid `json:"rules"`
}

// RuleSaid is what one rule makes of an action.
type RuleSaid struct {
	Rule    string `json:"rule"`
	Line    int    `json:"line"`
	Matches bool   `json:"matches"`
	Why     string `json:"why"`
}

// LimitSaid is one limit that the request counts against.
type LimitSaid struct {
	Rule  string `json:"rule"`
	Limit string `json:"limit"` // whose name it has in the rule
	Rate  string `json:"rate"`
	Takes int    `json:"takes"`
}

// CredentialSaid is the credential that would go on the request.
type CredentialSaid struct {
	Name   string   `json:"name"`
	From   string   `json:"from"`
	Slots  []string `json:"slots"`  // where the service reads it; the first is where it is put
	Always bool     `json:"always"` // also on requests without its placeholder
}

// Explain tells how the policy came to an answer of Ask.
func Explain(pol *policy.Policy, q *Request, a *Answer) *Explanation {
	e := &Explanation{Policy: pol.Source, Method: q.Method, URL: q.URL, Claim: "none", Read: a.Match.Reason,
		Effect: a.Effect, Rule: a.Rule, Reason: a.Reason, Hint: a.Hint}
	if a.Authority.Host != "" {
		e.Host = a.Authority.String()
	}
	switch a.Claim.Kind {
	case policy.ForService:
		e.Claim, e.Service = "service", a.Claim.Service.Name
	case policy.Open, policy.Tunnel:
		e.Claim = a.Rule
	}
	for i, act := range a.Match.Actions {
		x := ActionSaid{Action: act.Name, Operation: act.Operation, Class: className(act), Resource: act.Resource.String()}
		for _, t := range pol.Trace(&a.Match, a.Read, i) {
			x.Rules = append(x.Rules, RuleSaid{t.Rule.Name, t.Rule.Line, t.Matches, t.Why})
		}
		e.Actions = append(e.Actions, x)
	}
	for _, t := range a.Decision.Limits {
		rule, name := limitNames(t)
		e.Limits = append(e.Limits, LimitSaid{rule, name, t.Rate.String(), t.N})
	}
	e.Credential = credentialSaid(a)
	if a.Effect == "allow" {
		for _, f := range action.Results(&a.Match, a.Decision.Keep) {
			if !slices.Contains(e.Keeps, f.Name) {
				e.Keeps = append(e.Keeps, f.Name)
			}
		}
	}
	return e
}

// credentialSaid is the credential of an answer; nil: none.
func credentialSaid(a *Answer) *CredentialSaid {
	c := a.Credential
	if c == nil {
		return nil
	}
	slots := c.Slots
	if slots == nil {
		slots = a.Claim.Host.Slots
	}
	said := &CredentialSaid{Name: c.Name, From: c.From, Always: c.Inject}
	for _, s := range slots {
		said.Slots = append(said.Slots, s.String())
	}
	return said
}

func className(a action.Action) string {
	if a.Public {
		return "public"
	}
	return [...]string{"unknown", "read", "write", "admin"}[a.Class]
}

// String is the action on one line.
func (a ActionSaid) String() string {
	s := a.Action
	if a.Operation != "" && a.Operation != a.Action {
		s += " (" + a.Operation + ")"
	}
	s += ", " + a.Class
	if a.Resource != "" {
		s += ", on " + a.Resource
	}
	return s
}
