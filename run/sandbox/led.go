package sandbox

import (
	"path/filepath"
	"slices"
)

// led is a rule with where it leads. Its Path has no link any more.
type led struct {
	Rule
	name  string   // the path that it names
	links []string // on the way from there, that a confined command may have made
}

// led is for a rule that was resolved last.
func (r *links) led(rule Rule, path string) led {
	l := led{Rule{path, rule.View}, filepath.Clean(rule.Path), nil}
	for _, link := range r.passed {
		if forgeable(link) {
			l.links = append(l.links, link)
		}
	}
	return l
}

// note remembers the links on the way of a rule that was resolved last, also where the last one leads nowhere.
func (r *links) note(view View) {
	for _, link := range r.passed {
		r.ways[link] = r.ways[link] || view != Writable
	}
}

// leads follows the rules whose paths lead somewhere: of all of them a few do.
func (r *links) leads(rules []Rule) (all []led) {
	for _, rule := range rules {
		path, there := r.resolve(rule.Path)
		r.note(rule.View)
		if there {
			all = append(all, r.led(rule, path))
		}
	}
	return all
}

// replaceable lists the links on the ways to what is hidden or kept from change that lie where the command can write: one in its place
// would be what a shell, git or an agent starts by that name.
func (r *links) replaceable(seen []Rule) (list []string) {
	if len(r.ways) == 0 {
		return nil
	}
	views := make(map[string]View, len(seen))
	for _, rule := range seen {
		views[rule.Path] = rule.View
	}
	for link, kept := range r.ways {
		if kept && seenAs(views, filepath.Dir(link)) == Writable {
			list = append(list, link)
		}
	}
	slices.Sort(list)
	return list
}

// mayMislead says whether a path leads by a link that a confined command may have made.
func (r *links) mayMislead(path string) bool {
	_, there := r.resolve(path)
	return there && len(r.led(Rule{}, path).links) > 0
}

// trusted leaves out the rules by which a link would open more than is seen without it. Many places of tools are where a command can write
// (~/.cache/zsh), and it may have made a link of one, to ~/.ssh/id_ed25519, for a later run to show it that.
func trusted(all []led) (rules []Rule, left []led) {
	views, sure := make(map[string]View, len(all)), make(map[string]View, len(all))
	for _, l := range all {
		views[l.Path] = l.View
		if len(l.links) == 0 {
			sure[l.Path] = l.View
		}
	}
	for _, l := range all {
		if len(l.links) > 0 && (l.uncovers(all) || l.extends(views, sure) || l.blinds(views)) {
			left = append(left, l)
		} else {
			rules = append(rules, l.Rule)
		}
	}
	return rules, left
}

// uncovers says whether a rule shows something that another hides, but for what the hidden place has by the same name: a policy may show
// ~/.npmrc wherever that leads.
func (l led) uncovers(all []led) bool {
	return l.View != Hidden && slices.ContainsFunc(all, func(h led) bool {
		return h.View == Hidden && within(l.Path, h.Path) && !within(l.name, h.name)
	})
}

// extends says whether a rule makes something writable by a link that lies where the command can write, and that cannot be written otherwise.
func (l led) extends(views, sure map[string]View) bool {
	return l.View == Writable && seenAs(sure, l.Path) != Writable && l.mayBeNew(views)
}

// mayBeNew says whether a link on the way lies where the command can write.
func (l led) mayBeNew(views map[string]View) bool {
	return slices.ContainsFunc(l.links, func(link string) bool { return seenAs(views, filepath.Dir(link)) == Writable })
}

// blinds says whether a rule hides, by such a link, what no program is without.
func (l led) blinds(views map[string]View) bool {
	return l.View == Hidden && slices.ContainsFunc(programTrees, func(tree string) bool { return within(l.Path, tree) || within(tree, l.Path) }) && l.mayBeNew(views)
}

// programTrees are where systems have their programs and what these read.
var programTrees = []string{"/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix", "/gnu"}

// seenAs is how a path is seen by rules, of which the one that is nearest above it counts.
func seenAs(views map[string]View, path string) View {
	for {
		if view, ruled := views[path]; ruled {
			return view
		}
		above := filepath.Dir(path)
		if above == path {
			return ReadOnly // as all is
		}
		path = above
	}
}

// lastOf gives the views of what rules lead to. Of several for one path the last counts.
func lastOf(all []led) map[string]View {
	last := make(map[string]View, len(all))
	rules, _ := trusted(all)
	for _, r := range rules {
		last[r.Path] = r.View
	}
	return last
}

// Misled lists what the policy has the command read and write that leads, by such a link, to where it may not.
func (p Places) Misled() (paths []string) {
	named := append(slices.Clone(p.Read), p.Write...)
	known := newLinks()
	if !slices.ContainsFunc(named, known.mayMislead) { // mostly: to follow all the rules takes its time
		return nil
	}
	_, left := trusted(known.leads(p.Rules()))
	for _, l := range left {
		if slices.ContainsFunc(named, func(path string) bool { return filepath.Clean(path) == l.name }) {
			paths = append(paths, l.name)
		}
	}
	return paths
}
