package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"agentguard/policy/action"
)

// conditional is what the rules of one service ask about arguments.
type conditional struct {
	names []string // of all arguments that a rule looks at
	takes map[string]action.Takes
}

// conditionals gives the services for which some rule has conditions; nil where none has.
func conditionals(p *Policy) map[string]*conditional {
	var out map[string]*conditional
	for name, svc := range p.Services {
		asked := append(argumentsOf(p.Allow, name), argumentsOf(p.Deny, name)...)
		if len(asked) == 0 {
			continue
		}
		if out == nil {
			out = map[string]*conditional{}
		}
		out[name] = &conditional{action.Unique(asked), svc.Takes()}
	}
	return out
}

// argumentsOf are those that the conditions of rules ask about at a service.
func argumentsOf(rules map[string]*Rule, service string) (names []string) {
	for _, r := range rules {
		if r.Service != "" && r.Service != service {
			continue
		}
		for i := range r.When {
			names = append(names, r.When[i].Argument)
		}
	}
	return names
}

// applies says whether a condition on an argument restricts an action. It does unless the catalogue knows that the action
// has no such argument: `base` says nothing about a comment. A query of GraphQL has none.
func (c *conditional) applies(argument string, a *action.Action) bool {
	if a.IsQuery() {
		return false
	}
	takes, known := c.takes[a.Operation]
	return !known || takes.Open || takes.Has(argument)
}

// inquiry asks for the arguments of one request, once and only when a rule with conditions could match.
type inquiry struct {
	*conditional
	m      *action.Match
	r      *action.Request
	asked  bool
	values map[string]any
	err    error
	unmet  string // of the last rule that did not match: what it wants and what the request has
	blind  string // of the last deny rule that matched since an argument could not be told
	kind   bool   // what cannot be told is taken for what helps the request, see DecideUnread
}

// inquire is nil where no rule of the service has conditions.
func (p *Policy) inquire(m *action.Match, r *action.Request) *inquiry {
	if p == nil || m == nil || m.Service == nil {
		return nil
	}
	c := p.conditionals[m.Service.Name]
	if c == nil {
		return nil
	}
	return &inquiry{conditional: c, m: m, r: r}
}

// aboutRefs says whether some rule asks which ref is changed.
func (q *inquiry) aboutRefs() bool {
	return q != nil && (slices.Contains(q.names, "ref") || slices.Contains(q.names, "branch"))
}

// met keeps the hits whose conditions hold.
func (q *inquiry) met(hits []hit, a *action.Action, deny bool) []hit {
	if q == nil {
		return hits
	}
	return slices.DeleteFunc(hits, func(h hit) bool { return !q.meets(h.Rule, a, deny) })
}

// free keeps the hits without conditions on an action.
func (q *inquiry) free(hits []hit, a *action.Action) []hit {
	if q == nil {
		return hits
	}
	return slices.DeleteFunc(hits, func(h hit) bool {
		return slices.ContainsFunc(h.When, func(c Condition) bool { return q.applies(c.Argument, a) })
	})
}

func (q *inquiry) meets(r *Rule, a *action.Action, deny bool) bool {
	for i := range r.When {
		c := &r.When[i]
		if !q.applies(c.Argument, a) {
			continue
		}
		holds, wrong := q.tell(c, a, deny)
		switch {
		case wrong != "" && q.kind:
			if deny {
				q.unmet = fmt.Sprintf("%s forbids it only where %s is %s", r.Name, c.Argument, c.Want)
				return false
			}
		case wrong != "" && deny:
			q.blind = wrong
		case wrong != "" || !holds:
			q.unmet = fmt.Sprintf("%s %s it only where %s is %s, and %s", r.Name, verb(deny), c.Argument, c.Want, cmp.Or(wrong, q.shown(c.Argument)))
			return false
		}
	}
	return true
}

func verb(deny bool) string {
	if deny {
		return "forbids"
	}
	return "allows"
}

// tell asks for one argument of an action. Of a deny rule for a service of one's own, texts are loose, as names are.
func (q *inquiry) tell(c *Condition, a *action.Action, deny bool) (holds bool, wrong string) {
	if !q.asked || q.m.GraphQL || a.Ref != "" || a.Resource.Kind == "model" { // else all actions of a request share its arguments
		q.values, q.err = action.Arguments(q.r, q.m, a, q.names...)
		q.asked = true
	}
	if q.err != nil {
		return false, fmt.Sprintf("%s cannot be read: %v", c.Argument, q.err)
	}
	v, there := q.values[c.Argument]
	if !there {
		return false, "the request does not say what " + c.Argument + " is"
	}
	holds, wrong = c.check(v, deny && action.Lookup(q.m.Service.Name) != q.m.Service)
	if wrong != "" {
		wrong = "the request's " + c.Argument + " " + wrong
	}
	return holds, wrong
}

// shown is the argument as the request has it.
func (q *inquiry) shown(name string) string {
	text := fmt.Sprint(q.values[name])
	if s, ok := q.values[name].(string); ok {
		if len(s) > 80 {
			s = s[:80] + "..."
		}
		text = strconv.Quote(s)
	}
	return "it is " + text[:min(len(text), 120)]
}

// unmetBy is the refusal of what a rule would allow with other arguments.
func (q *inquiry) unmetBy(a *action.Action) Decision {
	d := denied(a)
	d.Hint = clean("rule " + q.unmet)
	return d
}
