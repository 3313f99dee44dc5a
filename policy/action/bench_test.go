package action

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

func benchClassify(b *testing.B, service, method, raw, body string) {
	s := Lookup(service)
	h := &s.Hosts[0]
	path, err := ParsePath(raw, h.EncodedSlash)
	if err != nil {
		b.Fatal(err)
	}
	r := &Request{Method: method, Path: path, Header: http.Header{}}
	if body != "" {
		setBody(r, body)
	}
	b.ReportAllocs()
	for b.Loop() {
		if m := Classify(s, h, r); m.Actions[0].Class == Unknown {
			b.Fatal(m.Reason)
		}
	}
}

func BenchmarkClassifyGitHub(b *testing.B) {
	benchClassify(b, "github", "POST", "/repos/Octo/Hello/pulls/7/requested_reviewers", "")
}

func BenchmarkClassifyGitHubRead(b *testing.B) {
	benchClassify(b, "github", "GET", "/repos/octo/hello/contents/a/b/c.go", "")
}

func BenchmarkClassifyGitHubBody(b *testing.B) {
	benchClassify(b, "github", "PATCH", "/repos/octo/hello/pulls/7", `{"state":"closed","title":"x"}`)
}

func BenchmarkClassifyGraphQL(b *testing.B) {
	benchClassify(b, "github", "POST", "/graphql", `{"query":"fragment pr on PullRequest{number title state url headRefName headRepositoryOwner{id login} isCrossRepository isDraft} query PullRequestList($owner:String!,$repo:String!,$limit:Int!,$endCursor:String,$baseBranch:String,$headBranch:String,$state:[PullRequestState!]=OPEN){repository(owner:$owner,name:$repo){pullRequests(states:$state,baseRefName:$baseBranch,headRefName:$headBranch,first:$limit,after:$endCursor,orderBy:{field:CREATED_AT,direction:DESC}){totalCount nodes{...pr} pageInfo{hasNextPage endCursor}}}}","variables":{"owner":"o","repo":"r","limit":30,"state":["OPEN"]}}`)
}

func BenchmarkClassifyAnthropic(b *testing.B) {
	benchClassify(b, "anthropic", "POST", "/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":1024,"messages":[{"role":"user","content":"hello"}]}`)
}

func BenchmarkClassifySlack(b *testing.B) {
	benchClassify(b, "slack", "POST", "/api/chat.postMessage", `{"channel":"#dev","text":"hello"}`)
}

func BenchmarkParsePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePath("/repos/octo/hello/pulls/7/requested_reviewers", false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAuthority(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAuthority("api.github.com:443", 443); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRouter runs over every template of GitHub's table; ns/op is for one match.
func BenchmarkRouter(b *testing.B) {
	root := Lookup("github").Hosts[0].router()
	type request struct {
		method   string
		segments []string
	}
	var all []request
	root.each(func(c *compiled) { all = append(all, request{c.Method, strings.Split(c.Template[1:], "/")}) })
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var c captures
		if root.find(all[i].method, all[i].segments, &c) == nil {
			b.Fatal("no route")
		}
		if i++; i == len(all) {
			i = 0
		}
	}
}

func BenchmarkClassifyGraphQLMutation(b *testing.B) {
	benchClassify(b, "github", "POST", "/graphql", `{"query":"mutation PullRequestCreate($input: CreatePullRequestInput!) { createPullRequest(input: $input) { pullRequest { id url } } }","variables":{"input":{"baseRefName":"main","body":"Closes #7","draft":false,"headRefName":"fix-login","maintainerCanModify":true,"repositoryId":"R_kgDOABCDEF","title":"Fix login"}}}`)
}

// BenchmarkBodyOverride is what searching a long body costs that only says it is a form.
func BenchmarkBodyOverride(b *testing.B) {
	random := make([]byte, 16<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	for name, body := range map[string][]byte{
		"random": random, "separators": bytes.Repeat([]byte(";&"), 8<<20), "semicolons": bytes.Repeat([]byte("a;"), 8<<20), "text": bytes.Repeat([]byte("x"), 16<<20),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if found, err := pairOverrides(bytes.NewReader(body)); found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}
