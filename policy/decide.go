package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// Effect is what the policy says. The zero value denies.
type Effect uint8

// The effects; ask arrives with approvals.
const (
	Deny Effect = iota
	Allow
)

func (e Effect) String() string { return [...]string{"deny", "allow"}[e] }

// Decision is the policy's answer to one request. The zero value denies.
type Decision struct {
	Effect     Effect
	Rule       string         // the rule that decided, "" when none matched
	Reason     string         // for a person: "Action delete_repo is denied"
	Hint       string         // what to change, or ""
	Action     action.Action  // the action that decided (the denied one, else the first)
	Credential string         // the credential the rule names, "" for the service's only one
	Limits     []limit.Take   // to be taken before the request is sent
	Keep       []action.Field // of the answer, for the record; those of the catalogue are not among them

	// Otherwise is the answer for a request that turns out to be the least it can be: allowed. It is nil unless that alone
	// decides and the request is too long to tell (see action.Match.Settle).
	Otherwise *Decision
}

// Decide says whether every action of m is allowed. One denied action denies the request, whatever else allows it. Of
// several allow rules that match an action the most specific one gives rule and credential, and the limits of all apply.
// All actions of a request need the same credential, since only one is sent.
//
// r is the request that m is the reading of. Its body is read where a rule with conditions (`when`) could match, and only then.
// What m leaves in doubt is settled where the answer hangs on it, and only then. Without r nothing is known of arguments: of the
// rules with conditions no allow rule matches, and every deny rule does.
func (p *Policy) Decide(m *action.Match, r *action.Request) Decision {
	args := p.inquire(m, r)
	if m != nil && m.Probe != nil {
		return p.decideProbe(m, args)
	}
	if m != nil && m.Doubt != nil && m.Doubt.Refs && r != nil && args.aboutRefs() {
		m.Settle(r)
	}
	most := p.decide(m, args)
	if m == nil || m.Doubt == nil || r == nil {
		return most
	}
	atLeast := m.AtLeast()
	least := p.decide(&atLeast, args)
	switch {
	case least.Effect != Allow:
		*m = atLeast
		return least
	case most.Effect == Allow && slices.Equal(most.Limits, least.Limits) && !p.observing:
		return most
	}
	m.Settle(r)
	d := p.decide(m, args)
	if m.Doubt != nil && d.Effect != Allow {
		d.Otherwise = &least
	}
	return d
}

// decideProbe allows what asks leave for something that is allowed with some arguments, and gives the action that name.
func (p *Policy) decideProbe(m *action.Match, args *inquiry) Decision {
	if args != nil {
		args.kind = true
	}
	first := p.decide(m, args)
	for _, name := range m.Probe {
		one := *m
		one.Actions = slices.Clone(m.Actions)
		one.Actions[0].Name = name
		if d := p.decide(&one, args); d.Effect == Allow {
			m.Actions = one.Actions
			return d
		}
	}
	return first
}

// DecideUnread is Decide for a request whose body nobody has any more: the strictest answer, in which nothing that
// cannot be told helps the request, and the kindest, in which all of it does. Where both have one effect, so has every
// body.
func (p *Policy) DecideUnread(m *action.Match, r *action.Request) (strictest, kindest Decision) {
	args := p.inquire(m, r)
	if m != nil && m.Probe != nil {
		d := p.decideProbe(m, args)
		return d, d
	}
	strictest = p.decide(m, args)
	if args != nil {
		args.kind = true
	}
	if m != nil {
		least := m.AtLeast()
		least.Actions = slices.Clone(least.Actions)
		for i := range least.Actions {
			least.Actions[i].Like = ""
		}
		m = &least
	}
	return strictest, p.decide(m, args)
}

func (p *Policy) decide(m *action.Match, args *inquiry) Decision {
	if p == nil || p.index == nil {
		return Decision{Reason: "there is no policy, so nothing is allowed"}
	}
	if m == nil || m.Service == nil || p.index.services[m.Service.Name] == nil {
		return Decision{Reason: "the request is for no service of the policy"}
	}
	s := p.index.services[m.Service.Name]
	if len(m.Actions) == 0 {
		return Decision{Reason: cmp.Or(m.Reason, "the request performs no action that could be allowed")}
	}
	if d, forbids := p.forbids(s, m, args); forbids {
		return d
	}
	return s.allows(m, args)
}

// forbids says whether a deny rule matches one of the actions.
func (p *Policy) forbids(s *serviceIndex, m *action.Match, args *inquiry) (d Decision, forbids bool) {
	var room [16]hit
	for i := range m.Actions {
		hits := s.deny.find(room[:0], &m.Actions[i], m.Path, true)
		hits = s.meant(args.met(hits, &m.Actions[i], true), &m.Actions[i], m.Path, args)
		if len(hits) > 0 {
			return p.forbidden(slices.MinFunc(hits, better), m, &m.Actions[i], args), true
		}
	}
	return Decision{}, false
}

// allows takes the rules that allow each of the actions together.
func (s *serviceIndex) allows(m *action.Match, args *inquiry) Decision {
	var room [16]hit
	d := Decision{Effect: Allow, Action: m.Actions[0]}
	var best *compiled
	counted := counter{probe: m.Probe != nil}
	for i := range m.Actions {
		a := &m.Actions[i]
		hits := s.allow.find(room[:0], a, m.Path, false)
		if len(hits) == 0 {
			return s.unmatched(m, a, args)
		}
		if hits = args.met(hits, a, false); len(hits) == 0 {
			return args.unmetBy(a)
		}
		if !a.Also {
			counted.operation++
		}
		mine := slices.MinFunc(hits, better).compiled
		if best == nil {
			best, d.Rule, d.Credential = mine, mine.Name, mine.Credential
		}
		if mine.credential != best.credential {
			return s.torn(m, best, mine)
		}
		for _, h := range hits {
			counted.add(h.compiled, a)
			d.Keep = append(d.Keep, h.Keep...)
		}
	}
	d.Limits = counted.takes
	return d
}

// counter adds up the permits that a request needs.
type counter struct {
	probe     bool // the request changes nothing: only limits on everything count it
	operation int  // at hand: an action, and those that belong to it
	takes     []limit.Take
	last      []int // for each take: the last operation that was counted
}

// add counts an action of the operation at hand against the limits of a rule, once for each limit however often the rule
// matches.
func (c *counter) add(r *compiled, a *action.Action) {
	for _, l := range r.limits {
		if !r.counts(l, a) || c.probe && l.action != action.GroupAll {
			continue
		}
		i := slices.IndexFunc(c.takes, func(t limit.Take) bool { return t.Key == l.take.Key })
		switch {
		case i < 0:
			c.takes, c.last = append(c.takes, l.take), append(c.last, c.operation)
		case c.last[i] != c.operation:
			c.takes[i].N++
			c.last[i] = c.operation
		}
	}
}

// denied is the refusal of one action. Its reason is the same for a rule that forbids and for no rule that allows.
func denied(a *action.Action) Decision {
	return Decision{Reason: clean("Action " + a.Name + " is denied"), Action: *a}
}

// forbidden is the refusal by a deny rule.
func (p *Policy) forbidden(h hit, m *action.Match, a *action.Action, args *inquiry) Decision {
	d := denied(a)
	d.Rule = h.Name
	d.Hint = fmt.Sprintf("rule %s forbids it (%s line %d)", h.Name, baseName(p.Source), h.Line)
	if name := does(h.Actions, a); name != "" && h.rank/perName == byArgument {
		d.Hint += fmt.Sprintf(", since its arguments do what %s does", name)
	} else if meant := comesTo(h.Actions, m.Service, a.Operation); meant != "" && !slices.Contains(h.Actions, a.Name) {
		d.Hint += fmt.Sprintf(", since it comes to the same as %s: an allow rule that names %s allows it", meant, cmp.Or(m.Service.Alias(a.Operation), a.Operation))
	}
	if (h.reachedBy(a) || a.Resource.Relative() || a.Gathers()) && h.rank%perName == byNothing && !a.Public && len(h.globs) > 0 {
		d.Hint += fmt.Sprintf(": it protects %s, and the request does not tell which resource it is about", strings.Join(h.Resources, ", "))
	}
	if len(h.When) > 0 && args.blind != "" {
		d.Hint = also(d.Hint, args.blind)
	}
	d.Hint = clean(also(d.Hint, m.Reason))
	return d
}

// unmatched is the refusal of what no rule allows, with what would have to be written.
func (s *serviceIndex) unmatched(m *action.Match, a *action.Action, args *inquiry) Decision {
	d := denied(a)
	if a.Class == action.Unknown {
		d.Reason = clean(cmp.Or(m.Reason, d.Reason))
		d.Hint = fmt.Sprintf("what the catalogue of %s does not know cannot be allowed", s.service.Name)
		if m.Unrouted && action.Lookup(s.service.Name) != s.service {
			d.Hint = fmt.Sprintf("if it is to be allowed, name it in [service.%s.actions]", s.service.Name)
		}
		return d
	}
	elsewhere := s.allow.any(a)
	switch {
	case elsewhere != nil:
		d.Hint = restricted(elsewhere, a)
	default:
		d.Hint = s.missing(m, a, args)
	}
	d.Hint = clean(also(d.Hint, m.Reason))
	return d
}

// missing is the hint where no rule names the action: to which rule about the same resource it could be added, else what to write.
// A rule without resources is no place for it where others have some: it would be allowed on all. Nor is one with conditions
// on the action, which the request may not meet.
func (s *serviceIndex) missing(m *action.Match, a *action.Action, args *inquiry) string {
	known := a.Resource.Known()
	if s.rules != nil {
		if hits := args.free(s.rules.find(nil, a, m.Path, 0, false), a); len(hits) > 0 {
			best := slices.MinFunc(hits, better)
			if !known || best.rank != byNothing || len(s.rules.anywhere) == len(s.rules.all) {
				return fmt.Sprintf("no rule allows it: add %q to the actions of [%s]", a.Name, best.Name)
			}
		}
	}
	hint := fmt.Sprintf("no rule allows it: write an [allow.NAME] with service = %q, actions = [%q]", s.service.Name, a.Name)
	if known {
		hint += fmt.Sprintf(", resources = [%q]", a.Resource)
	}
	return hint
}

// restricted is the hint where a rule allows the action, but not on this resource.
func restricted(c *compiled, a *action.Action) string {
	hint := fmt.Sprintf("rule %s allows it on %s only", c.Name, few(c.Resources))
	if a.Resource.Known() {
		return hint + ", not on " + a.Resource.String()
	}
	return hint + ", and the request does not tell which resource it is about"
}

// torn is the refusal of a request whose actions go by different credentials.
func (s *serviceIndex) torn(m *action.Match, one, other *compiled) Decision {
	d := Decision{Action: m.Actions[0], Rule: other.Name}
	d.Reason = fmt.Sprintf("the request performs actions of %s and of %s, which use different credentials", one.Name, other.Name)
	d.Hint = "one request carries one credential: send the actions one by one, or let both rules name the same"
	return d
}

// also adds a reason to a hint.
func also(hint, reason string) string {
	if reason == "" {
		return hint
	}
	return hint + "; " + reason
}
