package action

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// DescribedRoute makes a route of an operation that a service's own description names: method in capital letters, path in
// the spelling of OpenAPI ("Path Templating": each {x} within one segment). prefix is the path of the server. The error says
// why requests to it cannot be told from others; they are unknown then.
func DescribedRoute(name, method, prefix, path string, class Class) (Route, error) {
	r := Route{Method: method, Action: name, Class: class}
	var segments []string
	named := map[string]bool{"": true}
	for s := range strings.SplitSeq(strings.TrimPrefix(strings.TrimSuffix(prefix, "/")+path, "/"), "/") {
		open := strings.IndexByte(s, '{')
		if open > 0 {
			return r, fmt.Errorf("%s stands within the segment %q", s[open:], s)
		}
		literal, segment := s, s
		if open == 0 {
			name, tail, closed := strings.Cut(s[1:], "}")
			if !closed {
				return r, fmt.Errorf("the segment %q has no closing brace", s)
			}
			if named[name] || strings.ContainsAny(name, "{.") { // no resource names it
				name = fmt.Sprintf("p%d", len(named))
			}
			named[name] = true
			literal, segment = tail, "{"+name+"}"+tail
		}
		if strings.ContainsAny(literal, "{}*") || neverSent(literal) || strings.ContainsFunc(literal, unprintable) {
			return r, fmt.Errorf("the segment %q is not one that requests have", s)
		}
		segments = append(segments, segment)
	}
	r.Template = "/" + strings.Join(segments, "/")
	alone := Host{Routes: []Route{r}}
	return r, alone.compile()
}

// neverSent says that no path has a segment that is so in a template, or part of one: templates are matched against the
// decoded path, without the query.
func neverSent(literal string) bool {
	return literal == "." || literal == ".." || strings.ContainsAny(literal, "%?#\\")
}

func unprintable(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// CheckDescribedName says why the name of an operation cannot be named in a policy, where it cannot.
func CheckDescribedName(name string) error {
	switch name {
	case GroupRead, GroupWrite, GroupAdmin, GroupAll, UnknownName:
		return errors.New("the name is taken")
	}
	if name == "" || len(name) > 200 || strings.ContainsFunc(name, unprintable) {
		return errors.New("it is no name")
	}
	return nil
}

// Shape is what requests of a route have in common: two routes of one shape are the same to a router.
func (r *Route) Shape() string {
	b := []byte(r.Method + " ")
	for s := range strings.SplitSeq(strings.TrimSuffix(r.Template, "/"), "/") {
		if strings.HasPrefix(s, "{") {
			name, tail, _ := strings.Cut(s, "}")
			if s = "{}" + tail; strings.HasSuffix(name, "...") {
				s = "{...}"
			}
		}
		b = append(append(b, '/'), s...)
	}
	return string(b)
}
