package action

import (
	"fmt"
	"slices"
	"strings"

	"agentguard/policy/graphql"
)

// root is one root field of a GraphQL operation: what is executed, and counts once, whatever it is about.
type root struct {
	field  string         // the service's own name: "createPullRequest"
	key    string         // what its result is called in the answer: the alias, else the field
	in     document       // where it stands
	nth    int            // which of the request's documents that is, from 0
	asked  *graphql.Field // with what is asked of its result
	action Action         // without name and resource
	args   map[string]any // the arguments, for conditions on them
	names  []string       // what it does; where that hangs on facts, see renamed
	refs   []string       // for each name the git ref that it is about; nil: what an id tells
	each   bool           // its names count one by one
	times  int            // it does the first of them, and admin, so many times at once; 0: once

	like    string          // see Action.Like
	ids     []string        // of what it is about
	facts   map[string]Fact // of the ids, as far as they are known; nil: nobody has looked them up
	renamed func(*root) []string
	named   []Resource // what it is about by name
	unnamed bool       // it is about something besides that no id tells

	admin   []Action // what it does besides to these, with more power
	reads   bool     // its result reads more of these than the thing itself
	outside bool     // its result leads to others
	onlyOn  string   // the one kind of resource that ids may lead to; anything else is outside. "": any
}

// graphQLQuery is the action of reading, by GraphQL, of what has a resource of its own or of anything else.
var graphQLQuery = Action{Name: "graphql_query", Operation: "graphql", Class: Read}

// elsewhere is what a query reads that does not stay with one resource.
var elsewhere = Resource{"graphql", "query"}

// open says whether there are ids that nobody has looked up.
func (f *root) open() bool { return f.facts == nil && len(f.ids) > 0 }

// actions are what the field does to each of its resources; what is not known of those has none.
func (f *root) actions() []Action {
	names := f.names
	if f.renamed != nil {
		names = f.renamed(f)
	}
	var list []Action
	add := func(a Action, res Resource, counts bool) {
		a.Resource, a.Also, a.root = res, len(list) > 0 && !counts, f
		list = append(list, a)
	}
	resources := f.resources()
	like := joined(f.like, f.asides())
	for n, name := range names {
		a := f.action
		a.Like, a.Name, a.Ref = like, name, f.ref()
		if f.refs != nil {
			a.Ref = f.refs[n]
		}
		for i, res := range resources {
			add(a, res, f.each && i == 0)
		}
	}
	for _, a := range f.admin {
		for _, res := range resources {
			add(a, res, false)
		}
		if len(resources) == 0 {
			add(a, Resource{}, false)
		}
	}
	for range f.times - 1 {
		add(list[0], resources[0], true)
		for _, a := range f.admin {
			add(a, resources[0], false)
		}
	}
	if f.reads {
		for _, res := range resources {
			add(graphQLQuery, res, false)
		}
	}
	if f.outside {
		a := graphQLQuery
		a.Like = f.like
		add(a, elsewhere, false)
	}
	return list
}

// resources are those of the field, each once. The last is the zero one where something is not known; there is none at all for
// a query alone, of which nothing is left where all that it reads is elsewhere.
func (f *root) resources() []Resource {
	list := slices.Clone(f.named)
	unknown := f.unnamed
	for _, id := range f.ids {
		fact, ok := f.facts[id]
		switch {
		case !ok:
			unknown = true
		case f.onlyOn != "" && fact.Resource.Kind != f.onlyOn:
			f.outside = true
		case fact.Resource == Resource{}:
			unknown = true
		case !slices.Contains(list, fact.Resource):
			list = append(list, fact.Resource)
		}
	}
	if unknown || len(list) == 0 && !(f.outside && f.action.Operation == graphQLQuery.Operation) {
		list = append(list, Resource{})
	}
	return list
}

// most is how many actions the field can be, at the most.
func (f *root) most() int {
	names := f.names
	if f.renamed != nil {
		names = f.renamed(f)
	}
	return (len(names)+len(f.admin)+1)*(len(f.ids)+len(f.named)+1) + 1 + f.times*(1+len(f.admin))
}

// lookUp asks a service for facts about ids. Those that it cannot tell are not in the answer.
type lookUp func(r *Request, ids []string, about []Action) (map[string]Fact, error)

// rooted makes root fields the actions of the match. What their ids are about is left in doubt: every id that is not known
// costs a question to the service. Only where the name of an action hangs on one it is asked at once; nobody is then where
// no rule could allow any of the names (see Question.About). lasting says whether an id belongs to the same for a run.
func (m *Match) rooted(r *Request, roots []*root, ask lookUp, lasting bool) {
	most := 0
	for _, f := range roots {
		most += f.most()
	}
	if most > maxActions {
		m.deny(fmt.Sprintf("the request can do up to %d things at once, more than %d; send fewer", most, maxActions))
		return
	}
	g := &inDoubt{m.Service.Name, roots, ask, lasting}
	m.Actions = g.actions()
	for _, f := range roots {
		if f.renamed != nil && f.open() {
			m.Actions, m.Reason, _ = g.settle(r)
			return
		}
	}
	least := make([]Action, 0, len(m.Actions))
	open, refs := false, false
	for _, a := range m.Actions {
		if a.root.open() && a.Resource == (Resource{}) {
			a.Somewhere, open = true, true
			refs = refs || a.root.byRef()
		}
		least = append(least, a)
	}
	if open {
		m.Doubt = &Doubt{Least: least, Refs: refs, settle: g.settle}
	}
}

// inDoubt are the root fields of a request, some with ids that nobody has looked up.
type inDoubt struct {
	service string
	roots   []*root
	ask     lookUp
	lasting bool
}

func (g *inDoubt) actions() []Action {
	var list []Action
	for _, f := range g.roots {
		list = append(list, f.actions()...)
	}
	return list
}

// settle looks up the ids that the actions hang on: what the request's Known holds, and what the service says when asked.
// What cannot be told stays without a resource, with the reason.
func (g *inDoubt) settle(r *Request) (actions []Action, reason string, err error) {
	var ids []string
	for _, f := range g.roots {
		for _, id := range f.ids {
			if f.open() && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	about := g.actions()
	facts, err := r.Known.facts(g.service, ids, g.lasting, func(ids []string) (map[string]Fact, error) { return g.ask(r, ids, about) })
	if facts == nil {
		facts = map[string]Fact{}
	}
	for _, id := range ids {
		if _, ok := facts[id]; !ok && reason == "" {
			reason = "what the id " + clip(id) + " belongs to could not be looked up"
			if err != nil {
				reason += ": " + err.Error()
			}
		}
	}
	for _, f := range g.roots {
		if f.open() {
			f.facts = facts
		}
	}
	return g.actions(), reason, nil
}

// Field is what the action's result is called in the answer to a GraphQL document, "" for all else.
func (a *Action) Field() string {
	if a.root == nil {
		return ""
	}
	return a.root.key
}

// Document is which one of a batch of GraphQL documents the action is in, from 0.
func (a *Action) Document() int {
	if a.root == nil {
		return 0
	}
	return a.root.nth
}

// isID holds an id to the characters of those that services give out.
func isID(s string) bool {
	return s != "" && len(s) <= 256 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=+/:") == ""
}

// idsIn adds the ids that a value holds, one or a list of them.
func idsIn(list []string, v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return list, nil
	case []any:
		var err error
		for _, item := range v {
			if list, err = idsIn(list, item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case string:
		if !isID(v) {
			return nil, fmt.Errorf("%q is no id", clip(v))
		}
		if len(list) == maxIDs {
			return nil, fmt.Errorf("more than %d ids", maxIDs)
		}
		if slices.Contains(list, v) {
			return list, nil
		}
		return append(list, v), nil
	}
	return nil, fmt.Errorf("an id is not a text")
}
