package policy

import (
	"slices"
	"strings"

	"agentguard/policy/action"
)

// book finds rules by an action's name, operation, group or "*".
type book map[string]*page

// enter writes a rule on the page of each of its actions.
func (b book) enter(c *compiled, s *serviceIndex, deny bool) {
	if len(c.globs) == 0 && len(c.Resources) > 0 {
		return // it is about resources that this service does not have
	}
	names := s.service.Expand(c.Actions)
	for _, name := range names {
		b.page(name, s.folds(deny)).enter(c)
	}
	if !deny {
		return
	}
	same := *c
	same.alike = true
	for _, name := range alikeOf(s.service, names) {
		b.page(name, s.folds(deny)).enter(&same)
	}
}

func (b book) page(name string, folds bool) *page {
	pg := b[name]
	if pg == nil {
		pg = newPage(folds)
		b[name] = pg
	}
	return pg
}

// alikeOf are the operations that come to the same as what a deny rule names: who may do a group of actions must not get round a
// refusal by another of them.
func alikeOf(svc *action.Service, names []string) []string {
	var out []string
	for _, name := range names {
		for _, operation := range svc.Alike(name) {
			if !slices.Contains(names, operation) {
				out = append(out, operation)
			}
		}
	}
	return action.Unique(out)
}

// names are the pages on which a rule for the action may stand, from the most specific.
func names(a *action.Action) [4]string {
	n := [4]string{a.Name, a.Operation, groupOf(a.Class), action.GroupAll}
	if n[1] == n[0] {
		n[1] = ""
	}
	return n
}

// could lists the rules that could match any of the actions, all rules where there is none. Of an action without a
// resource it is not known yet. A rule may be there more than once.
func (b book) could(about []action.Action) (list []*compiled) {
	if len(about) == 0 {
		for _, pg := range b {
			list = append(list, pg.all...)
		}
	}
	for i := range about {
		for _, name := range names(&about[i]) {
			if pg := b[name]; pg != nil && name != "" {
				list = append(list, pg.could(&about[i])...)
			}
		}
	}
	return list
}

// find appends the rules that match an action to hits. A rule may be there more than once. An action of class Unknown
// is matched by nothing.
func (b book) find(hits []hit, a *action.Action, path string, deny bool) []hit {
	if a.Class == action.Unknown {
		return hits
	}
	for i, name := range names(a) {
		if pg := b[name]; pg != nil && name != "" {
			hits = pg.find(hits, a, path, i*perName, deny)
		}
	}
	if deny {
		for name := range strings.FieldsSeq(a.Like) {
			if pg := b[name]; pg != nil {
				hits = pg.find(hits, a, path, byArgument*perName, deny)
			}
		}
	}
	return hits
}

// any gives a rule that names the action, wherever it applies, rather one about things of its kind; nil if none does.
func (b book) any(a *action.Action) (found *compiled) {
	for _, name := range names(a) {
		pg := b[name]
		if pg == nil || name == "" {
			continue
		}
		for _, c := range pg.all {
			if c.about(a.Resource.Kind) {
				return c
			}
		}
		if found == nil {
			found = pg.all[0]
		}
	}
	return found
}

// about says whether one of the rule's resources is of a kind.
func (c *compiled) about(kind string) bool {
	return slices.ContainsFunc(c.globs, func(g glob) bool { return g.kind == kind })
}
