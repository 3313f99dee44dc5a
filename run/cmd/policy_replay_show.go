package cmd

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"agentguard/policy/suite"
	"agentguard/run/audit"
)

// replayed is one line of `policy replay --json`: a request, or with Done all of them.
type replayed struct {
	File      string     `json:"file,omitempty"`
	Line      int        `json:"line,omitempty"`
	Time      *time.Time `json:"timestamp,omitempty"`
	AgentID   string     `json:"agent_id,omitempty"`
	Method    string     `json:"method,omitempty"`
	Authority string     `json:"authority,omitempty"`
	Path      string     `json:"path,omitempty"`
	Action    string     `json:"action,omitempty"`
	Resource  string     `json:"resource,omitempty"`
	Change    string     `json:"change,omitempty"`
	Was       *outcome   `json:"was,omitempty"`
	Now       *outcome   `json:"now,omitempty"`
	Why       string     `json:"why,omitempty"`

	Done        bool           `json:"done,omitempty"`
	Files       int            `json:"files,omitempty"`
	Requests    int            `json:"requests,omitempty"`
	Changes     map[string]int `json:"changes,omitempty"`
	AnotherRule int            `json:"another_rule,omitempty"` // of the same
	Narrower    int            `json:"narrower,omitempty"`     // that went through and would be refused
	Wider       int            `json:"wider,omitempty"`        // that were refused and would go through
}

type outcome struct {
	Effect string `json:"effect,omitempty"` // none: it cannot be told
	Rule   string `json:"rule,omitempty"`
}

func replayedLine(path string, line int, rec *audit.Record, q *suite.Recorded, v suite.Verdict) replayed {
	return replayed{File: path, Line: line, Time: &rec.Time, AgentID: rec.AgentID, Method: rec.Request.Method, Authority: rec.Request.Authority,
		Path: rec.Request.Path, Action: rec.Action, Resource: rec.Resource, Change: v.Change.String(), Why: v.Why,
		Was: &outcome{q.Effect, q.Rule}, Now: &outcome{v.Effect, v.Rule}}
}

// heading says of what run a log is, and under what policy it was recorded.
func (r *replay) heading(path string, start *audit.Record) {
	if r.json {
		return
	}
	under := audit.Clip(start.Detail["policy"], 160) + " as it was then"
	if start.Detail["policy_sha256"] == r.hash {
		under = "this very policy"
	}
	r.print("%s: run %s, agent %s, recorded under %s\n", audit.SafeText(path), audit.Clip(start.RunID, 60), audit.Clip(start.AgentID, 60), under)
}

// report is the table and what it comes to.
func (r *replay) report(files int) error {
	if r.json {
		counts := map[string]int{}
		for _, c := range suite.Changes {
			counts[c.String()] = r.changes[c]
		}
		return r.program.json(replayed{Done: true, Files: files, Requests: r.requests, Changes: counts, AnotherRule: r.moved, Narrower: r.narrower, Wider: r.wider})
	}
	if len(r.groups) > 0 {
		r.table(r.rows())
	}
	if r.rest > 0 {
		r.print("and %s of other kinds\n", plural(r.rest, "further request"))
	}
	r.print("%s: %s\n", plural(r.requests, "request"), r.tally())
	if r.narrower > 0 {
		r.print("%s: %d that went through would now be refused\n", r.odd("narrower"), r.narrower)
	}
	if r.wider > 0 {
		r.print("%s: %d that were refused would now go through\n", r.bad("wider"), r.wider)
	}
	return nil
}

func (r *replay) tally() string {
	var parts []string
	for _, c := range suite.Changes {
		n := r.changes[c]
		switch {
		case n == 0 && c != suite.Same:
			continue
		case c == suite.Same && r.moved > 0:
			parts = append(parts, fmt.Sprintf("%d the same (%d by another rule)", n, r.moved))
		case c == suite.Same:
			parts = append(parts, fmt.Sprintf("%d the same", n))
		case c == suite.Untold:
			parts = append(parts, fmt.Sprintf("%d that cannot be told", n))
		case c == suite.Unasked:
			parts = append(parts, fmt.Sprintf("%d refused whatever the policy says", n))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, c))
		}
	}
	return strings.Join(parts, ", ")
}

// rows are the groups, first what a reviewer looks for, then what there is most of.
func (r *replay) rows() [][]string {
	var keys []group
	for g := range r.groups {
		keys = append(keys, g)
	}
	order := map[suite.Change]int{}
	for i, c := range suite.Changes {
		order[c] = i
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		switch {
		case a.change != b.change:
			return order[a.change] < order[b.change]
		case r.groups[a].n != r.groups[b].n:
			return r.groups[a].n > r.groups[b].n
		}
		return a.action+" "+a.resource+" "+a.was+" "+a.now < b.action+" "+b.resource+" "+b.was+" "+b.now
	})
	rows := [][]string{{"CHANGE", "COUNT", "ACTION", "RESOURCE", "WAS", "NOW", "WHY"}}
	for _, g := range keys {
		t := r.groups[g]
		rows = append(rows, []string{g.change.String(), fmt.Sprint(t.n), orDash(g.action), orDash(g.resource), g.was, orDash(g.now), orDash(t.why)})
	}
	return rows
}
