package run

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"agentguard/proxy"
	"agentguard/run/audit"
)

// tally counts what became of the run's requests.
type tally struct {
	mu      sync.Mutex
	r       Result
	pending int
	quiet   chan struct{} // closed when nothing is pending; nil: nobody waits for that
	about   []string      // of each of r.Troubles
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
	if t.pending == 0 && t.quiet != nil {
		close(t.quiet)
		t.quiet = nil
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

// settled is closed once no exchange is open.
func (t *tally) settled() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	quiet := make(chan struct{})
	if t.quiet = quiet; t.pending == 0 {
		close(t.quiet)
		t.quiet = nil
	}
	return quiet
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
