package cmd

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"agentguard/run/audit"
	"agentguard/run/origin"
)

// truth is evidence that bears out every claim.
func truth() *evidence {
	const secret, placeholder = "ghp_realrealrealrealrealrealrealrealreal", "ghp_fakefakefakefakefakefakefakefakefake"
	bearer := http.Header{"Authorization": {"Bearer " + secret}}
	return &evidence{
		secret: secret,
		transcript: demoTranscript{
			Environ: []string{"GITHUB_TOKEN=" + placeholder},
			Exchanges: []demoExchange{
				{Step: "pull", Status: 201},
				{Step: "delete", Status: 403, Answer: `{"error":"Action delete_repo is denied"}`},
				{Step: "echo", Status: 200, Answer: "X: Bearer " + placeholder},
				{Step: "unknown", Error: "Forbidden"},
				{Step: "credential", Status: 403},
				{Step: "paste", Status: 201},
			},
		},
		seen: []origin.Seen{
			{Method: "POST", Host: demoAPI, Header: bearer},
			{Method: "GET", Host: demoAPI, Header: bearer},
			{Method: "POST", Host: demoPaste},
		},
		pasted:  []string{"GITHUB_TOKEN=" + placeholder},
		records: make([]audit.Record, 8),
	}
}

// TestDemoClaims: every claim holds on true evidence, and each fails when what it says is not so.
func TestDemoClaims(t *testing.T) {
	for i, c := range truth().claims() {
		if !c.holds {
			t.Errorf("claim %d does not hold on true evidence: %s", i, c.text)
		}
	}
	set := func(e *evidence, step string, status int, answer string) {
		for i := range e.transcript.Exchanges {
			if e.transcript.Exchanges[i].Step == step {
				e.transcript.Exchanges[i].Status, e.transcript.Exchanges[i].Answer = status, answer
			}
		}
	}
	for name, lie := range map[string]struct {
		claim int
		make  func(*evidence)
	}{
		"the agent had the token":     {0, func(e *evidence) { e.transcript.Environ = []string{"GITHUB_TOKEN=" + e.secret} }},
		"the agent failed":            {0, func(e *evidence) { e.code = 1 }},
		"the pull request failed":     {1, func(e *evidence) { set(e, "pull", 401, "") }},
		"the placeholder arrived":     {1, func(e *evidence) { e.seen[0].Header = http.Header{"Authorization": {"Bearer " + e.placeholder()}} }},
		"the deletion arrived":        {2, func(e *evidence) { e.seen = append(e.seen, origin.Seen{Method: "DELETE", Host: demoAPI}) }},
		"the deletion was let":        {2, func(e *evidence) { set(e, "delete", 204, "") }},
		"the echo was not tried":      {3, func(e *evidence) { e.transcript.Exchanges[2].Step = "other" }},
		"the echo gave the token":     {7, func(e *evidence) { set(e, "echo", 200, "Bearer "+e.secret) }},
		"the echo gave it encoded":    {7, func(e *evidence) { set(e, "echo", 200, base64.StdEncoding.EncodeToString([]byte("Bearer "+e.secret))) }},
		"the collector was reached":   {4, func(e *evidence) { e.seen = append(e.seen, origin.Seen{Method: "POST", Host: demoUnknown}) }},
		"the paste host was used":     {5, func(e *evidence) { e.seen = append(e.seen, origin.Seen{Method: "GET", Host: demoPaste}) }},
		"the paste was not let":       {6, func(e *evidence) { set(e, "paste", 403, "") }},
		"the paste holds the token":   {6, func(e *evidence) { e.pasted = append(e.pasted, "x"+e.secret) }},
		"the agent printed the token": {7, func(e *evidence) { e.output = strings.ToUpper(hex.EncodeToString([]byte(e.secret))) }},
		"nothing was tried":           {7, func(e *evidence) { e.transcript.Exchanges = nil }},
		"a record is missing":         {8, func(e *evidence) { e.records = e.records[:5] }},
		"the chain is broken":         {8, func(e *evidence) { e.auditErr = http.ErrAbortHandler }},
		"the log holds the token":     {8, func(e *evidence) { e.auditText = e.secret }},
	} {
		e := truth()
		lie.make(e)
		if c := e.claims()[lie.claim]; c.holds {
			t.Errorf("%s: still claimed: %s", name, c.text)
		}
	}
}

func TestSpellings(t *testing.T) {
	const secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
	e := &evidence{secret: secret}
	for before := range 7 {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat("~", before) + secret + "tail"))
			if !e.leaked(text) {
				t.Errorf("not found %d bytes into base64", before)
			}
		}
	}
	if e.leaked("ghp_0123456789abcdefghijklmnopqrstuvwxyX") {
		t.Error("found where it is not")
	}
}
