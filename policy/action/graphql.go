package action

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Bounds of a GraphQL document: GitHub's own limits are far below.
const (
	maxTokens = 50_000
	maxRepos  = 100
	maxFields = 20_000 // visited, fragments counted each time they are spread
)

// refineGraphQL reads a GraphQL request: JSON with one document, of queries alone. The actions are counted on all its
// operations, whichever operationName picks, and fields under @include and @skip count as present.
//
// A root field repository(owner:, name:) is one action on that repository as long as nothing below it leads out of it;
// introspection and the rate limit reach nothing of anybody's. Whatever else a document asks for makes it an action on
// "graphql:query" besides, which a rule for one repository does not match.
func refineGraphQL(r *Request, m *Match) error {
	doc, variables, err := readGraphQL(r)
	if err != nil {
		return err
	}
	w := walker{doc: doc, variables: variables, repos: map[string]bool{}}
	for _, op := range doc.Operations {
		if op.Operation != ast.Query {
			return fmt.Errorf("GraphQL %ss are not understood yet", op.Operation)
		}
		w.op = op
		if err := w.root(op.SelectionSet, 0); err != nil {
			return fmt.Errorf("GraphQL: %w", err)
		}
	}
	m.Actions = w.actions()
	return nil
}

// readGraphQL takes the envelope apart.
func readGraphQL(r *Request) (*ast.QueryDocument, map[string]any, error) {
	body, err := jsonBody(r, "query", "variables", "operationName", "extensions")
	if err != nil {
		return nil, nil, err
	}
	envelope, ok := body.(map[string]any)
	if !ok {
		return nil, nil, errors.New("the GraphQL request is not one JSON object; batches are not understood")
	}
	for key, v := range envelope {
		switch key {
		case "query", "variables", "operationName":
		case "extensions":
			if v != nil {
				return nil, nil, errors.New("GraphQL extensions (persisted queries) are not understood")
			}
		default:
			return nil, nil, fmt.Errorf("the GraphQL request holds %q, which is not understood", clip(key))
		}
	}
	text, _ := envelope["query"].(string)
	if text == "" {
		return nil, nil, errors.New("the GraphQL request holds no document")
	}
	variables, isMap := envelope["variables"].(map[string]any)
	if v := envelope["variables"]; v != nil && !isMap {
		return nil, nil, errors.New("the GraphQL variables are not an object")
	}
	doc, err := parseGraphQL(text)
	return doc, variables, err
}

// parseGraphQL refuses beforehand what lexers have read differently: carriage returns that end a comment for some, and
// block strings with their own rules of escaping. No client needs either to ask a question.
func parseGraphQL(text string) (*ast.QueryDocument, error) {
	switch {
	case strings.Contains(text, `"""`):
		return nil, errors.New("GraphQL block strings are not understood")
	case strings.Contains(strings.ReplaceAll(text, "\r\n", "\n"), "\r"):
		return nil, errors.New("the GraphQL document holds a carriage return that ends no line")
	}
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f || c == 0xfeff || c == 0x2028 || c == 0x2029 {
			return nil, errors.New("the GraphQL document holds a control character")
		}
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the GraphQL document does not parse: %s", clip(err.Error()))
	case len(doc.Operations) == 0:
		return nil, errors.New("the GraphQL document holds no operation")
	}
	return doc, nil
}

// walker collects what the queries of a document reach.
type walker struct {
	doc       *ast.QueryDocument
	variables map[string]any
	op        *ast.OperationDefinition

	repos   map[string]bool
	order   []string
	outside bool // something beyond the named repositories
	fields  int
}

// actions are one for each repository, one for what lies outside, or the public one.
func (w *walker) actions() []Action {
	a := Action{Name: "graphql_query", Operation: "graphql", Class: Read}
	var list []Action
	for _, name := range w.order {
		a.Resource = Resource{"repo", name}
		list = append(list, a)
	}
	if w.outside {
		a.Resource = Resource{"graphql", "query"}
		list = append(list, a)
	}
	if list == nil {
		a.Public = true
		a.Resource = Resource{"graphql", "query"}
		list = append(list, a)
	}
	return list
}

// root walks the root fields of a query.
func (w *walker) root(set ast.SelectionSet, depth int) error {
	return w.each(set, depth, func(f *ast.Field, depth int) error {
		switch f.Name {
		case "__typename", "__schema", "__type", "rateLimit":
			return w.below(f, depth, anywhere)
		case "repository":
			name, ok := w.repository(f)
			if !ok {
				w.outside = true
			} else if !w.repos[name] {
				if len(w.repos) == maxRepos {
					return fmt.Errorf("more than %d repositories", maxRepos)
				}
				w.repos[name] = true
				w.order = append(w.order, name)
			}
			return w.below(f, depth, inside)
		}
		w.outside = true
		return w.below(f, depth, anywhere)
	})
}

// place says where a selection stands.
type place uint8

const (
	anywhere place = iota // nothing is claimed, or it is introspection
	inside                // in the repository that the root field names
	beside                // on an object next to it: who wrote this, what it was forked from
)

// below walks the fields under f, which stand at the given place.
func (w *walker) below(f *ast.Field, depth int, at place) error {
	return w.each(f.SelectionSet, depth, func(f *ast.Field, depth int) error {
		if f.Name == "tempCloneToken" {
			return errors.New("tempCloneToken is a credential, which must not be read")
		}
		next := at
		if at != anywhere {
			next = step(at, f)
			w.outside = w.outside || next == anywhere
		}
		return w.below(f, depth, next)
	})
}

// step says where field f of an object at a place leads.
func step(at place, f *ast.Field) place {
	leaf := len(f.SelectionSet) == 0
	switch {
	case at == inside && (leaf || within[f.Name]):
		return inside
	case at == inside && adjacent[f.Name]:
		return beside
	case at == beside && (leaf && names[f.Name] || connection[f.Name] || identity[f.Name]):
		return beside
	}
	return anywhere
}

// each calls do for every field of a selection, fragments resolved.
func (w *walker) each(set ast.SelectionSet, depth int, do func(*ast.Field, int) error) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep, or a fragment within itself", maxDepth)
	}
	for _, s := range set {
		if w.fields++; w.fields > maxFields {
			return fmt.Errorf("more than %d fields", maxFields)
		}
		var err error
		switch s := s.(type) {
		case *ast.Field:
			err = do(s, depth+1)
		case *ast.InlineFragment:
			err = w.each(s.SelectionSet, depth+1, do)
		case *ast.FragmentSpread:
			var def *ast.FragmentDefinition
			if def, err = w.fragment(s.Name); err == nil {
				err = w.each(def.SelectionSet, depth+1, do)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) fragment(name string) (*ast.FragmentDefinition, error) {
	var found *ast.FragmentDefinition
	for _, def := range w.doc.Fragments {
		if def.Name != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("the fragment %s is defined twice", clip(name))
		}
		found = def
	}
	if found == nil {
		return nil, fmt.Errorf("the fragment %s is not defined", clip(name))
	}
	return found, nil
}

// repository gives the canonical name of repository(owner:, name:), whose arguments are literals or variables.
func (w *walker) repository(f *ast.Field) (string, bool) {
	var owner, repo string
	for _, arg := range f.Arguments {
		var at *string
		switch arg.Name {
		case "owner":
			at = &owner
		case "name":
			at = &repo
		case "followRenames":
			continue
		default:
			return "", false
		}
		text, ok := w.text(arg.Value)
		if !ok || *at != "" {
			return "", false
		}
		canonical, err := canonRepo(map[string]string{"owner": "owner", "name": "repo"}[arg.Name], text)
		if err != nil {
			return "", false
		}
		*at = canonical
	}
	return owner + "/" + repo, owner != "" && repo != ""
}

// text is the string that a value is for the operation at hand: its own, the variable's, or the variable's default.
func (w *walker) text(v *ast.Value) (string, bool) {
	if v == nil {
		return "", false
	}
	if v.Kind == ast.StringValue {
		return v.Raw, true
	}
	if v.Kind != ast.Variable {
		return "", false
	}
	var def *ast.VariableDefinition
	for _, d := range w.op.VariableDefinitions {
		if d.Variable != v.Raw {
			continue
		}
		if def != nil {
			return "", false
		}
		def = d
	}
	if def == nil {
		return "", false
	}
	if given, ok := w.variables[v.Raw]; ok {
		s, isText := given.(string)
		return s, isText
	}
	if d := def.DefaultValue; d != nil && d.Kind == ast.StringValue {
		return d.Raw, true
	}
	return "", false
}
