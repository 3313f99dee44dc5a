package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const githubRig = `version = 1
[agent]
name = "tester"
[credential.api-key]
from = "env:API"
service = "github"
env = ["GH_TOKEN"]
[allow.work]
service = "github"
actions = ["read", "create_pr"]
resources = ["repo:o/r"]
limits = { create_pr = "2/hour" }
`

// githubOrigin answers what ids belong to, and every mutation.
func githubOrigin(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	var q struct{ Variables struct{ Ids []string } }
	json.Unmarshal(body, &q)
	if len(q.Variables.Ids) == 0 {
		io.WriteString(w, `{"data":{"createPullRequest":{"clientMutationId":null}}}`)
		return
	}
	var nodes []any
	for _, id := range q.Variables.Ids {
		var node any
		if repo, ok := strings.CutPrefix(id, "R_"); ok {
			node = map[string]any{"__typename": "Repository", "nameWithOwner": "o/" + repo}
		}
		nodes = append(nodes, node)
	}
	json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"nodes": nodes}})
}

func githubProxy(t *testing.T, handler http.HandlerFunc) *rig {
	return graphQLProxy(t, githubRig, "api.github.com", handler)
}

func graphQLProxy(t *testing.T, policy, host string, handler http.HandlerFunc) *rig {
	t.Helper()
	ca, err := NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	return newRig(t, handler, rigOptions{policy: policy, ca: ca, adjust: func(_ *Config, u *UpstreamConfig) {
		u.Roots.AppendCertsFromPEM(ca.PEM())
		u.Resolve[host+":443"] = u.Resolve["api.example.com:443"]
	}})
}

type graphQLAnswer struct {
	Data   any
	Errors []struct {
		Message, Type string
		Path          []string
		Extensions    map[string]string
	}
	Message string
}

func (r *rig) mutate(t *testing.T, document string) (answer, graphQLAnswer) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"query": document})
	a := r.do("POST", "https://api.github.com/graphql", string(body), "Content-Type: application/json", "Authorization: bearer "+r.placeholder("api-key"))
	var g graphQLAnswer
	if err := json.Unmarshal([]byte(a.body), &g); err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.body, err)
	}
	return a, g
}

const createIn = `mutation{mine:createPullRequest(input:{repositoryId:"%",baseRefName:"main",headRefName:"x",title:"t"}){clientMutationId}}`

// TestGraphQLRefusal: what the policy denies is an answer with errors[] and status 200, and never reaches the service; what
// is over a limit is a 429 of the same form.
func TestGraphQLRefusal(t *testing.T) {
	r := githubProxy(t, githubOrigin)
	a, g := r.mutate(t, strings.Replace(createIn, "%", "R_other", 1))
	if a.StatusCode != 200 || g.Data != nil || len(g.Errors) != 1 || g.Message != "" || !strings.Contains(a.body, `"data":null`) {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	e := g.Errors[0]
	if e.Type != "FORBIDDEN" || len(e.Path) != 1 || e.Path[0] != "mine" || e.Extensions["code"] != "agentguard_deny" || e.Extensions["action"] != "create_pr" ||
		e.Extensions["resource"] != "repo:o/other" || !strings.Contains(e.Message, "Action create_pr is denied (rule allow.work allows it on repo:o/r only, not on repo:o/other)") {
		t.Errorf("%s", a.body)
	}
	rec := r.last()
	if rec.Status != 200 || rec.Refusal == nil || rec.Refusal.Effect != "deny" || rec.Recorded {
		t.Errorf("recorded %+v", rec)
	}
	if reached := r.reached(); len(reached) != 1 { // the question about the id alone
		t.Errorf("the service was asked %q", reached)
	}
	for range 2 {
		if a, _ := r.mutate(t, strings.Replace(createIn, "%", "R_r", 1)); a.StatusCode != 200 || strings.Contains(a.body, "errors") {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	a, g = r.mutate(t, strings.Replace(createIn, "%", "R_r", 1))
	if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" || len(g.Errors) != 1 || g.Errors[0].Type != "RATE_LIMITED" || g.Errors[0].Path[0] != "mine" ||
		g.Message != g.Errors[0].Message || !strings.Contains(g.Message, "Rate limit of") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a, g = r.mutate(t, "{")
	if a.StatusCode != 200 || len(g.Errors) != 1 || !strings.Contains(g.Errors[0].Message, "does not parse") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestGraphQLBatchRefusal: a list is answered with a list as long as it is, and says which of its requests is refused.
func TestGraphQLBatchRefusal(t *testing.T) {
	r := githubProxy(t, githubOrigin)
	create := func(repo string) string {
		b, _ := json.Marshal(map[string]string{"query": strings.Replace(createIn, "%", repo, 1)})
		return string(b)
	}
	query := `{"query":"{repository(owner:\"o\",name:\"r\"){name}}"}`
	ask := func(body string) (answer, []graphQLAnswer) {
		a := r.do("POST", "https://api.github.com/graphql", body, "Content-Type: application/json", "Authorization: bearer "+r.placeholder("api-key"))
		var list []graphQLAnswer
		if json.Unmarshal([]byte(a.body), &list) != nil {
			return a, nil
		}
		for _, g := range list {
			if len(g.Errors) != 1 || g.Data != nil || !strings.Contains(a.body, `"data":null`) {
				t.Errorf("%s", a.body)
			}
		}
		return a, list
	}
	a, list := ask("[" + query + "," + create("R_other") + "," + query + "]")
	if a.StatusCode != 200 || len(list) != 3 || list[1].Errors[0].Path[0] != "mine" || !strings.HasPrefix(list[1].Errors[0].Message, "Action create_pr is denied") ||
		list[0].Errors[0].Path != nil || !strings.HasPrefix(list[2].Errors[0].Message, "another request of the batch is refused: Action create_pr is denied") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a, list = ask("[" + create("R_r") + "," + create("R_r") + "," + create("R_r") + "]")
	if a.StatusCode != 429 || len(list) != 3 || list[0].Errors[0].Type != "RATE_LIMITED" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a, list = ask(`[{"query":"{"},` + query + "]"); a.StatusCode != 200 || len(list) != 2 || !strings.Contains(list[1].Errors[0].Message, "does not parse") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a, list = ask("[" + strings.Repeat("1,", 1000) + "1]"); a.StatusCode != 200 || list != nil || !strings.Contains(a.body, "a batch of 1001 GraphQL requests; send 1 to") || len(a.body) > 1000 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a, list = ask("[]"); a.StatusCode != 200 || list != nil {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if reached := r.reached(); len(reached) != 2 { // what the ids belong to
		t.Errorf("the service was asked %q", reached)
	}
}

// TestPreflightOnce: requests that need the same id at once ask once, and those that come later not at all; each question
// is on record.
func TestPreflightOnce(t *testing.T) {
	started, asked := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := githubProxy(t, func(w http.ResponseWriter, q *http.Request) {
		once.Do(func() { close(started); <-asked })
		githubOrigin(w, q)
	})
	var all sync.WaitGroup
	denied := func() {
		if a, g := r.mutate(t, strings.Replace(createIn, "%", "R_other", 1)); len(g.Errors) != 1 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	all.Go(denied)
	<-started
	for range 5 {
		all.Go(denied)
	}
	close(asked)
	all.Wait()
	denied()
	questions := 0
	for _, rec := range r.records {
		if rec.Transport == "preflight" {
			questions++
		}
	}
	if n := len(r.reached()); n != 1 || questions != 1 {
		t.Errorf("the service was asked %d times, with %d questions on record", n, questions)
	}
}

// TestPreflightFails: where the service cannot say what an id belongs to, nothing is sent.
func TestPreflightFails(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"answered 401":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"cannot be read":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"something else":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"data":{"nodes":[]}}`) },
		"answered: limited": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"errors":[{"message":"limited"}]}`) },
		"looked up":         func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"data":{"nodes":[null]}}`) },
		"longer than":       func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(" ", 2<<20)) },
		"does not tell": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data":{"nodes":[{"__typename":"Gist"}]}}`)
		},
	} {
		r := githubProxy(t, handler)
		a, g := r.mutate(t, strings.Replace(createIn, "%", "R_r", 1))
		if len(g.Errors) != 1 || !strings.Contains(g.Errors[0].Message, name) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		if n := len(r.reached()); n != 1 {
			t.Errorf("%s: the service was asked %d times", name, n)
		}
	}
}

const linearRig = `version = 1
[agent]
name = "tester"
[credential.api-key]
from = "env:API"
service = "linear"
env = ["LINEAR_API_KEY"]
[allow.work]
service = "linear"
actions = ["update_issue"]
resources = ["team:ENG"]
`

// TestLinear: the key goes into Authorization as it is, or behind Bearer where the child has it there; the team of an issue
// is asked for each time, since issues move.
func TestLinear(t *testing.T) {
	var keys []string
	r := graphQLProxy(t, linearRig, "api.linear.app", func(w http.ResponseWriter, q *http.Request) {
		keys = append(keys, strings.Replace(q.Header.Get("Authorization"), theSecret, "KEY", 1))
		body, _ := io.ReadAll(q.Body)
		var put struct{ Variables map[string]string }
		json.Unmarshal(body, &put)
		if id := put.Variables["a0"]; id != "" {
			team, _, _ := strings.Cut(id, "-")
			json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"a0": map[string]any{"team": map[string]any{"key": team}}}})
			return
		}
		io.WriteString(w, `{"data":{"issueUpdate":{"success":true}}}`)
	})
	update := func(issue, auth string) answer {
		body := `{"query":"mutation{issueUpdate(id:\"` + issue + `\",input:{title:\"x\"}){success}}"}`
		return r.do("POST", "https://api.linear.app/graphql", body, "Content-Type: application/json", "Authorization: "+auth)
	}
	key := r.placeholder("api-key")
	for issue, want := range map[string]string{"ENG-1": `"success":true`, "OPS-1": "not on team:OPS"} {
		if a := update(issue, key); a.StatusCode != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", issue, a.StatusCode, a.body)
		}
	}
	update("ENG-1", "Bearer "+key)
	want := []string{"KEY", "KEY", "KEY", "KEY", "Bearer KEY"} // of the two questions and of what they allowed, in either order
	if got := strings.Join(keys, " "); got != strings.Join(want, " ") {
		t.Errorf("Authorization was %s, want %s", got, strings.Join(want, " "))
	}
}
