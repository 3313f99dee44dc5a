package action

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// FormValue is an argument as a form or a query holds it: text without a type.
type FormValue string

// Operations are all that requests to the service may become, the more dangerous readings of a body included.
func (s *Service) Operations() []Route {
	var out []Route
	for r := range s.routes {
		if r.Class != Unknown {
			out = append(out, *r)
		}
	}
	return out
}

// Arguments gives those of the named arguments that an action of the match has, each in the one reading that every
// server has of it: the top-level fields of a JSON object (as strictJSON gives them), the fields of a form, as FormValue,
// or those of the input of a GraphQL mutation, under the names that the REST API has for them. What is not there is not in
// the map. It is an error where the arguments cannot be read.
//
// Branches and refs that GitHub takes in several spellings are given as Spellings. "ref" and "branch" are what an action
// changes, also where the path or a push says it, and "model" the one that it is about.
func Arguments(r *Request, m *Match, a *Action, names ...string) (map[string]any, error) {
	if r == nil || m == nil || m.Service == nil {
		return nil, errors.New("the request's arguments are not at hand")
	}
	github := m.Service.Name == "github"
	if source := refSource(a.Operation, names); github && source != "" {
		names = append(slices.Clone(names), source)
	}
	out, err := map[string]any{}, error(nil)
	switch {
	case m.GraphQL:
		out = spokenFields(m, a, names)
	case a.Operation != pushOperation && a.Operation != gistPush: // whose body is no object of arguments
		out, err = restFields(r, m, names)
	}
	if err == nil && github {
		err = spellRefs(out, a)
	}
	if err == nil && a.Resource.Kind == "model" && slices.Contains(names, "model") {
		err = spellModel(out, a)
	}
	return out, err
}

// spellModel gives the model that the action is about, which may stand in the path, or be the one of a tool.
func spellModel(out map[string]any, a *Action) error {
	if said, ok := out["model"].(string); ok && !a.Also && strings.TrimPrefix(said, "models/") != a.Resource.Name {
		return fmt.Errorf("the request names both %q and %q", clip(a.Resource.Name), clip(said))
	}
	out["model"] = a.Resource.Name
	return nil
}

// restFields are the arguments in the query and in the body.
func restFields(r *Request, m *Match, names []string) (map[string]any, error) {
	query, err := formFields(r.Query, names)
	if err != nil {
		return nil, err
	}
	out, err := bodyFields(r, m, names)
	if err != nil {
		return nil, err
	}
	for name, v := range query {
		switch _, twice := out[name]; {
		case m.Service.Name != "slack":
			return nil, fmt.Errorf("%q stands in the query, where a server may take it from or not", name)
		case twice:
			return nil, fmt.Errorf("%q stands in the query and in the body", name)
		}
		out[name] = v
	}
	return out, nil
}

func bodyFields(r *Request, m *Match, names []string) (map[string]any, error) {
	b, err := rawBody(r, m.maxBody())
	if err != nil || len(b) == 0 {
		return map[string]any{}, err
	}
	if kind, err := contentType(r); err != nil {
		return nil, err
	} else if kind == "application/x-www-form-urlencoded" {
		if err := beginsAsForm(b); err != nil {
			return nil, err
		}
		return formFields(string(b), names)
	}
	if m.Service.Name == "stripe" { // which takes nothing else, and could read JSON as one
		return nil, errors.New("the body is no form")
	}
	if err := isJSON(r); err != nil {
		return nil, err
	}
	fields, err := strictFields(b, names...)
	if err != nil {
		return nil, fmt.Errorf("the body cannot be read: %w", err)
	}
	return fields, nil
}

// beginsAsForm refuses a form that servers which do not go by its type may read as JSON: GitHub takes every body for that, and in
// {"base":"prod","title":"&base=main&"} a form says otherwise.
func beginsAsForm(b []byte) error {
	if c := b[0]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_%&+-.*$", c) >= 0 {
		return nil
	}
	return errors.New("the body says that it is a form, and begins as none does")
}

// formFields reads form encoding, in which nothing may stand twice or in a spelling that some server takes for a name.
func formFields(text string, names []string) (map[string]any, error) {
	out := map[string]any{}
	form, err := parseForm(text)
	if err != nil {
		return nil, err
	}
	for key, values := range form {
		for _, name := range names {
			switch {
			case key == name && len(values) == 1 && !utf8.ValidString(values[0]): // of which some servers take off what is none
				return nil, fmt.Errorf("%q is not UTF-8", name)
			case key == name && len(values) == 1:
				out[name] = FormValue(values[0])
			case key == name:
				return nil, fmt.Errorf("%q stands there more than once", name)
			case respells(key, name):
				return nil, fmt.Errorf("%q differs from %q in spelling alone", clip(key), name)
			}
		}
	}
	return out, nil
}

// parseForm reads a query or a form as every reader does.
func parseForm(text string) (url.Values, error) {
	if strings.ContainsRune(text, ';') {
		return nil, errors.New("a semicolon parts arguments to some readers and not to others; escape it")
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, errors.New("the arguments are not a form")
	}
	return form, nil
}

// respells says whether some server takes the parameter key for name, which it is not: without case, as an array, or as PHP
// and Rack do (see phpName and bareName).
func respells(key, name string) bool {
	root, _, _ := strings.Cut(bareName(key), "[")
	root, _, _ = strings.Cut(root, "]")
	return strings.EqualFold(phpName(key), name) || strings.EqualFold(phpName(strings.TrimSpace(root)), name)
}
