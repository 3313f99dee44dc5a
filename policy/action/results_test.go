package action

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestResultsAreOfOperations: each line of the table is about an operation that its service has, and spelt as a policy
// could spell it.
func TestResultsAreOfOperations(t *testing.T) {
	lines := 0
	for key, fields := range resultTable() {
		lines++
		service, operation, _ := strings.Cut(key, " ")
		svc := Lookup(service)
		if svc == nil {
			t.Errorf("%s: no such service", key)
			continue
		}
		if _, known := svc.Knows(operation); !known {
			t.Errorf("%s: no such operation", key)
		}
		for _, f := range fields {
			if _, err := ParseField(strings.ReplaceAll(strings.Join(f.Path, "."), "*", "x")); err != nil || f.Name == "" || strings.ContainsAny(f.Name, ".*=") {
				t.Errorf("%s: %v: %v", key, f, err)
			}
		}
	}
	if want := strings.Count(strings.TrimSpace(results), "\n") + 1; lines != want {
		t.Errorf("%d of %d lines are read", lines, want)
	}
}

func TestResults(t *testing.T) {
	name := func(fields []Field) (names []string) {
		for _, f := range fields {
			names = append(names, f.Name)
		}
		return names
	}
	m := Match{Service: Lookup("github"), Actions: []Action{{Operation: "pulls/create"}, {Operation: "git/create-ref"}, {Operation: "none"}}}
	if got := name(Results(&m, []Field{{Name: "html_url", Path: []string{"x"}}, {Name: "title", Path: []string{"title"}}})); !slices.Equal(got, []string{"html_url", "title", "number", "ref", "sha"}) {
		t.Errorf("%q", got)
	}
	m.Service = &Service{Name: "github"} // somebody's own of that name
	if got := Results(&m, nil); got != nil {
		t.Errorf("%v", got)
	}
	var many []Field
	for i := range 2 * maxResults {
		many = append(many, Field{Name: strings.Repeat("x", i+1), Path: []string{"x"}})
	}
	if got := Results(&m, many); len(got) != maxResults {
		t.Errorf("%d fields", len(got))
	}
}

// TestResultsOfGraphQL: by whatever names a document calls its fields, and never another field than the catalogue means.
func TestResultsOfGraphQL(t *testing.T) {
	for document, want := range map[string]string{
		`mutation{createPullRequest(input:{repositoryId:"R_1"}){pullRequest{id url}}}`:                                                "number=data.createPullRequest.pullRequest.url/ html_url=data.createPullRequest.pullRequest.url",
		`mutation{x:createPullRequest(input:{repositoryId:"R_1"}){pr:pullRequest{n:number link:url}}}`:                                "number=data.x.pr.n number=data.x.pr.link/ html_url=data.x.pr.link",
		`mutation{createPullRequest(input:{repositoryId:"R_1"}){pullRequest{url:title number:additions}}}`:                            "",
		`mutation{createPullRequest(input:{repositoryId:"R_1"}){clientMutationId}}`:                                                   "",
		`mutation{createPullRequest(input:{repositoryId:"R_1"}){...p}} fragment p on X{pullRequest{... on Y{number}}}`:                "number=data.createPullRequest.pullRequest.number",
		`mutation{createPullRequest(input:{repositoryId:"R_1"}){pullRequest{title} pullRequest{number}}}`:                             "number=data.createPullRequest.pullRequest.number",
		`mutation{a:createIssue(input:{repositoryId:"R_1"}){issue{number}} b:createIssue(input:{repositoryId:"R_1"}){issue{number}}}`: "number=data.a.issue.number b.number=data.b.issue.number",
		`mutation{addPullRequestReview(input:{pullRequestId:"PR_1",event:APPROVE}){pullRequestReview{url}}}`:                          "html_url=data.addPullRequestReview.pullRequestReview.url",
		`{repository(owner:"o",name:"r"){url}}`:                                                                                       "",
	} {
		body, _ := json.Marshal(map[string]string{"query": document})
		h, r := graphQLRequest(t, "github", string(body))
		m := Classify(Lookup("github"), h, r)
		var got []string
		for _, f := range Results(&m, nil) {
			tail := ""
			if f.Tail {
				tail = "/"
			}
			got = append(got, f.Name+"="+strings.Join(f.Path, ".")+tail)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", document, strings.Join(got, " "), want)
		}
	}
	_, r := graphQLRequest(t, "github", `{"query":"mutation{createIssue(input:{repositoryId:\"R_1\"}){issue{number}}}"}`)
	m := Classify(Lookup("github"), &Lookup("github").Hosts[0], r)
	if got := Results(&m, []Field{{Name: "number", Path: []string{"number"}}}); len(got) != 2 {
		t.Errorf("a rule that keeps number for REST hides the one of GraphQL: %v", got)
	}
}
