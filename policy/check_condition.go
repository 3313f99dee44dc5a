package policy

import (
	"cmp"
	"slices"
	"strings"

	"agentguard/policy/action"
)

// operations are those of a service that names cover: by themselves, by alias, by group or by permission.
func operations(svc *action.Service, list []string) map[string]bool {
	out := map[string]bool{}
	for _, r := range svc.Operations() {
		n := [...]string{r.Operation, r.Action, groupOf(r.Class), action.GroupAll}
		if slices.ContainsFunc(n[:], func(name string) bool { return name != "" && slices.Contains(list, name) }) {
			out[r.Operation] = true
		}
	}
	return out
}

// checkConditions holds the arguments that rules name against what the catalogue knows: one that no action of the rule has
// would be a condition that restricts nothing.
func (d *draft) checkConditions() {
	for _, r := range d.rules {
		services := d.servicesOf(r)
		for i := range r.When {
			if services != nil {
				d.checkCondition(r, &r.When[i], services)
				d.warnForeign(r, &r.When[i])
			}
		}
	}
}

// foreign are characters of patterns that are not ours, which hardly stand in names.
const foreign = "?[]{}|"

// warnForeign names conditions on such names that no request meets, so that a denial with one forbids nothing.
func (d *draft) warnForeign(r *ruleDraft, c *Condition) {
	if len(c.texts) > 0 && strings.Contains(" base head branch ref model channel ", " "+c.Argument+" ") && strings.ContainsAny(c.Want, foreign) {
		d.warn(c.Line, `write one for each: ["main", "release/*"]`, "%s.when: %s %s has no pattern but *: the rest stands for itself", r.Name, c.Argument, c.Want)
	}
}

// whenAbsent says what an argument that is not there means.
func whenAbsent(r *ruleDraft) string {
	if r.deny {
		return "the rule denies every request in which it is not there"
	}
	return "the rule allows no request in which it is not there"
}

func (d *draft) checkCondition(r *ruleDraft, c *Condition, services []*action.Service) {
	var known []string
	unsure := false
	for _, svc := range services {
		takes := svc.Takes()
		for operation := range operations(svc, svc.Expand(r.Actions)) {
			t, listed := takes[operation]
			if t.Has(c.Argument) {
				return
			}
			unsure = unsure || !listed || t.Open
			known = append(known, t.Names...)
		}
	}
	known = action.Unique(known)
	own := !slices.ContainsFunc(services, func(svc *action.Service) bool { return action.Lookup(svc.Name) == svc })
	if unsure && r.deny && own {
		return // whoever named the operation knows it, and what lacks the argument is denied
	}
	if unsure {
		d.warn(c.Line, whenAbsent(r), "%s.when: the catalogue does not know whether an action of the rule has an argument %q%s",
			r.Name, c.Argument, d.suggest(c.Argument, known))
		return
	}
	d.fail(c.Line, "known are "+cmp.Or(strings.Join(known, ", "), "none"), "%s.when: no action of the rule has an argument %q%s", r.Name, c.Argument, d.suggest(c.Argument, known))
}
