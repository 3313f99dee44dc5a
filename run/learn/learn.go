// Package learn watches what a run does and writes the policy that allows it: what was done, on what it was done, and
// little more, with the cases that show it. What it allows beyond what was done it says. It does no I/O of its own; what
// it writes down came from the child, and is for a person to read before it is trusted.
package learn

import (
	"sort"
	"strings"
	"sync"
	"time"

	"agentguard/policy/action"
)

// Seen is one request of the child.
type Seen struct {
	At          time.Time
	Service     string // "": its host is no service's
	Credential  string // "": none was put on it
	Actions     []action.Action
	Method, URL string
	ContentType string
	Body        []byte // where it was read to know what the request does; else nil
	Refused     string // why it was not sent; "": it was
	Host        string
}

// Bounds of what is kept: a child may ask for anything, for as long as it likes.
const (
	maxKinds = 5000  // kinds of request: the same actions on the same resources
	maxTimes = 20000 // of one action, for its limit
)

// Observer collects requests. The zero Observer is ready, and safe for concurrent use.
type Observer struct {
	mu      sync.Mutex
	kinds   map[string]*kind
	order   []*kind
	actions map[owner]map[string]*use
	hosts   map[string]int // unknown ones, by how often they were asked for
	sent    int
	missed  int // kinds that are past the bound
}

// kind is a request that was made, and how often one of its kind was.
type kind struct {
	Seen
	times int
}

// owner is whose actions are counted together.
type owner struct{ service, credential string }

// use is what was done by one action.
type use struct {
	action.Action
	resources map[string]bool
	nowhere   bool // on no resource that is known
	star      bool // on one whose name would be a pattern
	times     []time.Time
}

// Add notes a request that has ended.
func (o *Observer) Add(s Seen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.Service == "" {
		o.stranger(s.Host)
		return
	}
	key := s.Service + "\x00" + s.Refused
	for i := range s.Actions {
		key += "\x00" + s.Actions[i].Name + "\x00" + s.Actions[i].Resource.String()
	}
	k := o.kinds[key]
	switch {
	case k != nil:
	case len(o.order) == maxKinds:
		o.missed++
		return
	default:
		k = &kind{Seen: s}
		if o.kinds == nil {
			o.kinds = map[string]*kind{}
		}
		o.kinds[key] = k
		o.order = append(o.order, k)
	}
	if k.times++; s.Refused == "" {
		o.sent++
		for i := range s.Actions {
			o.use(owner{s.Service, s.Credential}, s.Actions[i], s.At)
		}
	}
}

func (o *Observer) stranger(host string) {
	if o.hosts == nil {
		o.hosts = map[string]int{}
	}
	if _, known := o.hosts[host]; known || len(o.hosts) < 1000 {
		o.hosts[host]++
	}
}

func (o *Observer) use(by owner, a action.Action, at time.Time) {
	if o.actions == nil {
		o.actions = map[owner]map[string]*use{}
	}
	if o.actions[by] == nil {
		o.actions[by] = map[string]*use{}
	}
	u := o.actions[by][a.Name]
	if u == nil {
		u = &use{Action: a, resources: map[string]bool{}}
		o.actions[by][a.Name] = u
	}
	u.Class = max(u.Class, a.Class)
	switch {
	case a.Public || a.Somewhere: // the resources of a rule do not restrict it
	case !a.Resource.Known() || a.Resource.Kind == "path":
		u.nowhere = true
	case strings.Contains(a.Resource.Name, "*"):
		u.nowhere, u.star = true, true
	default:
		u.resources[a.Resource.String()] = true
	}
	if len(u.times) < maxTimes {
		u.times = append(u.times, at)
	}
}

// Sent is how many requests left.
func (o *Observer) Sent() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent
}

// keys gives a map's keys in order.
func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
