package action

import (
	"errors"
	"fmt"
	"slices"

	"agentguard/policy/graphql"
)

// refineGraphQL reads a GraphQL request of GitHub's. Each root field is one action for each repository that it is about,
// whatever operationName, aliases and fragments call it.
//
// A root field repository(owner:, name:) is about that repository as long as nothing below it leads out of it, and so are
// node(id:) about the one that the id belongs to and search(query:) about the one that it looks in; introspection and the rate limit reach nothing of anybody's. Whatever
// else a document asks for makes it an action on "graphql:query" besides, which a rule for one repository does not match.
func refineGraphQL(r *Request, m *Match) error {
	m.GraphQL = true
	docs, err := readGraphQL(r, m)
	if err != nil {
		return err
	}
	roots, err := walkRoots(docs, func(w *walker, f *graphql.Field) (*root, error) {
		switch {
		case f.Name == "__typename" || f.Name == "__schema" || f.Name == "__type":
			return nil, w.below(f, 0, anywhere, &root{})
		case w.op.Kind == graphql.Mutation:
			return w.mutation(f)
		}
		return w.query(f)
	})
	if err != nil {
		return err
	}
	if m.rooted(r, roots, lookUpNodes, true); len(roots) == 0 {
		a := graphQLQuery
		a.Public, a.Resource = true, elsewhere
		m.Actions = []Action{a}
	}
	return nil
}

// query reads a root field of a query.
func (w *walker) query(f *graphql.Field) (*root, error) {
	q := &root{field: f.Name, key: f.Alias, in: w.document, asked: f, action: graphQLQuery, names: []string{graphQLQuery.Name}}
	at := anywhere
	switch f.Name {
	case "rateLimit":
		return nil, w.below(f, 0, anywhere, q)
	case "user", "organization", "viewer":
		if w.only(f, &public) { // to know a reviewer's id, or whose credential it is, as gh does for @me
			return nil, nil
		}
	case "search":
		q.like = "search" // which REST calls so
		args, err := w.arguments(f)
		if err != nil {
			return nil, err
		}
		if name, ok := searchedBy(args); ok {
			q.named, at = []Resource{{"repo", name}}, inside
		}
	case "repository":
		if name, ok := w.repository(f); ok {
			q.named, at = []Resource{{"repo", name}}, inside
		}
	case "node", "nodes":
		args, err := w.arguments(f)
		if err != nil {
			return nil, err
		}
		id := args["id"]
		if f.Name == "nodes" {
			id = args["ids"]
		}
		if q.ids, err = idsIn(nil, id); err != nil {
			return nil, err
		}
		q.onlyOn = "repo"
		if len(q.ids) > 0 {
			at = inside
		}
	}
	q.outside = at == anywhere
	return q, w.below(f, 0, at, q)
}

// githubSecrets are fields that hold what lets somebody in, or proves that a domain is theirs.
var githubSecrets = wordSet{text: `tempCloneToken recoveryCodes verificationToken`}

// githubSettings are fields that read what the REST API gives to administrators alone, under its names for that.
var githubSettings = map[string]string{"auditLog": "read_org_settings", "ipAllowListEntries": "read_org_settings", "deployKeys": "list_deploy_keys"}

// place says where a selection stands.
type place uint8

const (
	anywhere place = iota // nothing is claimed, or it is introspection
	payload               // on what a mutation gives back
	result                // on a thing that the mutation made or changed
	inside                // in the repository that the root field is about
	beside                // on an object next to it: who wrote this, what it was forked from
	board                 // on a project that has a thing of the repository on it
)

// below walks the fields under f, which stand at the given place, and notes on the root where they lead.
func (w *walker) below(f *graphql.Field, depth int, at place, of *root) error {
	return w.each(f.Set, depth, func(f *graphql.Field, depth int) error {
		if githubSecrets.has(f.Name) {
			return fmt.Errorf("%s is a credential, which must not be read", f.Name)
		}
		if name := githubSettings[f.Name]; name != "" && !slices.ContainsFunc(of.admin, func(a Action) bool { return a.Name == name }) {
			of.admin = append(of.admin, Action{Name: name, Operation: f.Name, Class: Admin})
		}
		next := at
		if at != anywhere {
			next = step(at, f)
			of.outside = of.outside || next == anywhere
			of.reads = of.reads || at == result && next == inside
		}
		return w.below(f, depth, next, of)
	})
}

// step says where field f of an object at a place leads.
func step(at place, f *graphql.Field) place {
	leaf := len(f.Set) == 0
	switch {
	case (f.Name == "repository" || f.Name == "project") && len(f.Arguments) > 0: // any that an owner has, not the one beside
		return anywhere
	case at == payload && (leaf || made.has(f.Name)), at == result && (leaf || connection.has(f.Name)):
		return result
	case (at == inside || at == result) && (leaf || within.has(f.Name)):
		return inside
	case at < beside && adjacent.has(f.Name), at == payload:
		return beside
	case at == beside && f.Name == "project" && !leaf, at == board && leaf && (names.has(f.Name) || f.Name == "title"):
		return board
	case at == beside && (leaf && names.has(f.Name) || connection.has(f.Name) || identity.has(f.Name)):
		return beside
	}
	return anywhere
}

// only says whether a selection holds nothing but some fields without any below them.
func (w *walker) only(f *graphql.Field, fields *wordSet) bool {
	err := w.each(f.Set, 0, func(f *graphql.Field, _ int) error {
		if !fields.has(f.Name) || len(f.Set) > 0 {
			return errors.New("another")
		}
		return nil
	})
	return err == nil && len(f.Set) > 0
}

// repository gives the canonical name of repository(owner:, name:).
func (w *walker) repository(f *graphql.Field) (string, bool) {
	args, err := w.arguments(f)
	if err != nil {
		return "", false
	}
	for name := range args {
		if name != "owner" && name != "name" && name != "followRenames" {
			return "", false
		}
	}
	owner, isText := args["owner"].(string)
	name, alsoText := args["name"].(string)
	if !isText || !alsoText {
		return "", false
	}
	return canonRepos(owner, name)
}

// canonRepos gives "owner/name" in its canonical form.
func canonRepos(owner, name string) (string, bool) {
	owner, err := canonRepo("owner", owner)
	if err != nil {
		return "", false
	}
	name, err = canonRepo("repo", name)
	return owner + "/" + name, err == nil
}
