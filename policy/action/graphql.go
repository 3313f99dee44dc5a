package action

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Bounds of a GraphQL request: the services' own limits are far below.
const (
	maxTokens = 50_000
	maxFields = 20_000 // visited, fragments counted each time they are spread
	maxRoots  = 100    // of all documents together: each is an action
	maxBatch  = 20     // documents in one request

	// maxActions bounds what a small body can ask to be decided: every root field does each of its names to each of its
	// resources, and fields may share a variable that holds them.
	maxActions = 2_000
)

// document is one operation of a GraphQL request with what it needs: the one that the server would execute.
type document struct {
	*ast.QueryDocument
	op        *ast.OperationDefinition
	variables map[string]any
}

// readGraphQL takes the envelope apart: one JSON object, or a list of them, which some servers take for a batch.
func readGraphQL(r *Request) ([]document, error) {
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
	if doc.QueryDocument, err = parseGraphQL(text); err != nil {
		return doc, err
	}
	doc.op, err = doc.chosen(envelope["operationName"])
	return doc, err
}

// parseGraphQL refuses beforehand what lexers have read differently: carriage returns that end a comment for some, and
// block strings with their own rules of escaping. A variable holds any text.
func parseGraphQL(text string) (*ast.QueryDocument, error) {
	switch {
	case strings.Contains(text, `"""`):
		return nil, errors.New("GraphQL block strings are not understood; send the text as a variable")
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
	for _, f := range doc.Fragments {
		if len(f.VariableDefinition) > 0 {
			return nil, errors.New("the GraphQL document holds a fragment with variables of its own")
		}
	}
	return doc, nil
}

// chosen is the operation that is executed (GraphQL, section 6.1): the only one, or the one that operationName gives. Where
// servers may choose differently (two of one name, an empty name among several) it is an error.
func (d *document) chosen(name any) (*ast.OperationDefinition, error) {
	want, isText := name.(string)
	if name != nil && !isText {
		return nil, errors.New("the GraphQL operationName is not a text")
	}
	if len(d.Operations) == 1 && want == "" {
		return d.Operations[0], nil
	}
	var found *ast.OperationDefinition
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
func walkRoots(docs []document, do func(*walker, *ast.Field) (*root, error)) ([]*root, error) {
	var roots []*root
	visited := 0
	for _, doc := range docs {
		if doc.op.Operation == ast.Subscription {
			return nil, errors.New("GraphQL subscriptions are not understood")
		}
		w := &walker{document: doc, fields: &visited}
		err := w.each(doc.op.SelectionSet, 0, func(f *ast.Field, _ int) error {
			if len(roots) == maxRoots {
				return fmt.Errorf("more than %d root fields", maxRoots)
			}
			root, err := do(w, f)
			if root != nil {
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
func (w *walker) each(set ast.SelectionSet, depth int, do func(*ast.Field, int) error) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep, or a fragment within itself", maxDepth)
	}
	for _, s := range set {
		if *w.fields++; *w.fields > maxFields {
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
	return found, nil
}

// arguments are those of a field as JSON values; what a variable leaves out is left out.
func (w *walker) arguments(f *ast.Field) (map[string]any, error) {
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
func (w *walker) value(v *ast.Value, depth int) (value any, given bool, err error) {
	if v == nil || depth > maxDepth {
		return nil, false, errors.New("a value is missing, or nested too deep")
	}
	switch v.Kind {
	case ast.Variable:
		return w.variable(v.Raw)
	case ast.StringValue, ast.EnumValue:
		return v.Raw, true, nil
	case ast.IntValue, ast.FloatValue:
		return Number(v.Raw), true, nil
	case ast.BooleanValue:
		return v.Raw == "true", true, nil
	case ast.NullValue:
		return nil, true, nil
	case ast.ListValue:
		list := make([]any, 0, len(v.Children))
		for _, c := range v.Children {
			item, _, err := w.value(c.Value, depth+1) // one that is left out is null
			if err != nil {
				return nil, false, err
			}
			list = append(list, item)
		}
		return list, true, nil
	case ast.ObjectValue:
		object := make(map[string]any, len(v.Children))
		names := make(map[string]bool, len(v.Children))
		for _, c := range v.Children {
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
	var def *ast.VariableDefinition
	for _, d := range w.op.VariableDefinitions {
		if d.Variable != name {
			continue
		}
		if def != nil {
			return nil, false, fmt.Errorf("the variable %s is defined twice", clip(name))
		}
		def = d
	}
	if def == nil {
		return nil, false, fmt.Errorf("the variable %s is not defined", clip(name))
	}
	if v, ok := w.variables[name]; ok {
		return v, true, nil
	}
	if def.DefaultValue == nil {
		return nil, false, nil
	}
	return w.value(def.DefaultValue, 0) // a constant: the parser sees to it
}
