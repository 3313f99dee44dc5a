package policy

import (
	"slices"
	"strings"

	"agentguard/policy/action"
)

// warnResource names resources that stand for more, or for less, than they seem to.
func (d *draft) warnResource(r *ruleDraft, res text, g *glob, services []*action.Service) {
	hint, what := "", ""
	switch {
	case res.s == starterRepository && !r.deny:
		hint, what = "put your own in its place", "is no repository yet: it is the starter's example"
	case g.kind == "repo" && g.rest && g.name != "*" && !r.deny && strings.IndexByte(g.name, '/') < 0:
		hint, what = `write "repo:OWNER/*" for those of one owner`, "is also what others have whose name begins so"
	case r.deny && strings.HasPrefix(res.s, "path:/repos/") && slices.Contains(services, action.Lookup("github")):
		hint, what = `write "repo:OWNER/NAME"`, "forbids addresses of GitHub's REST API alone, and what is there can be reached by GraphQL and git"
	case g.kind != "path" && strings.ContainsAny(g.name, foreign):
		hint, what = "write one for each", "has no pattern but *: the rest stands for itself"
	default:
		return
	}
	d.warn(res.line, hint, "%s.resources: %q %s", r.Name, res.s, what)
}

// warnElsewhere names resources of a kind that no action of their rule is about: it says nothing of them, though it seems to.
func (d *draft) warnElsewhere() {
	for _, r := range d.rules {
		services := d.servicesOf(r)
		for _, res := range r.resources {
			g, wrong := parseGlob(res.s)
			if wrong != "" || g.kind == "path" || slices.ContainsFunc(r.Actions, func(name string) bool { return slices.Contains(groups, name) }) {
				continue
			}
			if kinds := elsewhere(services, r.Actions, g.kind, r.deny); kinds != nil {
				d.warn(res.line, "its actions are about "+strings.Join(kinds, ", ")+": "+instead(g, kinds), "%s.resources: %q has no effect: no action of the rule is about such a thing", r.Name, res.s)
			}
		}
	}
}

// beyond is what is administered beside what a group reads or writes.
var beyond = map[string]string{action.GroupWrite: "deletions and settings", action.GroupRead: "lists of keys and webhooks"}

// warnWrite names denials of what is read or written that leave what is administered, which is more, to an allow rule.
func (d *draft) warnWrite() {
	for _, r := range d.rules {
		i := slices.IndexFunc(r.actions, func(a text) bool { return beyond[a.s] != "" })
		if !r.deny || i < 0 || slices.Contains(r.Actions, action.GroupAdmin) || slices.Contains(r.Actions, action.GroupAll) {
			continue
		}
		for _, other := range d.rules {
			if !other.deny && (r.Service == "" || r.Service == other.Service) && administers(other) {
				group := r.actions[i].s
				d.warn(r.actions[i].line, `name "admin" too, if that is to be forbidden`, "%s.actions: %q leaves out what is admin, as %s are, and %s allows that", r.Name, group, beyond[group], other.Name)
				break
			}
		}
	}
}

// administers says whether a rule allows what is admin as a group: of a service of one's own, if it has some.
func administers(r *ruleDraft) bool {
	return (slices.Contains(r.Actions, action.GroupAll) || slices.Contains(r.Actions, action.GroupAdmin)) && r.svc != nil &&
		(action.Lookup(r.svc.Name) == r.svc || slices.ContainsFunc(r.svc.Operations(), func(o action.Route) bool { return o.Class == action.Admin }))
}

// warnOperations names denials of one operation of several that go by one name, where the others are not forbidden with it.
func (d *draft) warnOperations() {
	for _, r := range d.rules {
		if !r.deny {
			continue
		}
		for _, a := range r.actions {
			for _, s := range d.servicesOf(r) {
				alias := s.Alias(a.s)
				if alias == "" || slices.Contains(r.Actions, alias) {
					continue
				}
				left := slices.DeleteFunc(s.Called(alias), func(other string) bool {
					return other == a.s || slices.Contains(r.Actions, other) || slices.Contains(s.Alike(a.s), other)
				})
				if len(left) > 0 {
					d.warn(a.line, "name "+alias+", if all are to be forbidden", "%s.actions: %q is one of several operations that are %s, and leaves %s", r.Name, a.s, alias, few(left))
				}
			}
		}
	}
}

// servicesOf are those that a rule is for.
func (d *draft) servicesOf(r *ruleDraft) []*action.Service {
	switch {
	case r.svc != nil:
		return []*action.Service{r.svc}
	case r.deny && r.service.s == "":
		return sorted(d.policy.Services)
	}
	return nil
}

// instead is what may have been meant by a resource of another kind.
func instead(g glob, kinds []string) string {
	if (g.kind == "org" || g.kind == "user") && slices.Contains(kinds, "repo") {
		return `write "repo:` + g.name + `/*"`
	}
	return "name one of those"
}

// elsewhere gives the kinds of what the actions are about, where all of it is told by their routes and of another kind than a rule
// names; else nil.
func elsewhere(services []*action.Service, names []string, kind string, deny bool) (kinds []string) {
	for _, s := range services {
		switch {
		case !slices.Contains(s.ResourceKinds, kind):
			continue
		case s.About(names, kind):
			return nil
		}
		about, told := s.Kinds(names)
		for _, k := range about {
			told = told && k != kind && !(deny && reaches(k, kind))
		}
		if !told {
			return nil
		}
		kinds = append(kinds, about...)
	}
	return action.Unique(kinds)
}

// reaches says whether a denial about a thing of one kind may hold for what an action does to one of another.
func reaches(about, kind string) bool {
	thing := action.Resource{Kind: about, Name: "a/b-1"}
	return about == "org" || slices.ContainsFunc(thing.OtherNames(), func(r action.Resource) bool { return r.Kind == kind })
}
