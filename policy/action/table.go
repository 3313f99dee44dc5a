package action

import (
	"fmt"
	"strings"
)

// mustRoutes reads a service's table, one route a line:
//
//	class  METHOD  TEMPLATE  alias  operation  [-> kind:{parameter}]
//
// A dash stands for no alias; # begins a comment line. The tables are the package's own text: a fault in one is a fault
// of the program, which its tests find.
func mustRoutes(table string) []Route {
	routes := make([]Route, 0, strings.Count(table, "\n")+1)
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r, err := tableRoute(line)
		if err != nil {
			panic(fmt.Sprintf("route %q: %v", line, err))
		}
		routes = append(routes, r)
	}
	return routes
}

func tableRoute(line string) (Route, error) {
	line, resource, _ := strings.Cut(line, "->")
	f := strings.Fields(line)
	if len(f) != 5 {
		return Route{}, fmt.Errorf("%d columns, not 5", len(f))
	}
	class, public := f[0], false
	if class == "public" {
		class, public = "read", true
	}
	c, ok := classes[class]
	if !ok {
		return Route{}, fmt.Errorf("%q is no class", class)
	}
	if f[3] == "-" {
		f[3] = ""
	}
	return Route{Method: f[1], Template: f[2], Action: f[3], Operation: f[4], Class: c,
		Resource: strings.TrimSpace(resource), Public: public}, nil
}

// classes are the words for classes; "public" in a table is a read that reaches nothing of anybody's.
var classes = map[string]Class{"read": Read, "write": Write, "admin": Admin}

// String is the policy's word for the class.
func (c Class) String() string {
	if c > Admin {
		c = Unknown
	}
	return [...]string{"unknown", GroupRead, GroupWrite, GroupAdmin}[c]
}

// kind is the kind of a route's resource, "" where it has none.
func (r *Route) kind() string {
	kind, _, _ := strings.Cut(r.Resource, ":")
	return kind
}

// mustHost reads a host of a built-in table.
//
//go:noinline
func mustHost(s string) HostPattern {
	p, err := ParseHostPattern(s)
	if err != nil {
		panic(err)
	}
	return p
}
