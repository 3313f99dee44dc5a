package cmd

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy/suite"
	"agentguard/run/audit"
)

func (p *program) policyReplayCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "say what a policy would have decided about the requests of a recorded run",
		ArgsUsage: "[RUN...]",
		Description: `RUN is a run's id, the beginning of one, or a file; without it the newest run is meant. The log holds no bodies: where one
decides what a request does, the recorded actions and resources are taken, and where a condition asks for more it cannot be told.
Limits begin unused and count at the recorded times. The exit code is 1 where what was allowed would now be refused, or what was
refused would now be allowed.

examples:
  agentguard policy replay --policy proposed.toml
  agentguard policy replay --all -v
  agentguard policy replay --json 20261123T071040 | jq 'select(.change == "now denied")'`,
		Flags: []cli.Flag{policyFlag(), jsonFlag(), boolFlag("all", "every run"),
			boolFlag("verbose", "show each request that changes; with --json each request", "v")},
		Action: func(c *cli.Context) error {
			a := c.Args().Slice()
			if c.Bool("all") && len(a) > 0 {
				return usage("agentguard policy replay --help", "--all and RUN exclude each other")
			}
			pol, err := p.loadPolicy(c.String("policy"))
			if err != nil {
				return err
			}
			paths, err := p.findRuns(a)
			if c.Bool("all") {
				paths, err = p.allRuns()
				slices.Reverse(paths) // the oldest first: they share their limits
			}
			if err != nil {
				return err
			}
			r := &replay{program: p, asked: suite.NewReplay(pol), hash: pol.Hash, groups: map[group]*tallied{},
				json: c.Bool("json"), verbose: c.Bool("verbose")}
			return r.run(paths)
		},
	}
}

// replay is one call of `policy replay`. What it keeps does not grow with the length of a log.
type replay struct {
	*program
	asked         *suite.Replay
	hash          string // of the policy
	json, verbose bool

	requests        int
	changes         [len(suite.Changes)]int // how many of each
	moved           int                     // of the same, those that another rule decides
	narrower, wider int                     // that went through and would be refused; the reverse
	groups          map[group]*tallied
	rest            int // changed requests beyond maxGroups
}

// maxGroups bounds the table.
const maxGroups = 500

// group is a row of the table: requests of which the same can be said.
type group struct {
	change                     suite.Change
	action, resource, was, now string
}

type tallied struct {
	n   int
	why string // of the first
}

func (r *replay) run(paths []string) error {
	var damaged error
	for _, path := range paths {
		err := r.damage(path, r.file(path))
		if line := (*audit.LineError)(nil); err != nil && !errors.As(err, &line) {
			return err
		}
		damaged = cmp.Or(err, damaged)
	}
	if err := r.report(len(paths)); err != nil {
		return err
	}
	if damaged != nil {
		return damaged
	}
	if r.narrower+r.wider > 0 {
		return status(1)
	}
	return nil
}

// file asks for the requests of one log.
func (r *replay) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.read(path, f)
}

func (r *replay) read(path string, log io.Reader) error {
	return audit.Read(log, func(line int, rec *audit.Record, _ []byte) error {
		if rec.Event == audit.RunStart {
			r.heading(path, rec)
		}
		q, ok := recorded(rec)
		if !ok {
			return nil
		}
		return r.add(path, line, rec, q, r.asked.Ask(q))
	})
}

// recorded is the request that a record is about. Of the two records of a request that was sent the first is taken: where a
// run was killed there is no second.
func recorded(rec *audit.Record) (*suite.Recorded, bool) {
	if rec.Event != audit.Sent && rec.Event != audit.Refused || rec.Transport == "preflight" {
		return nil, false
	}
	q := &suite.Recorded{
		Time: rec.Time, Method: rec.Request.Method, Body: rec.Request.BodySHA256 != "", Plain: rec.Request.Scheme == "http", Authority: rec.Request.Authority, Path: rec.Request.Path, Query: rec.Request.Query,
		Service: rec.Service, Actions: rec.Actions, Resources: rec.Resources, Joined: rec.Operations, Effect: audit.Allow, Rule: rec.Rule, Reason: rec.Reason,
	}
	if rec.Event == audit.Refused {
		q.Unasked = unasked(rec)
		if q.Effect = audit.Deny; rec.Effect == audit.Limit {
			q.Effect = audit.Limit
		}
	}
	if n := len(q.Actions); n > 0 && audit.Cut(q.Actions[n-1]) {
		q.Actions, q.Resources, q.More = q.Actions[:n-1], q.Resources[:min(len(q.Resources), n-1)], true
	}
	if len(q.Actions) == 0 && rec.Action != "" {
		q.Actions = []string{rec.Action}
	}
	if len(q.Resources) == 0 {
		q.Resources = []string{rec.Resource}
	}
	q.Cut = slices.ContainsFunc([]string{q.Method, q.Authority, q.Path, q.Query}, audit.Cut) ||
		slices.ContainsFunc(q.Actions, audit.Cut) || slices.ContainsFunc(q.Resources, audit.Cut)
	return q, true
}

// unasked says whether a request was refused before the policy was asked, or after it had allowed it: the last stage that
// ran is the one that refused. A log of another writer may name no stages.
func unasked(rec *audit.Record) bool {
	n := len(rec.Stages)
	switch {
	case rec.Effect == audit.Error:
		return true
	case n == 0:
		return rec.Rule == "" && rec.Action == ""
	}
	last := rec.Stages[n-1].Name
	return last != "decide" && last != "limit"
}

// add counts one answer, and shows it where each is to be shown.
func (r *replay) add(path string, line int, rec *audit.Record, q *suite.Recorded, v suite.Verdict) error {
	r.requests++
	r.changes[v.Change]++
	changed := v.Change != suite.Same && v.Change != suite.Unasked
	switch {
	case v.Change == suite.Same && v.Rule != q.Rule:
		r.moved++
	case v.Change == suite.NowAllowed:
		r.wider++
	case (v.Change == suite.NowDenied || v.Change == suite.NowLimited) && q.Effect == audit.Allow:
		r.narrower++
	}
	switch {
	case r.json:
		if changed || r.verbose {
			return r.program.json(replayedLine(path, line, rec, q, v))
		}
		return nil
	case !changed:
		return nil
	case r.verbose:
		r.print("line %d: %s: %s  %s %s%s  %s\n", line, v.Change, what(rec), audit.Clip(rec.Request.Method, 60),
			audit.Clip(rec.Request.Authority, 160), audit.Clip(rec.Request.Path, 160), audit.Clip(v.Why, 400))
	}
	g := group{v.Change, audit.Clip(rec.Action, 60), audit.Clip(rec.Resource, 100), by(q.Effect, audit.Clip(q.Rule, 60)), by(v.Effect, v.Rule)}
	if t := r.groups[g]; t != nil {
		t.n++
	} else if len(r.groups) < maxGroups {
		r.groups[g] = &tallied{1, audit.Clip(v.Why, 300)}
	} else {
		r.rest++
	}
	return nil
}

// what is the action on its resource.
func what(rec *audit.Record) string {
	return strings.TrimSpace(audit.Clip(rec.Action, 60) + " " + audit.Clip(rec.Resource, 160))
}

// by is an effect and the rule that has it.
func by(effect, rule string) string {
	if effect == "" || rule == "" {
		return effect
	}
	return effect + " by " + rule
}
