package action

import (
	"errors"
	"fmt"

	"agentguard/policy/graphql"
)

// Bounds of a GraphQL request: the services' own limits are far below.
const (
	maxFields = 20_000  // visited, fragments counted each time they are spread
	maxValues = 100_000 // in arguments, what a variable holds counted each time it is used
	maxRoots  = 100     // of all documents together: each is an action
	maxBatch  = 20      // documents in one request

	// maxActions bounds what a small body can ask to be decided: every root field does each of its names to each of its
	// resources, and fields may share a variable that holds them.
	maxActions = 2_000
)

// document is one operation of a GraphQL request with what it needs: the one that the server would execute.
type document struct {
	*graphql.Document
	op        *graphql.Operation
	fragments map[string][]graphql.Selection
	declared  map[string]*graphql.Value // the variables of op, and what they are where they are not given; nil: nothing
	variables map[string]any            // that are given
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
			if !onlyNamesClient(v) {
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
	if doc.op, err = doc.chosen(envelope["operationName"]); err != nil {
		return doc, err
	}
	return doc, doc.index()
}

// onlyNamesClient says whether extensions ask for nothing: there are none, or Apollo Client says by them what it is, as it does in each
// request since its version 4 (Apollo's documentation, "Enhanced client awareness").
func onlyNamesClient(extensions any) bool {
	members, ok := extensions.(map[string]any)
	for name := range members {
		ok = ok && name == "clientLibrary"
	}
	return ok || extensions == nil
}

// index finds fragments and variables by name. Of two of one name servers could take either.
func (d *document) index() error {
	for _, f := range d.Fragments {
		if _, twice := d.fragments[f.Name]; twice {
			return fmt.Errorf("GraphQL: the fragment %s is defined twice", clip(f.Name))
		}
		if d.fragments == nil {
			d.fragments = make(map[string][]graphql.Selection, len(d.Fragments))
		}
		d.fragments[f.Name] = f.Set
	}
	for _, v := range d.op.Variables {
		if _, twice := d.declared[v.Name]; twice {
			return fmt.Errorf("GraphQL: the variable %s is defined twice", clip(v.Name))
		}
		if d.declared == nil {
			d.declared = make(map[string]*graphql.Value, len(d.op.Variables))
		}
		d.declared[v.Name] = v.Default
	}
	return nil
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
	*visits
}

// visits counts what was visited in all documents of a request.
type visits struct{ fields, values int }

// walkRoots calls do for every root field of every document, and returns the roots that it adds.
func walkRoots(docs []document, do func(*walker, *graphql.Field) (*root, error)) ([]*root, error) {
	var roots []*root
	var visited visits
	for i, doc := range docs {
		if doc.op.Kind == graphql.Subscription {
			return nil, errors.New("GraphQL subscriptions are not understood")
		}
		w := &walker{doc, &visited}
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
		if w.fields++; w.fields > maxFields {
			return fmt.Errorf("more than %d fields", maxFields)
		}
		var err error
		set := s.Set
		switch {
		case s.Field != nil:
			err = do(s.Field, depth+1)
		case s.Spread != "":
			var there bool
			if set, there = w.fragments[s.Spread]; !there {
				return fmt.Errorf("the fragment %s is not defined", clip(s.Spread))
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
