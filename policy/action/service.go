package action

import (
	"cmp"
	"maps"
	"slices"
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

// services is the table of the built-in services: one line and one file each. Building and compiling them takes well
// under a millisecond, once, on the first use.
var services = sync.OnceValue(func() map[string]*Service {
	table := map[string]*Service{
		"anthropic": anthropic(),
		"gemini":    gemini(),
		"github":    github(),
		"openai":    openai(),
		"slack":     slack(),
		"stripe":    stripe(),
	}
	for name, s := range table {
		s.Name = name
		s.ResourceKinds = kinds(s)
		for i := range s.Hosts {
			if err := s.Hosts[i].Compile(); err != nil {
				panic("the table of " + name + ": " + err.Error()) // the package's own text, tried by its tests
			}
		}
	}
	return table
})

// Services are the built-in services by name. The map and what it leads to must not be changed.
func Services() map[string]*Service { return services() }

// Lookup gives a built-in service by its name, nil where there is none.
func Lookup(name string) *Service { return services()[name] }

// Names are the built-in services' names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(services())) }

// Host gives the first host of the service that serves a, nil where none does.
func (s *Service) Host(a Authority) *Host {
	for i := range s.Hosts {
		h := &s.Hosts[i]
		if h.Pattern.Match(a.Host) && h.serves(a.Port) {
			return h
		}
	}
	return nil
}

func (h *Host) serves(port uint16) bool {
	if h.Port != 0 {
		return port == h.Port
	}
	return port == 443 && !h.Plain || port == 80 && h.Plain
}

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
	class, known := Unknown, false
	for r := range s.routes {
		if name != "" && (r.Action == name || r.Operation == name) {
			class, known = max(class, r.Class), true
		}
	}
	return class, known && class != Unknown
}

// ActionNames are all names that a policy may use for this service, sorted: groups, actions, operations.
func (s *Service) ActionNames() []string {
	names := []string{GroupRead, GroupWrite, GroupAdmin, GroupAll}
	for r := range s.routes {
		for _, n := range [...]string{r.Action, r.Operation} {
			if n != "" && r.Class != Unknown {
				names = append(names, n)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// routes ranges over all that requests to the service may become.
func (s *Service) routes(yield func(*Route) bool) {
	for i := range s.Hosts {
		for _, list := range [...][]Route{s.Hosts[i].Routes, s.Hosts[i].Refined} {
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
	for r := range s.routes {
		if kind := r.kind(); kind != "" {
			list = append(list, kind)
		}
	}
	slices.SortFunc(list, cmp.Compare[string])
	return slices.Compact(list)
}
