package run

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	if err == nil || ended {
		s.tally.count(ex, ended)
		s.tally.trouble(&r)
	}
	if ended && s.Learn != nil {
		s.learn(ex)
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
	r.Request.Method, r.Request.Path, r.Request.Query, r.Request.Proto = ex.Method, ex.Path, ex.Query, ex.Proto
	if ex.Authority != (action.Authority{}) {
		r.Request.Authority = ex.Authority.String()
	}
	if ex.Plain {
		r.Request.Scheme = "http"
	}
	r.Request.Bytes = ex.Sent
	if ex.BodyHash != "" {
		r.Request.BodySHA256 = "sha256:" + ex.BodyHash
	}
	r.Response.Status, r.Response.Bytes, r.Response.Scrubbed, r.Response.Error = ex.Status, ex.Received, ex.Scrubbed, ex.Failure
	for _, k := range ex.Kept {
		r.Response.Result = append(r.Response.Result, audit.Field(k))
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

// tally counts what became of the run's requests.
type tally struct {
	mu      sync.Mutex
	r       Result
	pending int
	about   []string // of each of r.Troubles
}

func (t *tally) count(ex *proxy.Exchange, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !ended {
		t.pending++
		return
	}
	if ex.Recorded {
		t.pending--
	}
	if ex.Transport == "preflight" {
		return // no request of the child's
	}
	t.r.Requests++
	switch f := ex.Refusal; {
	case f == nil && ex.Failure == "":
		t.r.Allowed++
	case f == nil || f.Effect == "error":
		t.r.Failed++
	case f.Effect == "limit":
		t.r.Limited++
	default:
		t.r.Denied++
		if t.r.ByRule == nil {
			t.r.ByRule = map[string]int{}
		}
		t.r.ByRule[f.Rule]++
		t.unknown(ex)
	}
}

// maxTroubles bounds those that are told at the end, and the hosts.
const maxTroubles = 5

// unknown remembers a host that a request was refused for, and nothing else.
func (t *tally) unknown(ex *proxy.Exchange) {
	if !ex.Refusal.Unknown {
		return
	}
	host := strings.TrimSuffix(ex.Authority.String(), ":443")
	if len(t.r.Unknown) < maxTroubles && !slices.Contains(t.r.Unknown, host) {
		t.r.Unknown = append(t.r.Unknown, audit.Clip(host, 100))
	}
}

// trouble remembers what no policy mends.
func (t *tally) trouble(r *audit.Record) {
	if r.Event != audit.Ended {
		return
	}
	about, text := r.Request.Authority, ""
	switch {
	case r.Effect == "error" && r.Response.Status >= http.StatusInternalServerError: // not where the child itself gave up
		text = r.Reason
	case r.Response.Status == http.StatusUnauthorized && r.Credential != "":
		about += " " + r.Credential
		text = fmt.Sprintf("%s does not take %s (401): it may be wrong, expired or revoked", r.Request.Authority, r.Credential)
	}
	if text == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.about) < maxTroubles && !slices.Contains(t.about, about) {
		t.about, t.r.Troubles = append(t.about, about), append(t.r.Troubles, audit.Clip(text, 400))
	}
}

func (t *tally) open() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pending
}

func (t *tally) result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.r
	r.ByRule = maps.Clone(r.ByRule)
	return r
}
