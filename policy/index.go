package policy

import (
	"maps"
	"slices"
	"strings"

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
	globs      []glob // its resources as the service spells them, of deny rules as loosely as its server may read them
	onPath     bool   // some resource is a path
	alike      bool   // it stands on a page for what comes to the same as an action that it names
}

// compiledLimit is one limit of one rule.
type compiledLimit struct {
	action string
	take   limit.Take
}

// counts says whether an action uses up a limit of the rule. What the rule allows as one of a group counts as what its arguments do,
// too; what it names is meant to be another.
func (c *compiled) counts(l *compiledLimit, a *action.Action) bool {
	return l.action == action.GroupAll || l.action == a.Name || l.action == a.Operation || l.action == groupOf(a.Class) ||
		a.Like != "" && !slices.Contains(c.Actions, a.Name) && !slices.Contains(c.Actions, a.Operation) && slices.Contains(strings.Fields(a.Like), l.action)
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
		c := s.ready(p, r, i, false)
		s.allow.enter(c, s, false)
		if s.rules == nil {
			s.rules = newPage(false)
		}
		s.rules.enter(c)
	}
	for i, r := range sorted(p.Deny) {
		for name, s := range x.services {
			if r.Service == "" || r.Service == name {
				s.deny.enter(s.ready(p, r, i, true), s, true)
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

// folds says whether the names in its rules are loose: those of deny rules for a service of one's own. The catalogues know what
// their services do.
func (s *serviceIndex) folds(deny bool) bool {
	return deny && action.Lookup(s.service.Name) != s.service
}

// ready compiles a rule for the service. Of a deny rule, paths and the names of a service of one's own are loose: a refusal must not
// be passed by with another spelling.
func (s *serviceIndex) ready(p *Policy, r *Rule, order int, deny bool) *compiled {
	c := &compiled{Rule: r, order: order, credential: r.Credential}
	if c.credential == "" && len(s.credentials) == 1 {
		c.credential = s.credentials[0].Name
	}
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		take := limit.Take{Key: p.Agent.Name + "/" + r.Name + "/" + name, Rate: r.Limits[name], N: 1}
		names := append(s.service.Expand([]string{name}), s.service.Twins(name)...)
		for _, other := range s.service.Alike(name) {
			if !slices.Contains(r.Actions, other) && !slices.Contains(r.Actions, s.service.Alias(other)) {
				names = append(names, other)
			}
		}
		for _, n := range names {
			c.limits = append(c.limits, &compiledLimit{n, take}) // they share their key, so an action counts once
		}
	}
	for _, text := range r.Resources {
		g, _ := parseGlob(text)
		if !slices.Contains(s.service.ResourceKinds, g.kind) { // of a deny rule for every service
			continue
		}
		g, _ = g.canonical(s.service)
		if s.folds(deny) || deny && g.kind == "path" {
			g, _ = parseGlob(g.kind + ":" + loose(g.name))
		}
		c.globs = append(c.globs, g)
		c.onPath = c.onPath || g.kind == "path"
	}
	return c
}

// reachedBy says whether an action may be about one of the rule's resources without naming it.
func (c *compiled) reachedBy(a *action.Action) bool {
	return slices.ContainsFunc(c.globs, func(g glob) bool { return g.kind != "path" && a.Reaches(g.kind) })
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
