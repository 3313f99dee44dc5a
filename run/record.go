package run

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/proxy"
	"agentguard/run/account"
	"agentguard/run/audit"
	"agentguard/run/learn"
)

// record turns an exchange into a line of the audit log: one before it leaves, one when it has ended; a refused one has
// the last alone. Only what has a line already may wait the few milliseconds of Defer for its second one.
func (s *session) record(ex *proxy.Exchange, ended bool) error {
	r, later := s.recordOf(ex), false
	switch {
	case !ended:
		r.Event, r.Time = audit.Sent, ex.Start
	case ex.Recorded:
		r.Event, later = audit.Ended, true
	default:
		r.Event, r.Time = audit.Refused, ex.Start
	}
	err := s.write(&r, later)
	if ended && s.Learn != nil {
		s.learn(ex)
	}
	if err == nil || ended {
		s.tally.trouble(&r)
		s.tally.count(ex, ended) // the end of a run waits for the last
	}
	return err
}

// learn tells the observer what a request of the child did, or would have done.
func (s *session) learn(ex *proxy.Exchange) {
	switch {
	case ex.Transport == "preflight" || ex.Authority == (action.Authority{}):
		return // our own question, or no request
	case ex.Claim.Kind == policy.Open || ex.Claim.Kind == policy.Tunnel:
		return // the policy has its host already
	}
	seen := learn.Seen{
		At: ex.Start, Credential: ex.Decision.Credential, Actions: slices.Clone(ex.Match.Actions),
		Method: ex.Method, URL: urlOf(ex), Body: ex.Read, ContentType: ex.ContentType(), Host: ex.Authority.Host,
	}
	if ex.Claim.Service != nil {
		seen.Service = ex.Claim.Service.Name
	}
	if f := ex.Refusal; f != nil && !ex.Recorded {
		seen.Refused = f.Reason
	}
	s.Learn.Add(seen)
}

// urlOf is the address of a request as a client would write it.
func urlOf(ex *proxy.Exchange) string {
	u := ex.Authority.URL(ex.Plain) + ex.Path
	if ex.Query != "" {
		u += "?" + ex.Query
	}
	return u
}

func (s *session) write(r *audit.Record, later bool) error {
	if later {
		return s.log.Defer(r)
	}
	return s.log.Append(r)
}

func (s *session) recordOf(ex *proxy.Exchange) audit.Record {
	r := audit.Record{
		RunID: s.id, AgentID: s.Agent, Owner: s.Policy.Agent.Owner, ID: ex.ID,
		Rule: ex.Decision.Rule, Effect: ex.Decision.Effect.String(), Reason: ex.Decision.Reason,
		Transport: ex.Transport, Pid: ex.Pid,
		Request: requestOf(ex), Response: responseOf(ex),
	}
	r.IPAddress, _, _ = net.SplitHostPort(ex.Peer)
	if ex.WebSocket {
		r.Transport = "websocket"
	}
	if ex.Claim.Service != nil {
		r.Service = ex.Claim.Service.Name
	}
	describe(&r, ex.Match.Actions, ex.Decision.Action)
	if ex.Credential != nil {
		r.Credential = ex.Credential.Name
	}
	r.DurationMS = float64(ex.Duration.Microseconds()) / 1e3
	if len(ex.Stages) > 0 {
		r.Stages = make(audit.Stages, 0, len(ex.Stages))
	}
	for _, st := range ex.Stages {
		r.Stages = append(r.Stages, audit.Stage{Name: st.Name, Took: st.Took})
	}
	if f := ex.Refusal; f != nil {
		r.Effect, r.Reason = f.Effect, f.Reason
	}
	return r
}

func requestOf(ex *proxy.Exchange) audit.Request {
	r := audit.Request{Method: ex.Method, Path: ex.Path, Query: ex.Query, Proto: ex.Proto, Bytes: ex.Sent}
	if ex.Authority != (action.Authority{}) {
		r.Authority = ex.Authority.String()
	}
	if ex.Plain {
		r.Scheme = "http"
	}
	if ex.BodyHash != "" {
		r.BodySHA256 = "sha256:" + ex.BodyHash
	}
	return r
}

func responseOf(ex *proxy.Exchange) audit.Response {
	r := audit.Response{Status: ex.Status, Bytes: ex.Received, Scrubbed: ex.Scrubbed, Error: ex.Failure}
	for _, k := range ex.Kept {
		r.Result = append(r.Result, audit.Field(k))
	}
	return r
}

// describe names the action that decided, and all of them where there are several; their resources too where they differ,
// and which of them are one operation, that limits count once.
func describe(r *audit.Record, all []action.Action, deciding action.Action) {
	if deciding.Name == "" && len(all) > 0 {
		deciding = all[0]
	}
	r.Action, r.Resource = deciding.Name, deciding.Resource.String()
	if len(all) < 2 {
		return
	}
	differ, joined := false, false
	for _, a := range all {
		r.Actions, r.Resources = append(r.Actions, a.Name), append(r.Resources, a.Resource.String())
		differ = differ || a.Resource != all[0].Resource
		if joined = joined || a.Also; !a.Also || len(r.Operations) == 0 {
			r.Operations = append(r.Operations, 0)
		}
		r.Operations[len(r.Operations)-1]++
	}
	if !joined {
		r.Operations = nil
	}
	if !differ {
		r.Resources = nil
	}
}

func (s *session) startRecord() *audit.Record {
	program := ""
	if len(s.Argv) > 0 {
		program = filepath.Base(s.Argv[0]) // arguments may hold what is nobody's business
	}
	r := &audit.Record{
		Time: s.start, Event: audit.RunStart, RunID: s.id, AgentID: s.Agent, Owner: s.Policy.Agent.Owner,
		Detail: map[string]string{
			"policy": s.Policy.Source, "policy_sha256": s.Policy.Hash, "isolation": s.level.Level.String(), "program": program, "version": s.Version,
		},
	}
	if as := account.As(s.User); as != "" {
		r.Detail["user"] = as
	}
	if why := s.level.WhyNotMore(); why != "" {
		r.Detail["isolation_why"] = why
	}
	return r
}

func (s *session) endRecord(r Result) *audit.Record {
	return &audit.Record{
		Time: time.Now(), Event: audit.RunEnd, RunID: s.id, AgentID: s.Agent, DurationMS: float64(r.Duration.Milliseconds()),
		Detail: map[string]string{
			"exit_code": fmt.Sprint(r.Code), "requests": fmt.Sprint(r.Requests), "denied": fmt.Sprint(r.Denied + r.Limited),
		},
	}
}
