package policy_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/suite"
)

// TestVectors runs testdata/vectors, whose README describes the format.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	readme, err := os.ReadFile("testdata/vectors/README.md")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range files {
		if !strings.Contains(string(readme), "| `"+filepath.Base(file)+"` |") {
			t.Errorf("the README does not say what %s is about", file)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { total += runVectors(t, file) })
	}
	if total < 150 {
		t.Errorf("only %d vectors", total)
	}
}

func runVectors(t *testing.T, file string) (n int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), "\n---\n")
	if !found {
		t.Fatal("no line ---")
	}
	p, err := policy.Parse("agentguard.toml", []byte(head))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Count(head, "\n") + 2
	ids := map[string]action.Fact{}
	for vector := range strings.Lines(rest) {
		line++
		if vector = strings.TrimSpace(vector); vector == "" || vector[0] == '#' {
			continue
		}
		if fact, ok := strings.CutPrefix(vector, "knows "); ok {
			id, text, _ := strings.Cut(fact, " ")
			if ids[id], err = action.ParseFact(text); err != nil {
				t.Fatal(err)
			}
			continue
		}
		n++
		if wrong := try(p, ids, vector); wrong != "" {
			t.Errorf("line %d: %s\n%s", line, vector, wrong)
		}
	}
	return n
}

// try asks for one vector and says what is not as it says.
func try(p *policy.Policy, ids map[string]action.Fact, vector string) string {
	arrow := strings.LastIndex(vector, " => ")
	if arrow < 0 {
		return "there is no =>"
	}
	want, text, _ := strings.Cut(vector[arrow+len(" => "):], " : ")
	method, rest, _ := strings.Cut(vector[:arrow], " ")
	url, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
	q := &suite.Request{Method: method, URL: url, Header: http.Header{}, IDs: ids}
	rest = strings.TrimSpace(rest)
	if after, typed := strings.CutPrefix(rest, "<"); typed {
		var kind string
		kind, rest, _ = strings.Cut(after, ">")
		q.Header.Set("Content-Type", kind)
	}
	if rest = strings.TrimSpace(rest); rest != "" {
		q.Body = []byte(rest)
	}
	a, err := suite.Ask(p, q)
	if err != nil {
		return err.Error()
	}
	rule := a.Rule
	if rule == "" {
		rule = "none"
	}
	if got := a.Effect + " " + rule; got != want || !strings.Contains(a.Said(), text) {
		return fmt.Sprintf("got  %s : %s\nwant %s : %s", got, a.Said(), want, text)
	}
	return replayedOtherwise(p, q, a)
}

// replayedOtherwise makes of a request what the log holds of it, and says what the same policy makes of that, if it is
// anything else: it may not be told where a condition asks for the body, but never told otherwise.
func replayedOtherwise(p *policy.Policy, q *suite.Request, a *suite.Answer) string {
	r := &suite.Recorded{Method: q.Method, Body: q.Body != nil, Plain: a.Plain, Authority: a.Authority.String(), Path: a.Path, Query: a.Query, Effect: a.Effect, Rule: a.Rule, Reason: a.Said()}
	if a.Claim.Service != nil {
		r.Service = a.Claim.Service.Name
	}
	for _, act := range a.Match.Actions {
		r.Actions, r.Resources = append(r.Actions, act.Name), append(r.Resources, act.Resource.String())
	}
	if r.Effect == "deny" && len(r.Actions) == 0 && a.Claim.Kind == policy.ForService || a.Authority == (action.Authority{}) {
		return "" // it was refused unread
	}
	v := suite.NewReplay(p).Ask(r)
	conditional := strings.Contains(v.Why, "the record does not") || strings.Contains(v.Why, "since its arguments do what")
	if v.Change == suite.Same && v.Rule == a.Rule || v.Change == suite.Untold && conditional || v.Change == suite.Same && conditional && v.Effect == "deny" {
		return ""
	}
	return fmt.Sprintf("replayed: %s: %s by %q: %s", v.Change, v.Effect, v.Rule, v.Why)
}
