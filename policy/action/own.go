package action

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NewService makes a user's own service out of a policy.
//
// hosts are "crm.example.com", "crm.example.com:8443", "*.example.com" and, where plain HTTP is meant, "http://" in front.
// actions map a name to "METHOD PATH [-> kind:{parameter}]". GET and HEAD make an action read, every other method makes
// it write: what a service of one's own can do is not known better. All mistakes are reported, and then no service.
func NewService(name string, hosts []string, auth []Slot, actions map[string]string) (*Service, []error) {
	return NewDescribedService(name, hosts, auth, actions, nil, false)
}

// NewDescribedService is NewService with the routes of the service's own description besides. Where one of those has the
// name or the requests of an action, the action stands in its place. slashes says that the service tells an escaped slash
// from a slash: one belongs to its segment, and {x} takes both.
func NewDescribedService(name string, hosts []string, auth []Slot, actions map[string]string, described []Route, slashes bool) (*Service, []error) {
	s := &Service{Name: name}
	var errs []error
	if Lookup(name) != nil {
		errs = append(errs, fmt.Errorf("service %q is built in; choose another name", name))
	}
	if len(hosts) == 0 {
		errs = append(errs, fmt.Errorf("service %q has no hosts", name))
	}
	if len(actions)+len(described) == 0 {
		errs = append(errs, fmt.Errorf("service %q has no actions, so nothing could be allowed", name))
	}
	routes, more := ownRoutes(actions)
	errs = append(errs, more...)
	routes = append(routes, unwritten(described, routes)...)
	for _, text := range hosts {
		h, err := ownHost(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h.Slots, h.Routes, h.EncodedSlash, h.SlashInside = auth, routes, slashes, slashes
		if s.Base == "" && !h.Pattern.Wildcard() {
			s.Base = h.base()
		}
		s.Hosts = append(s.Hosts, h)
	}
	if len(errs) == 0 {
		for i := range s.Hosts {
			if err := s.Hosts[i].compile(); err != nil {
				return nil, []error{err} // every host has the same routes
			}
		}
		s.ResourceKinds = kinds(s)
		return s, nil
	}
	return nil, errs
}

// unwritten gives those of the described routes that no written one stands for.
func unwritten(described, written []Route) []Route {
	taken := map[string]bool{}
	for i := range written {
		taken[written[i].Action], taken[written[i].Shape()] = true, true
	}
	var out []Route
	for i := range described {
		if r := &described[i]; !taken[r.Action] && !taken[r.Shape()] {
			out = append(out, *r)
		}
	}
	return out
}

// ownHost reads "[http://|https://]host[:port]".
func ownHost(text string) (Host, error) {
	rest, plain := strings.CutPrefix(text, "http://")
	if !plain {
		rest = strings.TrimPrefix(rest, "https://")
	}
	rest = strings.TrimSuffix(rest, "/")
	h := Host{Plain: plain}
	base, wild := strings.CutPrefix(rest, "*.")
	host, port, hasPort, err := splitAuthority(base)
	if err == nil && hasPort {
		h.Port, err = parsePort(port)
	}
	if err != nil {
		return Host{}, fmt.Errorf("host %q: %w", clip(text), err)
	}
	if wild {
		host = "*." + host
	}
	if h.Pattern, err = ParseHostPattern(host); err != nil {
		return Host{}, err
	}
	return h, nil
}

// base is the URL that leads to the host.
func (h *Host) base() string {
	scheme, host := "https://", h.Pattern.String()
	if h.Plain {
		scheme = "http://"
	}
	if h.Port != 0 {
		return scheme + Authority{host, h.Port}.String()
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + host
}

func ownRoutes(actions map[string]string) ([]Route, []error) {
	var routes []Route
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		r, err := ownRoute(name, actions[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("action %q: %w", clip(name), err))
			continue
		}
		routes = append(routes, r)
	}
	return routes, errs
}

func ownRoute(name, text string) (Route, error) {
	switch name {
	case GroupRead, GroupWrite, GroupAdmin, GroupAll, UnknownName:
		return Route{}, fmt.Errorf("the name is taken: rules mean many actions by it; choose another")
	}
	if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_-./:") != "" {
		return Route{}, fmt.Errorf("a name holds letters, digits and the signs _-./: only")
	}
	request, resource, arrow := strings.Cut(text, "->")
	resource = strings.TrimSpace(resource)
	if arrow && resource == "" {
		return Route{}, fmt.Errorf("nothing follows the arrow")
	}
	f := strings.Fields(request)
	if len(f) != 2 {
		return Route{}, fmt.Errorf("%q is not METHOD PATH [-> kind:{parameter}]", clip(text))
	}
	for segment := range strings.SplitSeq(f[1], "/") {
		if neverSent(segment) {
			return Route{}, fmt.Errorf("no request has the segment %q: a path stands here decoded and without its query", clip(segment))
		}
	}
	class := Write
	if f[0] == "GET" || f[0] == "HEAD" {
		class = Read
	}
	r := Route{Method: f[0], Template: f[1], Action: name, Class: class, Resource: resource}
	// One at a time first, so that each mistake is told with the name of its action.
	alone := Host{Routes: []Route{r}}
	return r, alone.compile()
}
