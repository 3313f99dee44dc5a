package policy

import (
	"cmp"
	"strings"

	"agentguard/policy/action"
)

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

func newPage(folds bool) *page {
	return &page{literal: map[action.Resource][]*compiled{}, globs: map[action.Resource][]globRule{}, folds: folds}
}

// enter writes a rule on the page.
func (pg *page) enter(c *compiled) {
	pg.all = append(pg.all, c)
	if len(c.globs) == 0 {
		pg.anywhere = append(pg.anywhere, c)
	}
	for _, g := range c.globs {
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

func (pg *page) find(hits []hit, a *action.Action, path string, rank int, deny bool) []hit {
	for _, c := range pg.anywhere {
		hits = append(hits, hit{c, rank + byNothing})
	}
	if len(pg.anywhere) == len(pg.all) {
		return hits
	}
	if a.Resource.Known() && a.Resource.Kind != "path" {
		r := a.Resource
		if pg.folds {
			r.Name = strings.Trim(loose(r.Name), "/")
			hits = pg.otherwise(hits, r, rank)
		}
		hits = pg.on(hits, r, rank)
		if deny {
			hits = pg.byOtherNames(hits, r, rank)
		}
	}
	if below := holds[a.Resource.Kind]; deny && below != "" && strings.IndexByte(a.Resource.Name, '/') < 0 && reachesBelow(a, rank/perName) {
		hits = pg.below(hits, below, a.Resource.Name+"/", rank)
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
	case deny:
		hits = pg.blind(hits, rank, a, path == "")
	}
	return hits
}

// holds says of what has things by names that begin with its own of what kind those are: repositories, objects.
var holds = map[string]string{"org": "repo", "bucket": "bucket"}

// reachesBelow says whether what is done to an organisation may be what a rule about a repository of its names: a change that
// it names as such, or a read that goes through its repositories. So it is with a bucket and its objects.
func reachesBelow(a *action.Action, name int) bool {
	return a.Gathers() || a.Class != action.Read && (name < byGroup || name >= byArgument)
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

// byOtherNames appends the rules that may mean the resource by another name. What a service of one's own calls "me" is a name.
func (pg *page) byOtherNames(hits []hit, r action.Resource, rank int) []hit {
	for _, other := range r.OtherNames() {
		if !pg.folds || !other.Relative() {
			hits = pg.on(hits, other, rank)
		}
	}
	if !r.Relative() || pg.folds {
		return hits
	}
	for named, rules := range pg.literal {
		if named.Kind == r.Kind {
			hits = asNothing(hits, rules, rank)
		}
	}
	for folder, globs := range pg.globs {
		if folder.Kind == r.Kind {
			for _, g := range globs {
				hits = append(hits, hit{g.rule, rank + byNothing})
			}
		}
	}
	return hits
}

func asNothing(hits []hit, rules []*compiled, rank int) []hit {
	for _, c := range rules {
		hits = append(hits, hit{c, rank + byNothing})
	}
	return hits
}

// below appends the rules about repositories of an organisation, or objects of a bucket, which what is done to that may reach.
func (pg *page) below(hits []hit, kind, owner string, rank int) []hit {
	for r, rules := range pg.literal {
		if r.Kind == kind && strings.HasPrefix(r.Name, owner) {
			hits = asNothing(hits, rules, rank)
		}
	}
	for folder, rules := range pg.globs {
		for i := range rules {
			if g := &rules[i]; folder.Kind == kind && (folder.Name == "" && matchSegment(g.segments[0], owner[:len(owner)-1]) || strings.HasPrefix(folder.Name, owner)) {
				hits = append(hits, hit{g.rule, rank + byNothing})
			}
		}
	}
	return hits
}

// onPath appends the rules about a path; to refuse, in every spelling that some server takes for another.
func (pg *page) onPath(hits []hit, path string, rank int, deny bool) []hit {
	if !deny {
		return pg.on(hits, action.Resource{Kind: "path", Name: path}, rank)
	}
	path = loose(path)
	plain := action.Resource{Kind: "path", Name: plainPath(path)}
	if plain.Name != path && plain.Name != "" {
		hits = pg.on(hits, plain, rank)
	}
	if pg.folds {
		hits = pg.otherwise(hits, plain, rank)
	}
	return pg.on(hits, action.Resource{Kind: "path", Name: path}, rank)
}

// plainPath is a path in small letters as those servers have it to which an escaped slash is one (GitHub, in the names of files and
// refs), a repository is the same with .git behind its name, and a slash at the end changes nothing.
func plainPath(path string) string {
	path = strings.ReplaceAll(path, "%2f", "/")
	path = strings.ReplaceAll(path+"/", ".git/", "/")
	return strings.TrimRight(path, "/")
}

// otherwise appends the rules about what a resource is to servers that read its name as an address once more, take a format off its
// end, or read but the number that it begins with (Rails' find, MySQL's comparisons).
func (pg *page) otherwise(hits []hit, r action.Resource, rank int) []hit {
	again := loose(action.Reread(r.Name))
	for _, name := range [...]string{again, action.Unformatted(again), number(again)} {
		if name != r.Name {
			hits = pg.on(hits, action.Resource{Kind: r.Kind, Name: name}, rank)
		}
	}
	return hits
}

// number is the whole number that a name is, or begins with before a hyphen or a letter, without zeros ahead; else the name.
func number(name string) string {
	n := len(name) - len(strings.TrimLeft(name, "0123456789"))
	if n == 0 || n < len(name) && name[n] != '-' && name[n] != '_' && (name[n] < 'a' || name[n] > 'z') {
		return name
	}
	return strings.TrimLeft(name[:n-1], "0") + name[n-1:n]
}

// loose is a name as those servers have it that tell no case besides.
func loose(name string) string { return strings.ToLower(action.Loose(name)) }

// blind appends the deny rules that would match if what is not known of a request were what they forbid: an action
// whose resource cannot be told could be about the very one that is denied.
func (pg *page) blind(hits []hit, rank int, a *action.Action, noPath bool) []hit {
	strays := !a.Public && !a.Somewhere && a.Strays()
	if !strays && !noPath {
		return hits
	}
	for _, c := range pg.all {
		if strays && c.reachedBy(a) || noPath && c.onPath {
			hits = append(hits, hit{c, rank + byNothing})
		}
	}
	return hits
}
