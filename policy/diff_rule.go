package policy

import (
	"strings"

	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// rule compares two rules of one name. more is the effect of a rule that covers more: wider for an allow rule, narrower for a
// deny rule; less is the opposite. Names are read by the services of the policy that each rule is of.
func (d *differ) rule(from, to *Policy, before, after *Rule, more, less string) {
	switch {
	case before == nil:
		d.add(more, "new: %s", summary(after))
		return
	case after == nil:
		d.add(less, "gone: %s", summary(before))
		return
	}
	switch {
	case before.Service == after.Service:
	case before.Service == "":
		d.add(less, "it was for every service and is for %s", after.Service)
	case after.Service == "":
		d.add(more, "it was for service %s and is for every one", before.Service)
	default:
		d.same("its service", before.Service, after.Service)
	}
	d.same("its credential", before.Credential, after.Credential)
	old, now := from.Services[before.Service], to.Services[after.Service]
	d.listsOf("action", actionWithin(now), before.Actions, after.Actions, more, less)
	switch {
	case now == nil:
	case more == Wider:
		d.named(to, now, before, after)
	default:
		d.unnamed(now, before, after)
	}
	d.resources(canonicalResources(before.Resources, old), canonicalResources(after.Resources, now), more, less)
	d.limits(before.Limits, after.Limits)
	d.lists("kept field", fieldNames(before.Keep), fieldNames(after.Keep), Other, Other)
	d.when(before.When, after.When, more, less)
}

// named tells of actions that an allow rule names now: denials and limits of what they come to the same as, which reach it as one of a
// group, hold for it no more.
func (d *differ) named(p *Policy, svc *action.Service, before, after *Rule) {
	var restricted []string
	for name := range after.Limits {
		restricted = append(restricted, name)
	}
	for _, r := range p.Deny {
		if r.Service == "" || r.Service == after.Service {
			restricted = append(restricted, r.Actions...)
		}
	}
	others := alikeOf(svc, restricted)
	for _, name := range missing(after.Actions, before.Actions, anywhere) {
		for _, operation := range append(svc.Called(name), name) {
			if anywhere(operation, others) {
				d.add(Wider, "action %s is named now, so that denials and limits of what it comes to the same as do not hold for it", name)
				break
			}
		}
	}
}

// unnamed tells of actions that a deny rule named and covers now as those of a group: what comes to the same may be in no such group.
func (d *differ) unnamed(svc *action.Service, before, after *Rule) {
	covered := actionWithin(svc)
	others := append(alikeOf(svc, after.Actions), after.Actions...)
	for _, name := range missing(before.Actions, after.Actions, anywhere) {
		if left := missing(svc.Alike(name), others, covered); len(left) > 0 && covered(name, after.Actions) {
			d.add(Wider, "action %s is named no more, so that it forbids no longer what comes to the same: %s", name, few(left))
		}
	}
}

func fieldNames(fields []action.Field) (names []string) {
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func summary(r *Rule) string {
	s := strings.Join(r.Actions, ", ")
	if len(r.Resources) > 0 {
		return s + " on " + strings.Join(r.Resources, ", ")
	}
	return s + " anywhere"
}

func (d *differ) resources(before, after []string, more, less string) {
	switch {
	case len(before) == 0 && len(after) == 0:
	case len(after) == 0:
		d.add(more, "it was about %s and is about everything", strings.Join(before, ", "))
	case len(before) == 0:
		d.add(less, "it was about everything and is about %s", strings.Join(after, ", "))
	default:
		d.listsOf("resource", resourceWithin, before, after, more, less)
	}
}

// limits are the same for both kinds of rule: deny rules have none.
func (d *differ) limits(before, after map[string]limit.Rate) {
	for _, name := range either(before, after) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had:
			d.add(Narrower, "%s is limited to %s", name, is)
		case !has && withinRate(after, was): // by the limit of all together
		case !has:
			d.add(Wider, "%s is not limited any more; it was to %s", name, was)
		case was != is:
			d.add(rateEffect(was, is), "%s is limited to %s; it was to %s", name, is, was)
		}
	}
}

// withinRate says whether the limit of all actions together is none higher than another.
func withinRate(limits map[string]limit.Rate, was limit.Rate) bool {
	all, ok := limits[action.GroupAll]
	return ok && (all == was || rateEffect(was, all) == Narrower)
}

// rateEffect compares rates: 10 an hour is not less than 1 a minute in every minute, so that neither is said there.
func rateEffect(was, is limit.Rate) string {
	switch {
	case is.N >= was.N && is.Per <= was.Per:
		return Wider
	case is.N <= was.N && is.Per >= was.Per:
		return Narrower
	}
	return Other
}

func (d *differ) when(before, after []Condition, more, less string) {
	var of [2]map[string]*Condition
	for i, list := range [][]Condition{before, after} {
		of[i] = map[string]*Condition{}
		for j := range list {
			of[i][list[j].Argument] = &list[j]
		}
	}
	for _, name := range either(of[0], of[1]) {
		was, is := of[0][name], of[1][name]
		effect := Other
		switch {
		case was == nil:
			d.add(less, "it is only where %s is %s", name, is.Want)
			continue
		case is == nil:
			d.add(more, "it is no longer only where %s is %s", name, was.Want)
			continue
		case was.Want == is.Want:
			continue
		case conditionWithin(is, was) && conditionWithin(was, is): // said in another way
			continue
		case conditionWithin(is, was):
			effect = less
		case conditionWithin(was, is):
			effect = more
		}
		d.add(effect, "it is where %s is %s; it was where it is %s", name, is.Want, was.Want)
	}
}
