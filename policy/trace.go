package policy

import (
	"fmt"
	"slices"
	"strings"

	"agentguard/policy/action"
)

// Trace is what one rule makes of one action, in words.
type Trace struct {
	Rule    *Rule
	Deny    bool
	Matches bool
	Why     string
}

// Trace goes through all rules, deny rules first, and says for each why it matches action number i of m or why not. A
// rule is asked by the same code as in Decide, alone. r is the request, nil where there is none.
func (p *Policy) Trace(m *action.Match, r *action.Request, i int) []Trace {
	if p == nil || p.index == nil || m == nil || m.Service == nil || p.index.services[m.Service.Name] == nil {
		return nil
	}
	var out []Trace
	s := p.index.services[m.Service.Name]
	args := p.inquire(m, r)
	if args != nil && m.Probe != nil {
		args.kind = true
	}
	for _, deny := range []bool{true, false} {
		rules := p.Allow
		if deny {
			rules = p.Deny
		}
		for order, r := range sorted(rules) {
			t := Trace{Rule: r, Deny: deny}
			if r.Service != "" && r.Service != m.Service.Name {
				t.Why = "it is for service " + r.Service
			} else {
				t.Matches, t.Why = s.trace(s.ready(p, r, order, deny), args, m, &m.Actions[i], deny)
			}
			t.Why = clean(t.Why)
			out = append(out, t)
		}
	}
	return out
}

func (s *serviceIndex) trace(c *compiled, args *inquiry, m *action.Match, a *action.Action, deny bool) (bool, string) {
	alone := book{}
	alone.enter(c, s, deny)
	hits := alone.find(nil, a, m.Path, deny)
	if len(hits) == 0 {
		return false, whyNot(c, s.service, a)
	}
	if args != nil && !args.meets(c.Rule, a, deny) {
		return false, strings.TrimPrefix(args.unmet, c.Name+" ")
	}
	if deny {
		if hits = s.meant(hits, a, m.Path, args); len(hits) == 0 {
			return false, fmt.Sprintf("what it names comes to the same as %s, which an allow rule names", a.Name)
		}
	}
	return true, why(slices.MinFunc(hits, better), s.service, a, deny)
}

// why says by which name and which resource a rule matches.
func why(h hit, svc *action.Service, a *action.Action, deny bool) string {
	name := does(h.Actions, a)
	if h.rank/perName < byArgument {
		name = names(a)[h.rank/perName]
	}
	said := "it names " + name
	switch meant := comesTo(h.Actions, svc, name); {
	case h.rank/perName == byArgument:
		said += ", which the request's arguments do"
	case deny && meant != "":
		said = fmt.Sprintf("it names %s, and %s comes to the same: an allow rule that names that allows it", meant, name)
	case !slices.Contains(h.Actions, name):
		said = "a permission that it names covers " + name
	case name == a.Name:
	case name == a.Operation:
		said = "it names the operation " + name
	case name == action.GroupAll:
		said = "* is every known action"
	default:
		said = "it names the group " + name
	}
	switch where := h.rank % perName; {
	case where == byLiteral || where == byGlob:
		return said + ", on " + strings.Join(h.Resources, ", ")
	case len(h.Resources) == 0:
		return said + ", anywhere"
	case a.Public && !deny:
		return said + ", which reaches nobody's resource"
	}
	return said + fmt.Sprintf("; it protects %s, and the request does not tell which resource it is about", strings.Join(h.Resources, ", "))
}

// does is which of the named actions the arguments do besides, "" where none.
func does(named []string, a *action.Action) string {
	for name := range strings.FieldsSeq(a.Like) {
		if slices.Contains(named, name) {
			return name
		}
	}
	return ""
}

// comesTo is which of the named actions an operation comes to without being it, "" where it is named itself.
func comesTo(named []string, svc *action.Service, operation string) string {
	if slices.Contains(named, operation) {
		return ""
	}
	for _, name := range named {
		if slices.Contains(svc.Alike(name), operation) {
			return name
		}
	}
	return ""
}

// whyNot says what keeps a rule from matching.
func whyNot(c *compiled, svc *action.Service, a *action.Action) string {
	if a.Class == action.Unknown {
		return "no rule matches what the catalogue does not know"
	}
	named := slices.ContainsFunc(svc.Expand(c.Actions), func(name string) bool {
		n := names(a)
		return slices.Contains(n[:], name)
	})
	if !named {
		return fmt.Sprintf("it names %s, not %s", few(c.Actions), a.Name)
	}
	if a.Resource.Name == "" {
		return fmt.Sprintf("it is about %s only, and the request does not tell which resource it is about", few(c.Resources))
	}
	return fmt.Sprintf("it is about %s only, not about %s", few(c.Resources), a.Resource)
}

// few lists names, not too many.
func few(list []string) string {
	const most = 5
	if n := len(list) - most; n > 0 {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ")
}
