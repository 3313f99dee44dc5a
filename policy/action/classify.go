package action

import (
	"fmt"
	"slices"
	"strings"
)

// UnknownName is the name of every action that the catalogue does not know.
const UnknownName = "unknown"

// Classify reads one request for a service's host. The Match always holds an action: what cannot be read is one of
// class Unknown, with the reason.
func Classify(s *Service, h *Host, r *Request) Match {
	m := Match{Service: s, Path: r.Path.plain()}
	if s == nil || h == nil {
		m.deny("the host belongs to no service")
		return m
	}
	router, err := h.routes()
	if err != nil {
		m.deny("the routes of service " + s.Name + " are broken: " + err.Error())
		return m
	}
	if doubt := r.readTwice(); doubt != "" {
		m.deny(doubt)
		return m
	}
	var c captures
	route := router.find(r.Method, r.Path.Segments, &c)
	if route == nil {
		m.Unrouted = true
		m.deny(fmt.Sprintf("%s %s is no operation that the catalogue of %s knows", clip(r.Method), clip(m.Path), s.Name))
		return m
	}
	if hasFormat(router, r, route) {
		m.deny("the path ends in a format, which some servers take off, and without it is another operation")
		if Lookup(s.Name) != s {
			m.Reason += "; name the path as it is in an action of " + s.Name
		}
		return m
	}
	if err := bodyOverride(s, r, router, route); err != nil {
		m.deny(err.Error())
		return m
	}
	a := Action{Name: route.Action, Operation: route.Operation, Class: route.Class, Public: route.Public}
	if a.Name == "" {
		a.Name = route.Operation
	}
	if route.kind != "" {
		if a.Resource, err = route.render(&c, r.Path.Segments, h.Canon); err != nil {
			m.deny(err.Error())
			return m
		}
	}
	m.Actions = []Action{a}
	if h.Refine != nil {
		h.Refine(r, &m)
	}
	m.aside(r)
	if len(m.Actions) == 0 {
		m.deny("nothing in the request could be read as an action")
	}
	return m
}

// formats are what Rails and others take off the end of a path, to answer in it.
var formats = []string{"json", "xml", "html", "htm", "csv", "js", "txt", "text", "yaml", "yml", "pdf", "rss", "atom", "md", "ics", "xls", "xlsx", "jsonld", "jsonapi"}

// hasFormat says whether a path is another operation to who takes the format off: /export.json, which only /{page} serves, is /export.
func hasFormat(router *node, r *Request, route *compiled) bool {
	k := len(r.Path.Segments) - 1
	if k >= 0 && r.Path.Segments[k] == "" {
		k--
	}
	if k < 0 || strings.IndexByte(r.Path.Segments[k], '.') < 0 {
		return false
	}
	last := Loose(Reread(r.Path.Segments[k]))
	name := Unformatted(last)
	if name == last || strings.HasSuffix(route.Template, last[len(name):]) {
		return false
	}
	segments := slices.Clone(r.Path.Segments[:k+1])
	segments[k] = name
	var c captures
	other := router.find(r.Method, segments, &c)
	return c.dead || other != nil && other != route
}

// Unformatted is a name without the format at its end.
func Unformatted(name string) string {
	at := strings.LastIndexByte(name, '.')
	if at <= 0 || name[at-1] == '/' || !slices.Contains(formats, strings.ToLower(name[at+1:])) {
		return name
	}
	return name[:at]
}

// readTwice says what of the request line two servers would read differently; "": nothing.
func (r *Request) readTwice() string {
	if strings.IndexByte(r.Path.Raw, ';') >= 0 {
		return "the path holds ;, which begins a parameter to some servers (/secret;x is /secret) and is a character to others: write it as %3B"
	}
	if upper := strings.ToUpper(r.Method); r.Method != upper {
		return fmt.Sprintf("the method is %s, which some servers take for %s: write it in capital letters", clip(r.Method), clip(upper))
	}
	if name := queryOverride(r.Query); name != "" {
		return "the query parameter " + name + " would change the method behind the policy's back"
	}
	return ""
}

func (h *Host) routes() (*node, error) {
	if h.router != nil {
		return h.router(), nil
	}
	return newRouter(h.Routes)
}

// deny makes the whole request one unknown action.
//
//go:noinline
func (m *Match) deny(reason string) {
	m.Actions = []Action{{Name: UnknownName, Class: Unknown, Resource: Resource{"path", m.Path}}}
	m.Reason = reason
}

// times says that the request does its one action n times, each of which counts.
func (m *Match) times(n int) error {
	if n > maxActions {
		return fmt.Errorf("%d of it at once, more than %d; send fewer", n, maxActions)
	}
	for range n - 1 {
		m.Actions = append(m.Actions, m.Actions[0])
	}
	return nil
}

// render fills the captures into the resource, each in its canonical form.
func (c *compiled) render(caps *captures, segments []string, canon func(param, value string) (string, error)) (Resource, error) {
	var parts [8]string
	text := parts[:0]
	for _, p := range c.resource {
		if p.param < 0 {
			text = append(text, p.text)
			continue
		}
		v := caps.value(p.param, segments)
		if canon != nil {
			var err error
			if v, err = canon(c.params[p.param], v); err != nil {
				return Resource{}, err
			}
		}
		text = append(text, v)
	}
	return Resource{c.kind, strings.Join(text, "")}, nil
}
