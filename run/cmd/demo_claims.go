package cmd

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"agentguard/run/audit"
	"agentguard/run/origin"
)

// evidence is everything that the demo can know of: what the agent had and got, what the hosts saw, what is on record.
type evidence struct {
	secret     string
	code       int // the agent's exit code
	output     string
	transcript demoTranscript
	seen       []origin.Seen
	pasted     []string
	records    []audit.Record
	auditText  string
	auditErr   error // of verifying the chain
}

// readAudit reads the run's log and checks its chain.
func (e *evidence) readAudit(file, stateHome string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	e.auditText = string(text)
	if err := audit.Read(strings.NewReader(e.auditText), func(_ int, r *audit.Record, _ []byte) error {
		e.records = append(e.records, *r)
		return nil
	}); err != nil {
		return err
	}
	_, anchors := audit.Dirs(stateHome)
	report, err := audit.Verify(file, anchors)
	if err == nil && (len(report.Problems) > 0 || !report.Complete) {
		err = fmt.Errorf("%d problems, complete: %v", len(report.Problems), report.Complete)
	}
	e.auditErr = err
	return nil
}

// claim is one sentence and whether the evidence bears it out.
type claim struct {
	text  string
	holds bool
}

func (e *evidence) claims() []claim {
	t := e.transcript
	deletion, echo, paste := t.exchange("delete"), t.exchange("echo"), t.exchange("paste")
	return []claim{
		{"the agent had a placeholder shaped like a GitHub token, and not the token",
			e.code == 0 && len(e.placeholder()) == len(e.secret) && strings.HasPrefix(e.placeholder(), "ghp_") && e.placeholder() != e.secret},
		{"the pull request was opened: " + demoAPI + " got the real token",
			t.exchange("pull").Status == http.StatusCreated && e.arrivedWith(http.MethodPost, demoAPI, e.secret)},
		{"deleting the repository was refused with the reason, and never left this machine",
			deletion.Status == http.StatusForbidden && strings.Contains(deletion.Answer, "Action delete_repo is denied") && !e.arrived(http.MethodDelete, demoAPI)},
		{"the API gave the token back, and the agent got its placeholder instead",
			echo.Status == http.StatusOK && e.arrivedWith(http.MethodGet, demoAPI, e.secret) && strings.Contains(echo.Answer, "Bearer "+e.placeholder())},
		{"nothing reached " + demoUnknown + ", a host that the policy does not name",
			refused(t.exchange("unknown")) && !e.arrived("", demoUnknown)},
		{"the placeholder was refused as a credential at " + demoPaste,
			refused(t.exchange("credential")) && !e.arrived(http.MethodGet, demoPaste)},
		{"the pasted environment holds the placeholder and not the token",
			paste.Status == http.StatusCreated && strings.Contains(strings.Join(e.pasted, "\n"), e.placeholder()) && !e.leaked(e.pasted...)},
		{fmt.Sprintf("the token is in nothing that the agent got (%d variables, %d answers, in any of %d spellings)",
			len(t.Environ), len(t.Exchanges), len(origin.Spellings(e.secret))), len(t.Exchanges) > 0 && !e.leaked(e.got()...)},
		{fmt.Sprintf("every attempt is on record (%d lines), the chain holds, and the token is not in it", len(e.records)),
			e.auditErr == nil && len(e.records) >= len(t.Exchanges) && !e.leaked(e.auditText)},
	}
}

func refused(x demoExchange) bool {
	return x.Status == http.StatusForbidden || x.Status == 0 && strings.Contains(x.Error, http.StatusText(http.StatusForbidden))
}

func (e *evidence) placeholder() string {
	return environment(e.transcript.Environ).get("GITHUB_TOKEN")
}

// got is all that ever reached the agent, and what it wrote.
func (e *evidence) got() []string {
	got := append([]string{e.output}, e.transcript.Environ...)
	for _, x := range e.transcript.Exchanges {
		got = append(got, x.Answer, x.Error)
	}
	return got
}

func (e *evidence) leaked(texts ...string) bool {
	spellings := origin.Spellings(e.secret)
	for _, t := range texts {
		if len(origin.Spelt(t, spellings)) > 0 {
			return true
		}
	}
	return false
}

func (e *evidence) arrived(method, host string) bool { return e.arrivedWith(method, host, "") }

// arrivedWith says whether a request with that in its Authorization header came to the host; method "" is any.
func (e *evidence) arrivedWith(method, host, credential string) bool {
	for _, r := range e.seen {
		if r.Host == host && (method == "" || r.Method == method) && strings.Contains(r.Header.Get("Authorization"), credential) {
			return true
		}
	}
	return false
}

// credentialOf says in words what credential a request came with. The token itself is never printed, worthless as it is.
func (e *evidence) credentialOf(r origin.Seen) string {
	auth := r.Header.Get("Authorization")
	switch {
	case auth == "":
		return "without a credential"
	case strings.Contains(auth, e.secret):
		return "with the real token"
	case strings.Contains(auth, e.placeholder()):
		return "with the placeholder"
	}
	return "with another credential"
}
