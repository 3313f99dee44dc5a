package policy

import (
	"cmp"
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

// book finds rules by an action's name, operation, group or "*".
type book map[string]*page

// page holds the rules that name one action, by where they apply.
type page struct {
	all      []*compiled
	anywhere []*compiled // without resources
	literal  map[action.Resource][]*compiled
	globs    map[action.Resource][]globRule // by the folder that a glob begins with: repo:myorg/ for repo:myorg/docs-*
	depth    int                            // the most slashes in a folder
	folds    bool                           // of deny rules for a service of one's own: names are loose
}

type globRule struct {
	glob
	rule *compiled
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

// enter writes a rule on the page of each of its actions. Of a deny rule, paths and the names of a service of one's own
// are loose: a refusal must not be passed by with another spelling. The catalogues know what their services do.
func (b book) enter(c *compiled, s *serviceIndex, deny bool) {
	svc := s.service
	var globs []glob
	folds := deny && action.Lookup(svc.Name) != svc
	for _, r := range c.Resources {
		g, _ := parseGlob(r)
		if !slices.Contains(svc.ResourceKinds, g.kind) { // of a deny rule for every service
			continue
		}
		g, _ = g.canonical(svc)
		if folds || deny && g.kind == "path" {
			g, _ = parseGlob(g.kind + ":" + loose(g.name))
		}
		globs = append(globs, g)
		c.onPath = c.onPath || g.kind == "path"
		c.onOther = c.onOther || g.kind != "path"
	}
	if len(globs) == 0 && len(c.Resources) > 0 {
		return // it is about resources that this service does not have
	}
	names := svc.Expand(c.Actions)
	for _, name := range names {
		b.page(name, folds).enter(c, globs)
	}
	if !deny {
		return
	}
	same := *c
	same.alike = true
	for _, name := range alikeOf(svc, names) {
		b.page(name, folds).enter(&same, globs)
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

func newPage(folds bool) *page {
	return &page{literal: map[action.Resource][]*compiled{}, globs: map[action.Resource][]globRule{}, folds: folds}
}

// with writes an allow rule on the page, which it makes if there is none.
func (pg *page) with(c *compiled, svc *action.Service) *page {
	if pg == nil {
		pg = newPage(false)
	}
	var globs []glob
	for _, r := range c.Resources {
		g, _ := parseGlob(r)
		g, _ = g.canonical(svc)
		globs = append(globs, g)
	}
	pg.enter(c, globs)
	return pg
}

func (pg *page) enter(c *compiled, globs []glob) {
	pg.all = append(pg.all, c)
	if len(globs) == 0 {
		pg.anywhere = append(pg.anywhere, c)
	}
	for _, g := range globs {
		if g.literal() {
			key := action.Resource{Kind: g.kind, Name: g.name}
			pg.literal[key] = append(pg.literal[key], c)
			continue
		}
		folder := g.folder()
		key := action.Resource{Kind: g.kind, Name: folder}
		pg.globs[key] = append(pg.globs[key], globRule{g, c})
		pg.depth = max(pg.depth, strings.Count(folder, "/"))
	}
}

// hit is a rule that matches an action. A lower rank is more specific.
type hit struct {
	*compiled
	rank int
}

// How a rule names an action, and where it applies: together the rank of a hit.
const (
	byLiteral = iota
	byGlob
	byNothing
	perName = 4

	byGroup    = 2 // of names: the action's and its operation's come before
	byArgument = 4 // behind those of names
)

// better orders hits: the action's name before its operation, that before its group, that before *; then a literal
// resource before a glob, that before none; then the rules' names.
func better(a, b hit) int {
	if d := cmp.Compare(a.rank, b.rank); d != 0 {
		return d
	}
	return cmp.Compare(a.order, b.order)
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

// could lists the rules of the page that could match an action, whatever its path turns out to be.
func (pg *page) could(a *action.Action) (list []*compiled) {
	switch {
	case a.Class == action.Unknown:
		return nil
	case a.Resource.Name == "":
		return pg.all
	}
	for _, h := range pg.find(nil, a, "", 0, false) {
		list = append(list, h.compiled)
	}
	for _, c := range pg.all {
		if c.onPath {
			list = append(list, c)
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

func (pg *page) find(hits []hit, a *action.Action, path string, rank int, deny bool) []hit {
	for _, c := range pg.anywhere {
		hits = append(hits, hit{c, rank + byNothing})
	}
	if len(pg.anywhere) == len(pg.all) {
		return hits
	}
	known := a.Resource.Known()
	if known && a.Resource.Kind != "path" {
		r := a.Resource
		if pg.folds {
			r.Name = loose(r.Name)
		}
		hits = pg.on(hits, r, rank)
		if deny {
			for _, other := range r.OtherNames() {
				hits = pg.on(hits, other, rank)
			}
		}
	}
	if deny && a.Resource.Kind == "org" && a.Class != action.Read && (rank < byGroup*perName || rank >= byArgument*perName) {
		hits = pg.below(hits, a.Resource.Name+"/", rank)
	}
	if path != "" {
		hits = pg.onPath(hits, path, rank, deny)
	}
	anywhere := a.Public || a.Somewhere // it reaches nobody's resource, so none can be wrong; or whichever is right
	switch {
	case anywhere && !deny:
		for _, c := range pg.all {
			hits = append(hits, hit{c, rank + byNothing})
		}
	case deny && (!known && !anywhere || path == ""):
		hits = pg.blind(hits, rank, !known && !anywhere, path == "")
	}
	return hits
}

// on appends the rules about one resource: those that name it, and those that have a glob for it in one of the folders
// that it lies in.
func (pg *page) on(hits []hit, r action.Resource, rank int) []hit {
	for _, c := range pg.literal[r] {
		hits = append(hits, hit{c, rank + byLiteral})
	}
	if len(pg.globs) == 0 {
		return hits
	}
	for end, n := 0, 0; ; n++ {
		globs := pg.globs[action.Resource{Kind: r.Kind, Name: r.Name[:end]}]
		for i := range globs {
			if globs[i].match(r) {
				hits = append(hits, hit{globs[i].rule, rank + byGlob})
			}
		}
		slash := strings.IndexByte(r.Name[end:], '/')
		if n == pg.depth || slash < 0 {
			return hits
		}
		end += slash + 1
	}
}

// below appends the rules about repositories of an organisation, which what is done to the organisation may reach.
func (pg *page) below(hits []hit, owner string, rank int) []hit {
	for r, rules := range pg.literal {
		if r.Kind == "repo" && strings.HasPrefix(r.Name, owner) {
			for _, c := range rules {
				hits = append(hits, hit{c, rank + byNothing})
			}
		}
	}
	for folder, rules := range pg.globs {
		if folder.Kind == "repo" && (folder.Name == "" || folder.Name == owner) {
			for _, g := range rules {
				hits = append(hits, hit{g.rule, rank + byNothing})
			}
		}
	}
	return hits
}

// loose is a name as those servers have it that tell no case and drop what action.Bare leaves out.
func loose(name string) string { return strings.ToLower(action.Bare(name)) }

// onPath appends the rules about a path. To most servers a slash at the end changes nothing, and so it does to a refusal.
func (pg *page) onPath(hits []hit, path string, rank int, deny bool) []hit {
	if deny {
		path = loose(path)
		if open := strings.TrimSuffix(path, "/"); open != path && open != "" {
			hits = pg.on(hits, action.Resource{Kind: "path", Name: open}, rank)
		}
	}
	return pg.on(hits, action.Resource{Kind: "path", Name: path}, rank)
}

// blind appends the deny rules that would match if what is not known of a request were what they forbid: an action
// whose resource cannot be told could be about the very one that is denied.
func (pg *page) blind(hits []hit, rank int, noResource, noPath bool) []hit {
	for _, c := range pg.all {
		if noResource && c.onOther || noPath && c.onPath {
			hits = append(hits, hit{c, rank + byNothing})
		}
	}
	return hits
}
