package action

import (
	"fmt"
	"strings"
	"sync"

	"agentguard/policy/action/catalogue"
)

// generated makes the routes of a host whole with those of a table of the catalogue, which it serves below the prefix;
// they are decoded on the first use. resource says what a template is about, "" for nothing that is known; it may be nil.
//
// What is written by hand wins: an operation that it covers keeps the class, the alias and the resource that it has
// there, whatever the specification says, and gains its own name and permission. So nothing that was ever reviewed
// changes its power when a table is refreshed.
func (h *Host) generated(table, prefix string, resource func(template string) string) {
	written := h.Routes
	both := sync.OnceValues(func() ([]Route, *node) {
		rows, err := tableRows(table, prefix)
		var router *node
		if err == nil {
			rows, router, err = merge(written, rows, resource)
		}
		if err != nil {
			panic("the catalogue of " + table + ": " + err.Error()) // the package's own text, tried by its tests
		}
		return rows, router
	})
	h.whole = func() []Route { rows, _ := both(); return rows }
	h.router = func() *node { _, router := both(); return router }
}

// merge puts rows behind the written routes and makes the router of all.
func merge(written, rows []Route, resource func(string) string) ([]Route, *node, error) {
	router, err := newRouter(written)
	if err != nil {
		return nil, nil, err
	}
	all := append(make([]Route, 0, len(written)+len(rows)), written...)
	alias := map[string]string{}
	for i := range written {
		alias[written[i].Operation] = written[i].Action
	}
	for _, r := range rows {
		covering := router.covering(r.Method, r.Template)
		switch {
		case covering == nil:
			if resource != nil {
				r.Resource = resource(r.Template)
			}
			r.Action = alias[r.Operation] // of another way to the same
		case covering.Method == r.Method && sameShape(covering.Template, r.Template):
			all[covering.at].Permits, covering.Permits = r.Permits, r.Permits
			continue
		default:
			r.inherit(&covering.Route)
		}
		all = append(all, r)
	}
	return all, router, router.addAll(all, len(written))
}

// inherit gives r, an operation of a table, what the hand-written route has that serves all of its requests: all of it
// where that route is about whatever lies below a path; where it has a parameter for a word of r's, r is another
// operation and may be more powerful, and its resource is none that is known.
func (r *Route) inherit(from *Route) {
	r.Public, r.Resource = from.Public, from.Resource
	if !strings.HasSuffix(from.Template, "...}") {
		r.Class = max(r.Class, from.Class)
	} else {
		r.Class = from.Class
	}
	for _, piece := range strings.SplitAfter(from.Resource, "}") {
		if _, param, ok := strings.Cut(piece, "{"); ok && !strings.Contains(r.Template, "{"+param) {
			r.Resource = ""
		}
	}
	if r.Action = from.Action; r.Action == "" {
		r.Action = from.Operation
	}
}

// covering gives the route that serves all requests of a template, nil where there is none.
func (n *node) covering(method, template string) *compiled {
	var room [24]string
	segments := room[:0]
	for s := range strings.SplitSeq(template[1:], "/") {
		if i := strings.IndexByte(s, '}'); i > 0 && s[0] == '{' {
			s = "~" + s[i+1:] // no literal of any table
		}
		segments = append(segments, s)
	}
	var c captures
	return n.find(method, segments, &c)
}

// sameShape says whether two templates are the same but for the names of their parameters.
func sameShape(a, b string) bool {
	for more := true; more; {
		var s, t string
		var moreB bool
		s, a, more = strings.Cut(a, "/")
		t, b, moreB = strings.Cut(b, "/")
		if i, j := strings.IndexByte(s, '}'), strings.IndexByte(t, '}'); i > 0 && j > 0 {
			if strings.HasSuffix(s[:i], "...") != strings.HasSuffix(t[:j], "...") {
				return false
			}
			s, t = s[i:], t[j:]
		}
		if s != t || more != moreB {
			return false
		}
	}
	return true
}

// rowClasses are the classes as the tables write them.
var rowClasses = map[string]Class{"r": Read, "w": Write, "a": Admin}

// tableRows reads "CLASS METHOD TEMPLATE OPERATION [PERMISSION,...]".
func tableRows(table, prefix string) ([]Route, error) {
	text, _, err := catalogue.Text(table)
	if err != nil {
		return nil, err
	}
	rows := make([]Route, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		class, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		method, rest, _ := strings.Cut(rest, " ")
		template, rest, _ := strings.Cut(rest, " ")
		operation, permits, _ := strings.Cut(rest, " ")
		if prefix != "" {
			template = prefix + template
		}
		r := Route{Method: method, Template: template, Operation: operation, Permits: permits, Class: rowClasses[class]}
		if r.Class == Unknown || template == "" || operation == "" {
			return nil, fmt.Errorf("row %q is malformed", line)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
