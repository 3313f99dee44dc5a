package suite

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"agentguard/policy"
	"agentguard/policy/action"
)

// reading is one recorded request while it is read again.
type reading struct {
	*Recorded
	claim   *policy.Claim
	request *action.Request
	missed  bool // the reading asked for the body
}

// withoutBody gives the request a body that nobody can read any more, and that is no form: whether a field of one changes
// the method was looked at when it was let through. A GET has none, unless the record says so.
func (x *reading) withoutBody() {
	if !x.Body && (x.Method == http.MethodGet || x.Method == http.MethodHead) {
		return
	}
	x.request.Header.Set("Content-Type", "application/octet-stream")
	x.request.Body = func(int64) ([]byte, error) { x.missed = true; return nil, errNotRecorded }
	x.request.Peek = func(int) ([]byte, error) { x.missed = true; return nil, errNotRecorded }
	x.request.Stream = func() (io.ReadCloser, error) { x.missed = true; return nil, errNotRecorded }
}

// readings are what the request may have been: one where method, path and query tell it all, else what the recorded
// actions stand for.
func (r *Replay) readings(x *reading) ([]action.Match, *answer) {
	stop := func(effect, why string) ([]action.Match, *answer) {
		a := said(effect, "", why)
		return nil, &a
	}
	m := action.Classify(x.claim.Service, x.claim.Host, x.request)
	if x.claim.Host.Refine == nil || !x.missed && !hasUnknown(&m) {
		return []action.Match{m}, nil
	}
	bare := *x.claim.Host
	bare.Refine = nil
	route := action.Classify(x.claim.Service, &bare, x.request)
	switch {
	case route.Reason != "":
		return []action.Match{route}, nil // no such operation, or none that can be told
	case x.Service != "" && x.Service != x.claim.Service.Name:
		return stop("", "it was read as a request to service "+x.Service)
	case len(x.Actions) == 0:
		return stop("", "its body decides what it does, and the record names no action")
	case slices.Contains(x.Actions, action.UnknownName):
		return stop("deny", x.Reason)
	case len(x.Actions) > maxReplayed:
		return stop("", "the record names more actions than a request has")
	case len(x.Resources) != 1 && len(x.Resources) != len(x.Actions):
		return stop("", "the record does not say which resource each of its actions is about")
	}
	also, fits := joined(x.Joined, len(x.Actions))
	if !fits && !x.More {
		return stop("", "the record does not say which of its actions are one operation")
	}
	if m.Actions[0].Operation == route.Actions[0].Operation {
		route.Actions[0].Like = m.Actions[0].Like
	}
	readings, unclear := r.rebuilt(x, &route, also)
	if unclear != "" {
		return stop("", unclear)
	}
	return readings, nil
}

// The bounds of one record: its actions, far above what a request of any protocol holds, and the ways to read them.
const (
	maxReplayed = 4096
	maxReadings = 64
)

// joined says of each of n actions whether it belongs to the one before it.
func joined(counts []int, n int) (also []bool, fits bool) {
	also = make([]bool, n)
	i := 0
	for _, c := range counts {
		if c < 1 || c > n-i {
			return also, false
		}
		for j := i + 1; j < i+c; j++ {
			also[j] = true
		}
		i += c
	}
	return also, len(counts) == 0 || i == n
}

func hasUnknown(m *action.Match) bool {
	return slices.ContainsFunc(m.Actions, func(a action.Action) bool { return a.Class == action.Unknown })
}

// rebuilt makes a match of the recorded names. Where a name may stand for several operations there is one more match for
// each. unclear is why it cannot be done.
func (r *Replay) rebuilt(x *reading, route *action.Match, also []bool) (all []action.Match, unclear string) {
	first := action.Match{Service: route.Service, Path: route.Path}
	var others [][]action.Action
	for i, name := range x.Actions {
		about := resource(x.Resources[min(i, len(x.Resources)-1)])
		among := likely(r.meanings(x.claim.Service, name), route.Actions[0].Operation, about)
		if len(among) == 0 {
			return nil, "the catalogue of " + x.claim.Service.Name + " has no action " + name
		}
		a := among[0]
		a.Resource, a.Also, a.Like = about, also[i], besides(&a, route)
		first.Actions = append(first.Actions, a)
		others = append(others, among[1:])
	}
	all = []action.Match{first}
	for i, among := range others {
		for _, a := range among {
			if len(all) == maxReadings {
				return nil, "the names of its actions stand for too many operations"
			}
			m := first
			m.Actions = slices.Clone(first.Actions)
			a.Resource, a.Also, a.Like = m.Actions[i].Resource, also[i], besides(&a, route)
			m.Actions[i] = a
			all = append(all, m)
		}
	}
	return all, ""
}

// besides is what the body, which nobody has any more, may have had the operation do.
func besides(a *action.Action, route *action.Match) string {
	if a.Operation != route.Actions[0].Operation { // a field of a GraphQL document
		return route.Service.Besides(a.Operation)
	}
	return route.Actions[0].Like
}

// likely leaves those that the route's own operation is among, and of what reaches nobody's resource only what is about the
// same.
func likely(among []action.Action, operation string, about action.Resource) []action.Action {
	var of, by []action.Action
	for _, a := range among {
		if a.Public && a.Resource != about {
			continue
		}
		of = append(of, a)
		if a.Operation == operation {
			by = append(by, a)
		}
	}
	if len(by) > 0 {
		return by
	}
	return of
}

func resource(text string) action.Resource {
	kind, name, _ := strings.Cut(text, ":")
	return action.Resource{Kind: kind, Name: name}
}

// meanings are the operations of a service that are recorded under a name, each once.
func (r *Replay) meanings(svc *action.Service, name string) []action.Action {
	names := r.known[svc.Name]
	if names == nil {
		names = map[string][]action.Action{}
		for _, o := range svc.Operations() {
			a := action.Action{Name: o.Action, Operation: o.Operation, Class: o.Class, Public: o.Public}
			if a.Name == "" {
				a.Name = o.Operation
			}
			if o.Public {
				a.Resource = resource(o.Resource)
			}
			if !slices.Contains(names[a.Name], a) {
				names[a.Name] = append(names[a.Name], a)
			}
		}
		r.known[svc.Name] = names
	}
	return names[name]
}
