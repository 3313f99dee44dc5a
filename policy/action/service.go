package action

import (
	"slices"
	"strings"
	"sync"
)

// The groups that a policy may name instead of single actions. None of them, `*` included, ever matches an action of
// class Unknown.
const (
	GroupRead  = "read"
	GroupWrite = "write"
	GroupAdmin = "admin"
	GroupAll   = "*"
)

// builtins is the table of the built-in services: one line and one file each. A service is built on its first use, which
// takes some 0.1 ms; what its catalogue says besides is decoded when a request or a name first needs it.
var builtins = [...]builtinService{
	builtin("anthropic", anthropic),
	builtin("aws", aws),
	builtin("gemini", gemini),
	builtin("github", github),
	builtin("google", google),
	builtin("jira", jira),
	builtin("linear", linear),
	builtin("notion", notion),
	builtin("openai", openai),
	builtin("slack", slack),
	builtin("stripe", stripe),
}

// builtinService is one that is built on its first use.
type builtinService struct {
	name string
	get  func() *Service
}

//go:noinline
func builtin(name string, build func() *Service) builtinService {
	return builtinService{name, sync.OnceValue(func() *Service {
		s := build()
		s.Name = name
		if s.ResourceKinds == nil {
			s.ResourceKinds = kinds(s)
		}
		for i := range s.Hosts {
			s.Hosts[i].lazily(name)
		}
		return s
	})}
}

// lazily lets the router be built on its first use.
func (h *Host) lazily(service string) {
	if h.router != nil {
		return
	}
	h.router = sync.OnceValue(func() *node {
		root, err := newRouter(h.all())
		if err != nil {
			panic("the table of " + service + ": " + err.Error()) // the package's own text, tried by its tests
		}
		return root
	})
}

// Lookup gives a built-in service by its name, nil where there is none. What it leads to must not be changed.
//
//go:noinline
func Lookup(name string) *Service {
	for i := range builtins {
		if builtins[i].name == name {
			return builtins[i].get()
		}
	}
	return nil
}

// Of gives the built-in service whose host it is, whatever the port; nil where it is none's.
func Of(host string) *Service {
	for i := range builtins {
		s := builtins[i].get()
		if slices.ContainsFunc(s.Hosts, func(h Host) bool { return h.Pattern.Match(host) }) {
			return s
		}
	}
	return nil
}

// Names are the built-in services' names, sorted.
func Names() []string {
	var names []string
	for i := range builtins {
		names = append(names, builtins[i].name)
	}
	return names
}

// all are the routes of the host: those that the catalogue adds to Routes, too. They must not be changed.
func (h *Host) all() []Route {
	if h.whole != nil {
		return h.whole()
	}
	return h.Routes
}

// allSpoken are the operations of the host's GraphQL API: those that the catalogue adds to Spoken, too.
func (h *Host) allSpoken() []Route {
	if h.spoken != nil {
		return h.spoken()
	}
	return h.Spoken
}

// Host gives the first host of the service that serves a, nil where none does.
func (s *Service) Host(a Authority) *Host {
	for i := range s.Hosts {
		h := &s.Hosts[i]
		if h.Pattern.Match(a.Host) && h.EffectivePort() == a.Port {
			return h
		}
	}
	return nil
}

// EffectivePort is the port that the host answers on.
func (h *Host) EffectivePort() uint16 {
	if h.Port != 0 {
		return h.Port
	}
	return DefaultPort(h.Plain)
}

// At is the authority by which one of the host's names answers.
func (h *Host) At(name string) Authority { return Authority{name, h.EffectivePort()} }

// Knows says whether a policy may name it for this service: a group, an action or an operation. The class is the most
// powerful one that the name covers; for `*` it is Admin.
func (s *Service) Knows(name string) (Class, bool) {
	switch name {
	case GroupRead:
		return Read, true
	case GroupWrite:
		return Write, true
	case GroupAdmin, GroupAll:
		return Admin, true
	}
	// Aliases stand in the hand-written tables alone, and an operation that stands there has its class there, so that a
	// policy of such names does without the catalogue.
	class := Unknown
	for _, among := range [...]func(func(*Route) bool){s.written, s.routes} {
		for r := range among {
			if name != "" && (r.Action == name || r.Operation == name || r.permits(name)) {
				class = max(class, r.Class)
			}
		}
		if class != Unknown {
			return class, true
		}
	}
	return Unknown, false
}

// permits says whether the permission is one of those for the route.
func (r *Route) permits(name string) bool {
	if r.Permits == "" {
		return false
	}
	for p := range strings.SplitSeq(r.Permits, ",") {
		if p == name && p != "" {
			return true
		}
	}
	return false
}

// Expand gives the names under which a rule that names any of these has to be filed: a permission stands for the
// operations that the catalogue knows to need it. An operation whose permission is not known is in no permission.
func (s *Service) Expand(names []string) []string {
	out := slices.Clone(names)
	for _, name := range names {
		for r := range s.needing(name) {
			out = append(out, r.Operation)
		}
	}
	return Unique(out)
}

// Permission says whether the name is a permission of the service: "pull_requests:write".
func (s *Service) Permission(name string) bool {
	for range s.needing(name) {
		return true
	}
	return false
}

// needing ranges over the routes for which the permission is one that suffices.
func (s *Service) needing(permission string) func(func(*Route) bool) {
	_, level, _ := strings.Cut(permission, ":")
	if level != "read" && level != "write" && level != "admin" {
		return func(func(*Route) bool) {} // without a look at the catalogue
	}
	return func(yield func(*Route) bool) {
		for r := range s.routes {
			if r.permits(permission) && !yield(r) {
				return
			}
		}
	}
}

// ActionNames are all names that a policy may use for this service, sorted: groups, actions, operations.
func (s *Service) ActionNames() []string {
	names := []string{GroupRead, GroupWrite, GroupAdmin, GroupAll}
	for r := range s.routes {
		if r.Class == Unknown {
			continue
		}
		names = append(names, r.Action, r.Operation)
		names = append(names, strings.Split(r.Permits, ",")...)
	}
	return slices.DeleteFunc(Unique(names), func(n string) bool { return n == "" })
}

// About says whether a route that is written by hand has one of the named actions be about such a thing.
func (s *Service) About(names []string, kind string) bool {
	for r := range s.written {
		if r.kind() == kind && (slices.Contains(names, r.Action) || slices.Contains(names, r.Operation)) {
			return true
		}
	}
	return false
}

// Kinds are the kinds of resources that the named actions are about. told is false where the routes do not tell that of each: of
// groups, of what a body or an id says, and of GraphQL alone.
func (s *Service) Kinds(names []string) (kinds []string, told bool) {
	seen := map[string]bool{}
	for r := range s.routes {
		name := r.Operation
		if slices.Contains(names, r.Action) {
			name = r.Action
		}
		switch {
		case !slices.Contains(names, name) || strings.HasSuffix(r.Template, "/graphql"):
		case r.Resource == "":
			return nil, false
		default:
			seen[name], kinds = true, append(kinds, r.kind())
		}
	}
	return Unique(kinds), len(seen) == len(names)
}

// routes ranges over all that requests to the service may become.
func (s *Service) routes(yield func(*Route) bool) { s.each((*Host).all, (*Host).allSpoken, yield) }

// written ranges over what is written by hand.
func (s *Service) written(yield func(*Route) bool) {
	s.each(func(h *Host) []Route { return h.Routes }, func(h *Host) []Route { return h.Spoken }, yield)
}

func (s *Service) each(routes, spoken func(*Host) []Route, yield func(*Route) bool) {
	for i := range s.Hosts {
		h := &s.Hosts[i]
		for _, list := range [...][]Route{routes(h), h.Refined, spoken(h)} {
			for j := range list {
				if !yield(&list[j]) {
					return
				}
			}
		}
	}
}

// kinds are the resource kinds that the service's routes name, and path, which every service has.
func kinds(s *Service) []string {
	list := []string{"path"}
	for r := range s.written {
		if kind := r.kind(); kind != "" && !slices.Contains(list, kind) {
			list = append(list, kind)
		}
	}
	return Unique(list)
}

// Unique sorts a list and takes out what it holds twice. It changes the list.
//
//go:noinline
func Unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
