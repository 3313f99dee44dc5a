package action

import (
	"errors"
	"fmt"

	"agentguard/policy/graphql"
)

// Bounds of a GraphQL request: the services' own limits are far below.
const (
	maxFields = 20_000 // visited, fragments counted each time they are spread
	maxRoots  = 100    // of all documents together: each is an action
	maxBatch  = 20     // documents in one request

	// maxActions bounds what a small body can ask to be decided: every root field does each of its names to each of its
	// resources, and fields may share a variable that holds them.
	maxActions = 2_000
)

// document is one operation of a GraphQL request with what it needs: the one that the server would execute.
type document struct {
	*graphql.Document
	op        *graphql.Operation
	variables map[string]any
}

// readGraphQL takes the envelope apart: one JSON object, or a list of them, which some servers take for a batch
// and answer with a list.
func readGraphQL(r *Request, m *Match) ([]document, error) {
	body, err := jsonBody(r, "query", "variables", "operationName", "extensions")
	if err != nil {
		return nil, err
	}
	batch, isBatch := body.([]any)
	switch {
	case !isBatch:
		batch = []any{body}
	case len(batch) == 0 || len(batch) > maxBatch:
		return nil, fmt.Errorf("a batch of %d GraphQL requests; send 1 to %d", len(batch), maxBatch)
	default:
		m.Batch = len(batch)
	}
	var docs []document
	for _, one := range batch {
		doc, err := readDocument(one)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// readDocument reads one request of the GraphQL over HTTP specification. Without a document in it, what is executed stands
// with the server, where nobody can read it.
func readDocument(v any) (doc document, err error) {
	envelope, ok := v.(map[string]any)
	if !ok {
		return doc, errors.New("the GraphQL request is not a JSON object")
	}
	for key, v := range envelope {
		switch key {
		case "query", "variables", "operationName":
		case "extensions":
			if v != nil {
				return doc, errors.New("GraphQL extensions (persisted queries) are not understood; send the document itself")
			}
		default:
			return doc, fmt.Errorf("the GraphQL request holds %q, which is not understood", clip(key))
		}
	}
	text, _ := envelope["query"].(string)
	if text == "" {
		return doc, errors.New("the GraphQL request holds no document")
	}
	doc.variables, ok = envelope["variables"].(map[string]any)
	if v := envelope["variables"]; v != nil && !ok {
		return doc, errors.New("the GraphQL variables are not an object")
	}
	if doc.Document, err = graphql.Parse(text); err != nil {
		return doc, fmt.Errorf("the GraphQL document does not parse: %s", clip(err.Error()))
	}
	doc.op, err = doc.chosen(envelope["operationName"])
	return doc, err
}

// chosen is the operation that is executed (GraphQL, section 6.1): the only one, or the one that operationName gives. Where
// servers may choose differently (two of one name, an empty name among several) it is an error.
func (d *document) chosen(name any) (*graphql.Operation, error) {
	want, isText := name.(string)
	if name != nil && !isText {
		return nil, errors.New("the GraphQL operationName is not a text")
	}
	if len(d.Operations) == 1 && want == "" {
		return d.Operations[0], nil
	}
	var found *graphql.Operation
	for _, op := range d.Operations {
		switch {
		case op.Name == "" && len(d.Operations) > 1:
			return nil, errors.New("the GraphQL document holds an operation without a name beside others")
		case op.Name != want:
		case found != nil:
			return nil, fmt.Errorf("the GraphQL document holds two operations %s", clip(want))
		default:
			found = op
		}
	}
	switch {
	case want == "":
		return nil, errors.New("the GraphQL document holds several operations, and operationName names none of them")
	case found == nil:
		return nil, fmt.Errorf("the GraphQL document holds no operation %s", clip(want))
	}
	return found, nil
}

// walker visits what one operation asks for. Fields under @include and @skip count as present.
type walker struct {
	document
	fields *int // visited so far, in all documents of the request
}

// walkRoots calls do for every root field of every document, and returns the roots that it adds.
func walkRoots(docs []document, do func(*walker, *graphql.Field) (*root, error)) ([]*root, error) {
	var roots []*root
	visited := 0
	for i, doc := range docs {
		if doc.op.Kind == graphql.Subscription {
			return nil, errors.New("GraphQL subscriptions are not understood")
		}
		w := &walker{document: doc, fields: &visited}
		err := w.each(doc.op.Set, 0, func(f *graphql.Field, _ int) error {
			if len(roots) == maxRoots {
				return fmt.Errorf("more than %d root fields", maxRoots)
			}
			root, err := do(w, f)
			if root != nil {
				root.nth = i
				roots = append(roots, root)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("GraphQL: %w", err)
		}
	}
	return roots, nil
}

// each calls do for every field of a selection, fragments resolved.
func (w *walker) each(set []graphql.Selection, depth int, do func(*graphql.Field, int) error) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep, or a fragment within itself", maxDepth)
	}
	for _, s := range set {
		if *w.fields++; *w.fields > maxFields {
			return fmt.Errorf("more than %d fields", maxFields)
		}
		var err error
		set := s.Set
		switch {
		case s.Field != nil:
			err = do(s.Field, depth+1)
		case s.Spread != "":
			if set, err = w.fragment(s.Spread); err != nil {
				break
			}
			fallthrough
		default:
			err = w.each(set, depth+1, do)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fragment gives the selections of the fragment of that name.
func (w *walker) fragment(name string) ([]graphql.Selection, error) {
	var found *graphql.Fragment
	for _, def := range w.Fragments {
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
	return found.Set, nil
}

// arguments are those of a field as JSON values; what a variable leaves out is left out.
func (w *walker) arguments(f *graphql.Field) (map[string]any, error) {
	out := make(map[string]any, len(f.Arguments))
	for i, arg := range f.Arguments {
		for _, before := range f.Arguments[:i] {
			if before.Name == arg.Name {
				return nil, fmt.Errorf("%s has the argument %s twice", clip(f.Name), clip(arg.Name))
			}
		}
		v, given, err := w.value(arg.Value, 0)
		if err != nil {
			return nil, fmt.Errorf("%s(%s:): %w", clip(f.Name), clip(arg.Name), err)
		}
		if given {
			out[arg.Name] = v
		}
	}
	return out, nil
}

// value is what a value stands for in the operation at hand: its own, the variable's, or the variable's default (GraphQL,
// section 6.4.1). given is false for a variable without either: what it stands for is then not there.
func (w *walker) value(v *graphql.Value, depth int) (value any, given bool, err error) {
	if v == nil || depth > maxDepth {
		return nil, false, errors.New("a value is missing, or nested too deep")
	}
	switch v.Kind {
	case graphql.VariableName:
		return w.variable(v.Text)
	case graphql.String, graphql.Enum:
		return v.Text, true, nil
	case graphql.Number:
		return Number(v.Text), true, nil
	case graphql.Boolean:
		return v.Text == "true", true, nil
	case graphql.Null:
		return nil, true, nil
	case graphql.List:
		list := make([]any, 0, len(v.Items))
		for _, item := range v.Items {
			item, _, err := w.value(item, depth+1) // one that is left out is null
			if err != nil {
				return nil, false, err
			}
			list = append(list, item)
		}
		return list, true, nil
	case graphql.Object:
		object := make(map[string]any, len(v.Fields))
		names := make(map[string]bool, len(v.Fields))
		for _, c := range v.Fields {
			if names[c.Name] {
				return nil, false, fmt.Errorf("the field %s stands there twice", clip(c.Name))
			}
			names[c.Name] = true
			item, given, err := w.value(c.Value, depth+1)
			if err != nil {
				return nil, false, err
			}
			if given {
				object[c.Name] = item
			}
		}
		return object, true, nil
	}
	return nil, false, errors.New("a value of an unknown kind")
}

func (w *walker) variable(name string) (value any, given bool, err error) {
	var def *graphql.Variable
	for i, d := range w.op.Variables {
		if d.Name != name {
			continue
		}
		if def != nil {
			return nil, false, fmt.Errorf("the variable %s is defined twice", clip(name))
		}
		def = &w.op.Variables[i]
	}
	if def == nil {
		return nil, false, fmt.Errorf("the variable %s is not defined", clip(name))
	}
	if v, ok := w.variables[name]; ok {
		return v, true, nil
	}
	if def.Default == nil {
		return nil, false, nil
	}
	return w.value(def.Default, 0) // a constant: the parser sees to it
}
