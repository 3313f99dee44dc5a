// Package live fires the cases of a policy through the real proxy, over real TLS, at a service on loopback that gives away
// whatever it is sent, with throw-away credentials. It asserts by the answers alone that each case comes out as it says, that
// nothing refused ever arrives, and that no credential ever comes back, and measures how long requests take. It reads no
// vault and sends nothing off this machine.
package live

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"agentguard/policy"
	"agentguard/policy/suite"
	"agentguard/proxy"
)

// Config is what one run needs.
type Config struct {
	Policy *policy.Policy
	Cases  *policy.Cases

	Agents     int    // that send at the same time, each with limits and a proxy of its own; at least 1
	Iterations int    // requests of all agents together, besides those of the cases themselves
	TempDir    string // for large bodies; if "", the system's

	// Progress hears how many requests of how many were answered. If nil, nobody does.
	Progress func(done, total int)

	testOnlyService func(http.Handler) http.Handler // stands before the service
	testOnlyProxy   func(*proxy.Config)             // changes what the agents' proxies are made of
}

// MaxAgents and MaxIterations bound a run.
const (
	MaxAgents     = 100
	MaxIterations = 1_000_000
)

// Report is what came of a run.
type Report struct {
	File, Policy string
	Cases        int
	Agents       int
	Requests     int            // all
	Effects      map[string]int // "allow", "deny", "limit"
	Statuses     map[int]int
	Protocols    map[string]int // "HTTP/1.1", "HTTP/2.0"
	Bytes        int64          // of answers that were searched, headers included
	Credentials  int            // that arrived at the service, counted for each request
	Took         time.Duration  // of the iterations
	Iterations   int
	Latency      []Latency // of the iterations by action, the busiest first, then of all together; see hostileEvery

	Violations []Violation // the first of them
	Violated   int         // how many there were
}

// Violation is something that must not happen.
type Violation struct {
	Case string `json:"case"`
	Line int    `json:"line"`
	What string `json:"what"` // effect, reason, rule, ..., leak, arrival, status, answer
	Want string `json:"want,omitempty"`
	Got  string `json:"got"`
}

// maxViolations bounds the list; what is wrong once is mostly wrong each time.
const maxViolations = 100

//go:noinline
func (r *Report) violate(c *policy.Case, what, want, got string) {
	r.Violated++
	if len(r.Violations) < maxViolations {
		r.Violations = append(r.Violations, Violation{c.Name, c.Lines[what], what, want, clip(got)})
		if v := &r.Violations[len(r.Violations)-1]; v.Line == 0 {
			v.Line = c.Line
		}
	}
}

func clip(s string) string {
	if len(s) > 400 {
		return s[:400] + "..."
	}
	return s
}

// Run does it. The error is for what cannot be set up; what comes out otherwise than it must is in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	if c.Agents < 1 || c.Agents > MaxAgents || c.Iterations < 0 || c.Iterations > MaxIterations {
		return nil, fmt.Errorf("there can be 1 to %d agents and up to %d iterations", MaxAgents, MaxIterations)
	}
	r := &Report{File: c.Cases.File, Policy: c.Policy.Source, Cases: len(c.Cases.Cases), Agents: c.Agents,
		Effects: map[string]int{}, Statuses: map[int]int{}, Protocols: map[string]int{}}
	shots, err := prepare(c.Policy, c.Cases)
	if err != nil {
		return nil, err
	}
	rig, err := newRig(&c, shots)
	if err != nil {
		return nil, err
	}
	defer rig.close()
	x := &run{config: c, Report: r, rig: rig, shots: shots, placeholders: rig.placeholders()}
	for i := range shots {
		x.total += 2 * shots[i].Repeat
	}
	x.total += c.Iterations
	if err := x.cases(ctx); err != nil {
		return nil, err
	}
	return r, x.load(ctx)
}

// shot is one case made ready to be sent.
type shot struct {
	*policy.Case
	request *suite.Request
	answer  *suite.Answer // what the policy says
	action  string        // for the table of latencies
	own     string        // all text that the case itself holds: what comes back of it is no leak
}

// prepare asks the policy for each case, to know which credential an agent would name and which action is measured.
func prepare(p *policy.Policy, cases *policy.Cases) ([]shot, error) {
	var shots []shot
	for i := range cases.Cases {
		c := &cases.Cases[i]
		s := shot{Case: c, request: suite.RequestOf(c), own: c.URL + "\n" + c.Body}
		for name, value := range c.Headers {
			s.own += "\n" + name + ": " + value
		}
		var err error
		if s.answer, err = suite.Ask(p, s.request); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", cases.File, c.Line, err)
		}
		s.action = s.answer.Decision.Action.Name
		if s.action == "" {
			s.action = s.answer.Rule // network.allow
		}
		if s.action == "" {
			s.action = "(none)"
		}
		shots = append(shots, s)
	}
	return shots, nil
}
