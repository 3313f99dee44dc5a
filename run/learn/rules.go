package learn

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// From how many on single things are written as one that covers more.
const (
	manyReads     = 3
	manyResources = 9
)

// rule is one [allow.learned-N].
type rule struct {
	owner
	actions   []string
	resources []string
	limits    map[string]string
	notes     []string // what it allows beyond what was done
	times     int
}

// rules are the fewest that allow what was done: the actions of one owner that were done on the same resources stand in
// one rule.
func (o *Observer) rules() []rule {
	owners := make([]owner, 0, len(o.actions))
	for by := range o.actions {
		owners = append(owners, by)
	}
	sort.Slice(owners, func(i, j int) bool {
		a, b := owners[i], owners[j]
		return a.service < b.service || a.service == b.service && a.credential < b.credential
	})
	var out []rule
	for _, by := range owners {
		out = append(out, rulesOf(by, o.actions[by])...)
	}
	return out
}

func rulesOf(by owner, uses map[string]*use) []rule {
	at := map[string]*rule{} // by resources
	var order []*rule
	var free []*use // that no resource restricts
	reads := map[*rule][]string{}
	for _, name := range keys(uses) {
		u := uses[name]
		if len(u.resources) == 0 && !u.nowhere {
			free = append(free, u)
			continue
		}
		resources, note := u.spread()
		key := strings.Join(resources, "\x00")
		r := at[key]
		if r == nil {
			r = &rule{owner: by, resources: resources, limits: map[string]string{}}
			at[key] = r
			order = append(order, r)
		}
		if note != "" {
			r.notes = append(r.notes, name+" on "+note)
		}
		r.take(u, reads)
	}
	if len(free) > 0 && len(order) == 0 {
		order = append(order, &rule{owner: by, limits: map[string]string{}})
	}
	for _, u := range free {
		order[0].take(u, nil)
	}
	out := make([]rule, 0, len(order))
	for _, r := range order {
		r.gather(reads[r])
		out = append(out, *r)
	}
	return out
}

// take adds an action to a rule. Reads wait for whether there are many.
func (r *rule) take(u *use, reads map[*rule][]string) {
	r.times += len(u.times)
	if u.Class == action.Read {
		if reads != nil && len(r.resources) > 0 {
			reads[r] = append(reads[r], u.Name)
		} else {
			r.actions = append(r.actions, u.Name)
		}
		return
	}
	r.actions = append(r.actions, u.Name)
	r.limits[u.Name] = perHour(u.times)
}

// gather puts many reads of the same resources into one word.
func (r *rule) gather(reads []string) {
	if len(reads) < manyReads {
		r.actions = append(r.actions, reads...)
	} else {
		r.actions = append(r.actions, action.GroupRead)
		r.notes = append(r.notes, fmt.Sprintf("read instead of the %d reads that were done: %s", len(reads), strings.Join(reads, ", ")))
	}
	sort.Strings(r.actions)
}

// spread gives the resources that an action is to be allowed on, none for all. Of many it makes a pattern, and says so.
func (u *use) spread() (resources []string, note string) {
	if u.nowhere {
		switch {
		case u.star:
			note = "every resource: the name of one holds a *, which would stand for others"
		case len(u.resources) > 0:
			note = "every resource: of some requests it could not be told"
		}
		return nil, note
	}
	kinds := map[string][]string{}
	for _, r := range keys(u.resources) {
		kind, name, _ := strings.Cut(r, ":")
		kinds[kind] = append(kinds[kind], name)
	}
	var notes []string
	for _, kind := range keys(kinds) {
		names := kinds[kind]
		if len(names) < manyResources {
			for _, n := range names {
				resources = append(resources, kind+":"+n)
			}
			continue
		}
		pattern := kind + ":" + commonFolder(names) + "*"
		resources = append(resources, pattern)
		notes = append(notes, fmt.Sprintf("%s instead of the %d that were seen", pattern, len(names)))
	}
	return resources, strings.Join(notes, ", ")
}

// commonFolder is what all names begin with, up to a slash.
func commonFolder(names []string) string {
	common := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, common) {
			common = common[:len(common)-1]
		}
	}
	return common[:strings.LastIndexByte(common, '/')+1]
}

// perHour is a limit with room for twice as much as was done in any hour: 2, 5, 10, 20, 50 and so on.
func perHour(times []time.Time) string {
	sort.Slice(times, func(i, j int) bool { return times[i].Before(times[j]) })
	most, from := 0, 0
	for i := range times {
		for times[i].Sub(times[from]) >= time.Hour {
			from++
		}
		most = max(most, i-from+1)
	}
	n := 1
	for step := 0; n < 2*most && n < limit.MaxPermits; step++ {
		n = [...]int{2, 5, 10}[step%3] * pow10(step/3)
	}
	return limit.Rate{N: min(n, limit.MaxPermits), Per: time.Hour}.String()
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
