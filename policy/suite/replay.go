package suite

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// Recorded is a request as a log tells of it. Its headers and its body are gone; what they decided is in Actions.
type Recorded struct {
	Time      time.Time
	Method    string
	Plain     bool   // http://
	Authority string // "api.github.com:443"
	Path      string
	Query     string
	Body      bool // it is known that it had one

	Service   string
	Actions   []string // the names of all, or of the one that decided
	Resources []string // of Actions, one for each; one alone: of all; shorter: not known of the others
	Joined    []int    // how many of Actions, in their order, are one operation, that limits count once; nil: each is one
	Cut       bool     // method, address or a name is only the beginning of what it was
	More      bool     // there were more actions than these

	Effect string // "allow", "deny", "limit" or "error"
	Rule   string
	Reason string
	// Unasked says that the request was refused by other parts than the policy: unread, or after the policy had allowed it.
	Unasked bool
}

// Change is what another policy would make of a recorded request.
type Change uint8

// The changes. The zero value says nothing.
const (
	Untold     Change = iota // it cannot be told
	Same                     // allowed, or refused, as it was
	NowDenied                // it was not denied
	NowLimited               // it was not over a limit
	NowAllowed               // it was refused
	Unasked                  // it was refused by other parts than the policy
)

func (c Change) String() string {
	return [...]string{"cannot be told", "same", "now denied", "now limited", "now allowed", "not the policy's"}[c]
}

// Changes are all of them, what a reviewer looks for first.
var Changes = [...]Change{NowDenied, NowLimited, NowAllowed, Untold, Same, Unasked}

// Verdict is the answer to one recorded request.
type Verdict struct {
	Change Change
	Effect string // "allow", "deny" or "limit"; "" where it cannot be told
	Rule   string // "" where none decides
	Why    string // the reason of a refusal, or why it cannot be told
}

// Replay asks a policy for recorded requests, one by one, in the order in which they were made. Limits begin unused and
// count what the policy allows, at the times of the record. What it keeps does not grow with the number of requests.
type Replay struct {
	policy *policy.Policy
	limits limit.Store
	now    time.Time
	known  map[string]map[string][]action.Action // by service and name: what the name may stand for
}

// NewReplay makes a Replay over a policy; a nil policy denies.
func NewReplay(p *policy.Policy) *Replay {
	return &Replay{policy: p, known: map[string]map[string][]action.Action{}}
}

// errNotRecorded is why a body cannot be read.
var errNotRecorded = errors.New("the record does not hold the body")

// Ask says what the policy makes of a request now.
func (r *Replay) Ask(q *Recorded) Verdict {
	r.clock(q.Time)
	if q.Unasked {
		return Verdict{Unasked, q.Effect, q.Rule, q.Reason}
	}
	v := r.ask(q)
	if v.Effect == "allow" && q.Effect == "limit" && usedUp(q, v.takes) {
		v.Effect, v.Why = q.Effect, q.Reason
	}
	v.Change = compare(q.Effect, v.Effect)
	return v.Verdict
}

func compare(was, is string) Change {
	switch {
	case is == "":
		return Untold
	case was == is:
		return Same
	case is == "deny":
		return NowDenied
	case is == "limit":
		return NowLimited
	}
	return NowAllowed
}

// usedUp says whether a request was refused by a limit that still stands: what a run before this record took of it is not
// in the record.
func usedUp(q *Recorded, takes []limit.Take) bool {
	for _, t := range takes {
		if t.Exceeded() == q.Reason {
			return true
		}
	}
	return false
}

// clock follows the record, never backwards.
func (r *Replay) clock(t time.Time) {
	if r.limits == nil {
		r.now = t
		r.limits = limit.NewMemory(func() time.Time { return r.now })
	}
	if t.After(r.now) {
		r.now = t
	}
}

// answer is a verdict on its way, with the limits that it counts against.
type answer struct {
	Verdict
	takes []limit.Take
}

func said(effect, rule, why string) answer {
	return answer{Verdict: Verdict{Effect: effect, Rule: rule, Why: why}}
}

func (r *Replay) ask(q *Recorded) answer {
	if q.Cut {
		return said("", "", "the record holds only the beginning of the request's address")
	}
	a, err := action.ParseAuthority(q.Authority, 443)
	if err != nil {
		return said("deny", "", err.Error())
	}
	claim := r.policy.Claim(a, q.Plain)
	switch {
	case claim.Kind == policy.Unclaimed:
		return said("deny", "", fmt.Sprintf("the policy does not know %s (%s)", a, claim.Reason))
	case claim.Kind == policy.Tunnel:
		return said("allow", "network.tunnel", "")
	case q.Method == http.MethodConnect:
		return said("", "", "what passed through the tunnel was not read, and now would be")
	case claim.Kind == policy.Open:
		return said("allow", "network.allow", "")
	}
	return r.decide(q, a, &claim)
}

func (r *Replay) decide(q *Recorded, a action.Authority, c *policy.Claim) answer {
	path, _, err := c.Path(q.Path)
	if err != nil {
		return said("deny", "", err.Error())
	}
	x := reading{Recorded: q, claim: c, request: &action.Request{Authority: a, Method: q.Method, Path: path, Query: q.Query, Header: http.Header{}}}
	x.withoutBody()
	readings, refused := r.readings(&x)
	if refused != nil {
		return *refused
	}
	var d policy.Decision
	for i := range readings {
		strictest, kindest := r.policy.DecideUnread(&readings[i], x.request)
		if i == 0 {
			d = strictest
		}
		switch {
		case strictest.Effect != kindest.Effect:
			return said("", "", sentence(strictest.Reason, strictest.Hint))
		case strictest.Effect != d.Effect:
			return said("", "", "the record does not say by which of several operations it was done, and the policy tells them apart")
		}
	}
	return r.settle(q, &d)
}

// settle counts what is allowed.
func (r *Replay) settle(q *Recorded, d *policy.Decision) answer {
	switch {
	case d.Effect != policy.Allow:
		return said("deny", d.Rule, sentence(d.Reason, d.Hint))
	case q.More:
		return said("", "", "the record names only the first of its actions")
	}
	effect, rule, why := count(r.limits, d.Limits)
	if effect == "allow" {
		rule = d.Rule
	}
	a := said(effect, rule, why)
	a.takes = d.Limits
	return a
}
