package run

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/proxy"
	"agentguard/run/audit"
)

// TestRecordsAreInTheFileInTime: a request's before it leaves, a refusal's at once, for it has no other, and what became
// of a request a few milliseconds later or with the next record.
func TestRecordsAreInTheFileInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still meanwhile
		s := sessionWithLog(t)
		events := func() (all []audit.Event) {
			text, err := os.ReadFile(s.log.Path())
			if err != nil {
				t.Fatal(err)
			}
			audit.Read(bytes.NewReader(text), func(_ int, r *audit.Record, _ []byte) error { all = append(all, r.Event); return nil })
			return all
		}
		last := func(n int, want audit.Event) {
			t.Helper()
			if all := events(); len(all) != n || all[n-1] != want {
				t.Fatalf("%v in the file, want %d, the last %s", all, n, want)
			}
		}
		sent := &proxy.Exchange{ID: 1, Start: time.Now()}
		mustRecord(t, s, sent, false)
		last(1, audit.Sent)
		sent.Recorded = true
		mustRecord(t, s, sent, true)
		last(1, audit.Sent)
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		last(2, audit.Ended)
		mustRecord(t, s, &proxy.Exchange{ID: 2, Start: time.Now(), Refusal: &proxy.Refusal{Effect: "deny"}}, true)
		last(3, audit.Refused)
		mustRecord(t, s, sent, true)
		if err := s.log.Append(s.endRecord(Result{})); err != nil {
			t.Fatal(err)
		}
		last(5, audit.RunEnd)
	})
}

// TestTroubles: what no policy mends is told once for each host.
func TestTroubles(t *testing.T) {
	var all tally
	for _, r := range []audit.Record{
		{Event: audit.Sent, Effect: "error", Reason: "not ended"},
		{Event: audit.Ended, Effect: "error", Reason: "a is down: port 1", Response: audit.Response{Status: 502}, Request: audit.Request{Authority: "a:443"}},
		{Event: audit.Ended, Effect: "error", Reason: "a is down: port 2", Response: audit.Response{Status: 502}, Request: audit.Request{Authority: "a:443"}},
		{Event: audit.Ended, Effect: "error", Reason: "the client went", Response: audit.Response{Status: 400}, Request: audit.Request{Authority: "c:443"}},
		{Event: audit.Ended, Effect: "allow", Response: audit.Response{Status: 401}, Request: audit.Request{Authority: "a:443"}},
		{Event: audit.Ended, Effect: "allow", Credential: "key", Response: audit.Response{Status: 401}, Request: audit.Request{Authority: "a:443"}},
		{Event: audit.Refused, Effect: "deny", Reason: "denied", Request: audit.Request{Authority: "b:443"}},
	} {
		all.trouble(&r)
	}
	want := []string{"a is down: port 1", "a:443 does not take key (401): it may be wrong, expired or revoked"}
	if got := all.result().Troubles; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestRecordTellsAll: every action of a request with its resource, the scheme, what is kept of the answer.
func TestRecordTellsAll(t *testing.T) {
	s := sessionWithLog(t)
	on := func(name, resource string) action.Action {
		return action.Action{Name: name, Class: action.Write, Resource: action.Resource{Kind: "repo", Name: resource}}
	}
	ex := &proxy.Exchange{Plain: true, Kept: []proxy.Kept{{Name: "number", Value: "7", Literal: true}}, Match: action.Match{Actions: []action.Action{on("push", "o/a"), on("force_push", "o/b")}}}
	r := s.recordOf(ex)
	if !slices.Equal(r.Actions, []string{"push", "force_push"}) || !slices.Equal(r.Resources, []string{"repo:o/a", "repo:o/b"}) || r.Request.Scheme != "http" ||
		len(r.Response.Result) != 1 || r.Response.Result[0] != (audit.Field{Name: "number", Value: "7", Literal: true}) {
		t.Errorf("%+v", r)
	}
	ex.Plain, ex.Match.Actions[1] = false, on("force_push", "o/a")
	if r := s.recordOf(ex); r.Resource != "repo:o/a" || r.Resources != nil || r.Request.Scheme != "" || r.Operations != nil {
		t.Errorf("one resource, over TLS: %+v", r)
	}
	also := on("force_push", "o/a")
	also.Also = true
	ex.Match.Actions = []action.Action{on("push", "o/a"), also, on("push", "o/b"), on("push", "o/c"), also, also}
	if r := s.recordOf(ex); !slices.Equal(r.Operations, []int{2, 1, 3}) {
		t.Errorf("operations %v", r.Operations)
	}
}

func BenchmarkRecord(b *testing.B) {
	s := sessionWithLog(b)
	ex := &proxy.Exchange{ID: 1, Start: time.Now(), Stages: make([]proxy.StageTime, 8)}
	b.ReportAllocs()
	for b.Loop() {
		ex.Recorded = false
		mustRecord(b, s, ex, false)
		ex.Recorded = true
		mustRecord(b, s, ex, true)
	}
}

func sessionWithLog(t testing.TB) *session {
	t.Helper()
	dir, anchors := audit.Dirs(t.TempDir())
	log, err := audit.Create(audit.Options{Dir: dir, AnchorDir: anchors, RunID: "run-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	s := &session{log: log}
	s.Policy = &policy.Policy{}
	return s
}

func mustRecord(t testing.TB, s *session, ex *proxy.Exchange, ended bool) {
	t.Helper()
	if err := s.record(ex, ended); err != nil {
		t.Fatal(err)
	}
}

// TestEndWaitsForExchanges: until what was begun is on record, and no longer.
func TestEndWaitsForExchanges(t *testing.T) {
	s := sessionWithLog(t)
	<-s.tally.settled()
	ex := &proxy.Exchange{Recorded: true}
	mustRecord(t, s, ex, false)
	settled := s.tally.settled()
	select {
	case <-settled:
		t.Error("an exchange is open, and nothing waits for it")
	default:
	}
	mustRecord(t, s, ex, true)
	<-settled
}
