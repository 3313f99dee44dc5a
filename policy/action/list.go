package action

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Info is what a policy's author wants to know of one operation.
type Info struct {
	Service    string `json:"service"`
	Name       string `json:"name"` // the alias, else the operation
	Class      string `json:"class"`
	Operation  string `json:"operation"`
	Transport  string `json:"transport"` // REST, GraphQL, git, LFS; JSON and query for AWS's protocols
	Resource   string `json:"resource,omitempty"`
	Permission string `json:"permission,omitempty"` // any of those suffices; "" where none is known
	Request    string `json:"request"`              // METHOD TEMPLATE; of what a body or header makes of a route: that route's
}

// List is all that requests to the service may become and a policy can name, by name and operation.
func (s *Service) List() []Info {
	var list []Info
	for r := range s.routes {
		if r.Class == Unknown {
			continue
		}
		i := Info{s.Name, r.Action, r.Class.String(), r.Operation, r.transport(), r.Resource, r.Permits, r.Method + " " + r.Template}
		if i.Name == "" {
			i.Name = i.Operation
		}
		list = append(list, i)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Request, b.Request)) < 0
	})
	return slices.Compact(list)
}

// transport is the way in which a route is reached.
func (r *Route) transport() string {
	family, _, _ := strings.Cut(r.Operation, "/")
	switch {
	case r.By != "":
		return r.By
	case r.Template == "/graphql":
		return "GraphQL"
	case family == "lfs":
		return "LFS"
	case family == "git" && strings.HasPrefix(r.Template, "/{owner}/{repo}"):
		return "git"
	}
	return "REST"
}

// Matches says whether a word stands somewhere in what is known, in any case.
func (i Info) Matches(word string) bool {
	word = strings.ToLower(word)
	return slices.ContainsFunc([]string{i.Name, i.Class, i.Operation, i.Transport, i.Resource, i.Permission, i.Request},
		func(s string) bool { return strings.Contains(strings.ToLower(s), word) })
}
