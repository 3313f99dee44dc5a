package policy

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"agentguard/policy/action"
)

const graphqlPolicy = `version = 1
[agent]
name = "a"
[credential.t]
from = "env:T"
service = "github"
[allow.work]
service = "github"
actions = ["read", "create_pr", "add_comment", "transfer_issue", "delete_branch"]
resources = ["repo:o/r", "repo:o/s"]
limits = { create_pr = "5/hour", "*" = "9/hour" }
[allow.labels]
service = "github"
actions = ["create_label"]
[deny.never]
actions = ["merge_pr", "force_push"]
[deny.locked]
actions = ["add_reaction"]
resources = ["repo:o/locked"]
[allow.reactions]
service = "github"
actions = ["add_reaction"]
`

// facts are what the service says about its ids.
var facts = map[string]string{"R_r": "o/r", "R_s": "o/s", "R_x": "o/x", "R_locked": "o/locked"}

// asked is a request to GitHub's GraphQL API whose ids are looked up in facts.
func asked(t *testing.T, document string, ids *[]string) (*action.Match, *action.Request) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	path, err := action.ParsePath("/graphql", true)
	if err != nil {
		t.Fatal(err)
	}
	r := &action.Request{Method: "POST", Path: path, Header: http.Header{"Content-Type": {"application/json"}}}
	r.Body = func(int64) ([]byte, error) { return body, nil }
	r.Ask = func(q *action.Question) (*action.Reply, error) {
		var put struct{ Variables struct{ Ids []string } }
		if err := json.Unmarshal(q.Body, &put); err != nil {
			return nil, err
		}
		*ids = append(*ids, put.Variables.Ids...)
		var nodes []any
		for _, id := range put.Variables.Ids {
			switch {
			case id == "down":
				return nil, errors.New("nobody answers")
			case facts[id] != "":
				nodes = append(nodes, map[string]any{"__typename": "Repository", "nameWithOwner": facts[id]})
			case strings.HasPrefix(id, "REF_"):
				nodes = append(nodes, map[string]any{"__typename": "Ref", "prefix": strings.TrimPrefix(id, "REF_"), "name": "x", "repository": map[string]any{"nameWithOwner": "o/r"}})
			default:
				nodes = append(nodes, nil)
			}
		}
		answer, err := json.Marshal(map[string]any{"data": map[string]any{"nodes": nodes}})
		return &action.Reply{Status: 200, Body: answer}, err
	}
	svc := action.Lookup("github")
	m := action.Classify(svc, &svc.Hosts[0], r)
	return &m, r
}

// TestIdsAreLookedUpWhereItMatters: the service is asked only where some rule could allow the action and some rule hangs on
// the answer.
func TestIdsAreLookedUpWhereItMatters(t *testing.T) {
	p, err := Parse("t.toml", []byte(graphqlPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ document, effect, rule, says, ids string }{
		{`mutation{createPullRequest(input:{repositoryId:"R_r"}){clientMutationId}}`, "allow", "allow.work", "", "R_r"},
		{`mutation{createPullRequest(input:{repositoryId:"R_x"}){clientMutationId}}`, "deny", "", "not on repo:o/x", "R_x"},
		{`mutation{createPullRequest(input:{repositoryId:"gone"}){clientMutationId}}`, "deny", "", "the id gone belongs to could not be looked up", "gone"},
		{`mutation{createPullRequest(input:{repositoryId:"down"}){clientMutationId}}`, "deny", "", "looked up: nobody answers", "down"},
		{`mutation{createPullRequest(input:{title:"x"}){clientMutationId}}`, "deny", "", "does not tell which resource", ""},
		{`mutation{transferIssue(input:{issueId:"R_r",repositoryId:"R_s"}){clientMutationId}}`, "allow", "allow.work", "", "R_r R_s"},
		{`mutation{transferIssue(input:{issueId:"R_r",repositoryId:"R_x"}){clientMutationId}}`, "deny", "", "not on repo:o/x", "R_r R_x"},
		{`mutation{transferIssue(input:{issueId:"R_x",repositoryId:"R_r"}){clientMutationId}}`, "deny", "", "not on repo:o/x", "R_x R_r"},
		// forbidden or not allowed whatever the ids are
		{`mutation{mergePullRequest(input:{pullRequestId:"R_r"}){clientMutationId}}`, "deny", "deny.never", "forbids it", ""},
		{`mutation{closeIssue(input:{issueId:"R_r"}){clientMutationId}}`, "deny", "", "no rule allows it", ""},
		{`mutation{createPullRequest(input:{repositoryId:"R_r"}){clientMutationId} closeIssue(input:{issueId:"R_r"}){clientMutationId}}`, "deny", "", "no rule allows it", ""},
		// allowed whatever they are
		{`mutation{createLabel(input:{repositoryId:"R_x"}){clientMutationId}}`, "allow", "allow.labels", "", ""},
		// allowed anywhere but where it is forbidden
		{`mutation{addReaction(input:{subjectId:"R_x"}){clientMutationId}}`, "allow", "allow.reactions", "", "R_x"},
		{`mutation{addReaction(input:{subjectId:"R_locked"}){clientMutationId}}`, "deny", "deny.locked", "forbids it", "R_locked"},
		{`mutation{addReaction(input:{subjectId:"gone"}){clientMutationId}}`, "deny", "deny.locked", "could not be looked up", "gone"},
		// the action's own name hangs on the id
		{`mutation{deleteRef(input:{refId:"REF_refs/heads/"}){clientMutationId}}`, "allow", "allow.work", "", "REF_refs/heads/"},
		{`mutation{deleteRef(input:{refId:"REF_refs/tags/"}){clientMutationId}}`, "deny", "", "Action delete_tag is denied", "REF_refs/tags/"},
		{`{node(id:"R_r"){... on Repository{name}}}`, "allow", "allow.work", "", "R_r"},
		{`{node(id:"R_x"){... on Repository{name}}}`, "deny", "", "not on repo:o/x", "R_x"},
		{`{viewer{email}}`, "deny", "", "not on graphql:query", ""},
		{`{viewer{login}}`, "allow", "allow.work", "", ""}, // whose credential it is
	} {
		var ids []string
		m, r := asked(t, c.document, &ids)
		d := p.Decide(m, r)
		if d.Effect.String() != c.effect || d.Rule != c.rule || !strings.Contains(d.Reason+" "+d.Hint, c.says) || strings.Join(ids, " ") != c.ids {
			t.Errorf("%s\n\tgot  %s %q asking %q: %s (%s)\n\twant %s %q asking %q: %s", c.document, d.Effect, d.Rule, ids, d.Reason, d.Hint, c.effect, c.rule, c.ids, c.says)
		}
	}
}

// TestLimitsCountRootFields: two aliases are two pull requests, and one mutation on two repositories is one.
func TestLimitsCountRootFields(t *testing.T) {
	p, err := Parse("t.toml", []byte(graphqlPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for document, want := range map[string][2]int{ // create_pr and *
		`mutation{createPullRequest(input:{repositoryId:"R_r"}){clientMutationId}}`:                                                                                    {1, 1},
		`mutation{a:createPullRequest(input:{repositoryId:"R_r"}){clientMutationId} b:createPullRequest(input:{repositoryId:"R_r"}){clientMutationId}}`:                {2, 2},
		`mutation{createPullRequest(input:{repositoryId:"R_r",headRepositoryId:"R_s"}){clientMutationId}}`:                                                             {1, 1},
		`mutation{createPullRequest(input:{repositoryId:"R_r"}){pullRequest{files{nodes{path}}}}}`:                                                                     {1, 1},
		`mutation{...f createPullRequest(input:{repositoryId:"R_r"}){clientMutationId}} fragment f on Mutation{addComment(input:{subjectId:"R_r"}){clientMutationId}}`: {1, 2},
		`{a:repository(owner:"o",name:"r"){name} b:repository(owner:"o",name:"r"){name} c:repository(owner:"o",name:"s"){name}}`:                                       {0, 3},
	} {
		var ids []string
		m, r := asked(t, document, &ids)
		d := p.Decide(m, r)
		var got [2]int
		for _, take := range d.Limits {
			if strings.HasSuffix(take.Key, "/create_pr") {
				got[0] = take.N
			} else {
				got[1] = take.N
			}
		}
		if d.Effect != Allow || got != want {
			t.Errorf("%s\n\tgot %s, %v; want %v (%s)", document, d.Effect, got, want, d.Hint)
		}
	}
}

// TestLimitsOfAnOperation: a limit that names an operation of the REST API counts the mutations that do the same, and the reverse.
func TestLimitsOfAnOperation(t *testing.T) {
	for limit, want := range map[string]int{"pulls/create": 1, "createPullRequest": 1, "revertPullRequest": 0, "*": 1} {
		p := mustParse(t, `version = 1
agent.name = "bot"
credential.gh = { from = "keychain:gh", service = "github" }
allow.all = { service = "github", actions = ["*"], limits = { "`+limit+`" = "5/hour" } }
`)
		var ids []string
		m, r := asked(t, `mutation{createPullRequest(input:{repositoryId:"R_r"}){clientMutationId}}`, &ids)
		taken := 0
		for _, take := range p.Decide(m, r).Limits {
			taken += take.N
		}
		if taken != want {
			t.Errorf("%s: %d taken of it by createPullRequest", limit, taken)
		}
	}
}

// TestKnownIsAskedOnce: what one request learnt, the next one knows.
func TestKnownIsAskedOnce(t *testing.T) {
	p, err := Parse("t.toml", []byte(graphqlPolicy))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	known := &action.Known{}
	for _, id := range []string{"R_r", "R_r", "R_s", "gone", "gone"} {
		m, r := asked(t, `mutation{addComment(input:{subjectId:"`+id+`"}){clientMutationId}}`, &ids)
		r.Known = known
		p.Decide(m, r)
	}
	if !slices.Equal(ids, []string{"R_r", "R_s", "gone", "gone"}) { // what nobody could tell is asked again
		t.Errorf("asked for %q", ids)
	}
}

// BenchmarkDecideGraphQL is the whole decision about gh pr create's mutation: reading it, its id known, and the policy.
func BenchmarkDecideGraphQL(b *testing.B) {
	p, err := Parse("t.toml", []byte(graphqlPolicy))
	if err != nil {
		b.Fatal(err)
	}
	path, err := action.ParsePath("/graphql", true)
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"query":"mutation PullRequestCreate($input: CreatePullRequestInput!) { createPullRequest(input: $input) { pullRequest { id url } } }",` +
		`"variables":{"input":{"baseRefName":"main","body":"Closes #7","draft":false,"headRefName":"fix-login","maintainerCanModify":true,"repositoryId":"R_r","title":"Fix login"}}}`)
	known := &action.Known{}
	known.Learn("github", "R_r", action.Fact{Resource: action.Resource{Kind: "repo", Name: "o/r"}})
	r := &action.Request{Method: "POST", Path: path, Header: http.Header{"Content-Type": {"application/json"}}, Known: known}
	r.Body = func(int64) ([]byte, error) { return body, nil }
	svc := action.Lookup("github")
	b.ReportAllocs()
	for b.Loop() {
		m := action.Classify(svc, &svc.Hosts[0], r)
		if d := p.Decide(&m, r); d.Effect != Allow {
			b.Fatal(d.Reason, d.Hint)
		}
	}
}
