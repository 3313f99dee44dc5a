package action

import (
	"errors"
	"fmt"

	"agentguard/policy/graphql"
)

// arguments are those of a field as JSON values; what a variable leaves out is left out.
func (w *walker) arguments(f *graphql.Field) (map[string]any, error) {
	out := make(map[string]any, len(f.Arguments))
	seen := make(map[string]bool, len(f.Arguments))
	for _, arg := range f.Arguments {
		if seen[arg.Name] {
			return nil, fmt.Errorf("%s has the argument %s twice", clip(f.Name), clip(arg.Name))
		}
		seen[arg.Name] = true
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
	if w.values++; w.values > maxValues {
		return nil, false, errValues
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
		value, err = w.list(v.Items, depth+1)
		return value, err == nil, err
	case graphql.Object:
		value, err = w.object(v.Fields, depth+1)
		return value, err == nil, err
	}
	return nil, false, errors.New("a value of an unknown kind")
}

func (w *walker) list(items []*graphql.Value, depth int) ([]any, error) {
	list := make([]any, 0, len(items))
	for _, item := range items {
		v, _, err := w.value(item, depth) // one that is left out is null
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (w *walker) object(fields []graphql.Argument, depth int) (map[string]any, error) {
	object := make(map[string]any, len(fields))
	names := make(map[string]bool, len(fields))
	for _, f := range fields {
		if names[f.Name] {
			return nil, fmt.Errorf("the field %s stands there twice", clip(f.Name))
		}
		names[f.Name] = true
		v, given, err := w.value(f.Value, depth)
		if err != nil {
			return nil, err
		}
		if given {
			object[f.Name] = v
		}
	}
	return object, nil
}

// errValues is for arguments that, all variables put in, are longer than their text by far.
var errValues = fmt.Errorf("more than %d values", maxValues)

func (w *walker) variable(name string) (value any, given bool, err error) {
	standard, declared := w.declared[name]
	if !declared {
		return nil, false, fmt.Errorf("the variable %s is not defined", clip(name))
	}
	if v, ok := w.variables[name]; ok {
		if w.values += count(v, maxValues-w.values); w.values > maxValues {
			return nil, false, errValues
		}
		return v, true, nil
	}
	if standard == nil {
		return nil, false, nil
	}
	return w.value(standard, 0) // a constant: the parser sees to it
}

// count is how many values one of JSON holds, itself among them, or some number above most.
func count(v any, most int) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if n > most {
				break
			}
			n += count(item, most-n)
		}
	case map[string]any:
		for _, item := range v {
			if n > most {
				break
			}
			n += count(item, most-n)
		}
	}
	return n
}
