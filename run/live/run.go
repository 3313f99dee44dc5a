package live

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// run is one run under way.
type run struct {
	config Config
	*Report
	rig          *rig
	shots        []shot
	placeholders string // see rig.placeholders

	mu          sync.Mutex
	done, total int
}

// count adds one answer. The caller holds mu.
func (x *run) count(out *seen, effect string, credentials int) {
	x.Requests++
	x.Effects[effect]++
	if out.status != 0 {
		x.Statuses[out.status]++
		x.Protocols[out.proto]++
	}
	x.Bytes += int64(len(out.all) + len(out.body))
	x.Credentials += credentials
	x.done++
	if x.config.Progress != nil {
		x.config.Progress(x.done, x.total)
	}
}

// cases sends each case as often as it says, with unused limits, once in each protocol.
func (x *run) cases(ctx context.Context) error {
	agent := x.rig.agents[0]
	for i := range x.shots {
		for _, h2 := range []bool{false, true} {
			agent.limits.renew()
			if err := x.once(ctx, agent, &x.shots[i], h2); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *run) once(ctx context.Context, a *agent, s *shot, h2 bool) error {
	got := map[string]int{}
	var last verdict
	for range s.Repeat {
		out := a.client.send(ctx, s, h2, true)
		if err := ctx.Err(); err != nil {
			return err
		}
		if out.unsent {
			return nil // no client sends it, and the policy's answer to it is tried without a network
		}
		last = x.inspect(s, out)
		got[last.effect]++
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if want, has := counted(s.Expect), counted(got); want != has {
		x.violate(s.Case, "expect", want, has+": "+last.said)
		return nil
	}
	x.details(s, &last)
	return nil
}

// details holds the words of a refusal against the case. What an answer does not tell (the rule that allows, the action
// that is performed) is left to the cases without a network.
func (x *run) details(s *shot, v *verdict) {
	if v.effect == "allow" || v.said == "" {
		return
	}
	if !strings.Contains(v.said, s.Reason) {
		x.violate(s.Case, "reason", s.Reason, v.said)
	}
	if v.refusal == nil {
		return
	}
	for _, f := range [...]struct{ key, want, got string }{
		{"rule", s.Rule, v.refusal.Rule}, {"action", s.Action, v.refusal.Action}, {"resource", s.Resource, v.refusal.Resource},
	} {
		if f.want != "" && f.want != orNone(f.got) {
			x.violate(s.Case, f.key, f.want, orNone(f.got))
		}
	}
}

// counted shows answers by effect: "5 allow, 1 limit".
func counted(n map[string]int) string {
	var parts []string
	for effect, k := range n {
		if k > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", k, effect))
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// load sends the cases in turn, all agents at the same time, with limits that are used up as they go.
func (x *run) load(ctx context.Context) error {
	var next atomic.Int64
	var all sync.WaitGroup
	took := make([]map[string][]time.Duration, len(x.rig.agents))
	began := time.Now()
	for n, a := range x.rig.agents {
		a.limits.renew()
		took[n] = map[string][]time.Duration{}
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= x.config.Iterations {
					return
				}
				s, round := &x.shots[i%len(x.shots)], i/len(x.shots)
				hostile := round%hostileEvery == hostileEvery-1
				if out := x.fire(ctx, a, s, round%2 == 1, hostile); out != nil && !hostile {
					took[n][s.action] = append(took[n][s.action], out.took)
				}
			}
		})
	}
	all.Wait()
	x.Took, x.Iterations = time.Since(began), x.config.Iterations
	x.Latency = latencies(took)
	return ctx.Err()
}

// hostileEvery is how many rounds of the load have one in which the service gives everything back in every spelling. Such
// answers are searched and not timed: they measure the scrubber at its worst.
const hostileEvery = 5

// fire sends one shot of the load; nil where it was not sent.
func (x *run) fire(ctx context.Context, a *agent, s *shot, h2, hostile bool) *seen {
	out := a.client.send(ctx, s, h2, hostile)
	if out.unsent || ctx.Err() != nil {
		return nil
	}
	v := x.inspect(s, out)
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case v.effect == "" || s.Expect[v.effect] > 0:
	case v.effect == "limit" && s.Expect["allow"] > 0 && len(s.answer.Decision.Limits) > 0:
	default:
		x.violate(s.Case, "expect", counted(s.Expect), v.effect+": "+v.said)
	}
	if v.effect == "deny" && s.Expect["deny"] == s.Repeat {
		x.details(s, &v)
	}
	return out
}

// Latency is how long requests of one action took, as an agent sees it.
type Latency struct {
	Action        string
	Requests      int
	P50, P90, P99 time.Duration
}

// latencies merges what the agents measured.
func latencies(by []map[string][]time.Duration) (out []Latency) {
	merged := map[string][]time.Duration{}
	var all []time.Duration
	for _, m := range by {
		for action, took := range m {
			merged[action] = append(merged[action], took...)
			all = append(all, took...)
		}
	}
	for action, took := range merged {
		out = append(out, latency(action, took))
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Requests != out[j].Requests {
			return out[i].Requests > out[j].Requests
		}
		return out[i].Action < out[j].Action
	})
	if len(all) > 0 {
		out = append(out, latency("all", all))
	}
	return out
}

func latency(action string, took []time.Duration) Latency {
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	at := func(percent int) time.Duration { return took[min(len(took)*percent/100, len(took)-1)] }
	return Latency{action, len(took), at(50), at(90), at(99)}
}
