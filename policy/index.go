package policy

import (
	"maps"
	"slices"

	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// index is a policy arranged for quick answers. It is never changed after compile.
type index struct {
	services map[string]*serviceIndex
	claimed  []*serviceIndex // those whose hosts are open, by name
	open     []openHost
}

// serviceIndex is what the policy says about one service.
type serviceIndex struct {
	service     *action.Service
	credentials []*Credential
	deny, allow book
	rules       *page // all allow rules, whatever they allow, for hints; nil: there is none
}

// compiled is a rule made ready.
type compiled struct {
	*Rule
	order      int    // by name
	credential string // by name, also where the rule leaves it to the service's only one
	limits     []*compiledLimit
	onPath     bool // some resource is a path
	onOther    bool // some resource is of another kind
	alike      bool // it stands on a page for what comes to the same as an action that it names
}

// compiledLimit is one limit of one rule.
type compiledLimit struct {
	action string
	take   limit.Take
}

// counts says whether an action uses up the limit.
func (l *compiledLimit) counts(a *action.Action) bool {
	return l.action == action.GroupAll || l.action == a.Name || l.action == a.Operation || l.action == groupOf(a.Class)
}

// compile arranges a policy that was checked.
func compile(p *Policy) *index {
	x := &index{services: map[string]*serviceIndex{}}
	for name, svc := range p.Services {
		x.services[name] = &serviceIndex{service: svc, deny: book{}, allow: book{}}
	}
	for _, c := range sorted(p.Credentials) {
		s := x.services[c.Service]
		s.credentials = append(s.credentials, c)
	}
	for i, r := range sorted(p.Allow) {
		s := x.services[r.Service]
		c := x.rule(p, r, i, s)
		s.allow.enter(c, s, false)
		s.rules = s.rules.with(c, s.service)
	}
	for i, r := range sorted(p.Deny) {
		for name, s := range x.services {
			if r.Service == "" || r.Service == name {
				s.deny.enter(x.rule(p, r, i, s), s, true)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.services)) {
		if s := x.services[name]; len(s.credentials) > 0 || s.rules != nil {
			x.claimed = append(x.claimed, s)
		}
	}
	x.open = p.Network.open
	return x
}

// sorted gives the values of a map by their keys.
func sorted[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[name])
	}
	return out
}

func (x *index) rule(p *Policy, r *Rule, order int, s *serviceIndex) *compiled {
	c := &compiled{Rule: r, order: order, credential: r.Credential}
	if c.credential == "" && len(s.credentials) == 1 {
		c.credential = s.credentials[0].Name
	}
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		take := limit.Take{Key: p.Agent.Name + "/" + r.Name + "/" + name, Rate: r.Limits[name], N: 1}
		for _, n := range s.service.Expand([]string{name}) {
			c.limits = append(c.limits, &compiledLimit{n, take}) // they share their key, so an action counts once
		}
	}
	return c
}

// meant drops the deny rules that match by what comes to the same, where a rule allows the action by its own name: it is then
// meant to be another.
func (s *serviceIndex) meant(hits []hit, a *action.Action, path string, args *inquiry) []hit {
	if !slices.ContainsFunc(hits, func(h hit) bool { return h.alike }) {
		return hits
	}
	allowed := slices.DeleteFunc(s.allow.find(nil, a, path, false), func(h hit) bool { return h.rank >= byGroup*perName })
	if len(args.met(allowed, a, false)) == 0 {
		return hits
	}
	return slices.DeleteFunc(hits, func(h hit) bool { return h.alike })
}
