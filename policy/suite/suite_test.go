package suite

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
)

const testPolicy = `version = 1
[agent]
name = "bot"
[credential.gh]
from = "keychain:gh"
service = "github"
[allow.prs]
service = "github"
actions = ["read", "create_pr"]
resources = ["repo:o/r"]
limits = { create_pr = "2/hour", "*" = "5/hour" }
[deny.d]
actions = ["delete_repo"]
[network]
allow = ["pypi.org"]
tunnel = ["pinned.example.com"]
`

const wrongs = `version = 1
[[case]]
name = "holds"
method = "POST"
url = "/proxy/github/repos/o/r/pulls"
body = '{"title": "x", "head": "a", "base": "main"}'
repeat = 3
expect = { allow = 2, limit = 1 }
rule = "allow.prs"
reason = "Rate limit of bot/allow.prs/create_pr exceeded: 2/hour"
credential = "none"
[[case]]
name = "each begins with unused limits"
method = "POST"
url = "https://api.github.com/repos/o/r/pulls"
expect = "allow"
credential = "gh"
[[case]]
name = "another rule"
method = "DELETE"
url = "https://api.github.com/repos/o/r"
expect = "deny"
rule = "none"
[[case]]
name = "all differs"
method = "GET"
url = "https://api.github.com/repos/o/r"
expect = "deny"
rule = "deny.d"
reason = "denied"
action = "create_pr"
resource = "repo:o/x"
credential = "none"
[[case]]
name = "no such service"
method = "GET"
url = "/proxy/crm/x"
expect = "deny"
[[case]]
name = "open"
method = "GET"
url = "https://pypi.org/x"
expect = "allow"
rule = "network.allow"
[[case]]
name = "tunnel"
method = "GET"
url = "https://pinned.example.com/x"
expect = "allow"
rule = "network.tunnel"
credential = "none"
`

func report(t *testing.T) Report {
	t.Helper()
	p, err := policy.Parse("a.toml", []byte(testPolicy))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := policy.ParseCases("a.test.toml", []byte(wrongs))
	if err != nil {
		t.Fatal(err)
	}
	return Run(p, cases)
}

// TestRun: every difference is told with the line of the key that said otherwise.
func TestRun(t *testing.T) {
	r := report(t)
	var got []string
	for _, x := range r.Results {
		for _, f := range x.Failures {
			got = append(got, fmt.Sprintf("%d %s: %s | %s", f.Line, f.Key, f.Want, f.Got))
		}
	}
	want := []string{
		"23 rule: none | deny.d",
		"18 reason:  | Action delete_repo is denied (rule deny.d forbids it (a.toml line 12))",
		"28 expect: deny | allow",
		"30 reason: ... denied ... | ",
		"29 rule: deny.d | allow.prs",
		"31 action: create_pr | repos/get",
		"32 resource: repo:o/x | repo:o/r",
		"33 credential: none | gh",
		`37 url: a request | the policy has no service "crm" that the gateway could lead to`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.Failed() != 3 || r.Rules != 2 || len(r.Untried) != 0 {
		t.Errorf("%d failed, %d rules, untried %v", r.Failed(), r.Rules, r.Untried)
	}
}

// The report as another reader of XML sees it.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string `xml:"name,attr"`
		Class   string `xml:"classname,attr"`
		File    string `xml:"file,attr"`
		Line    int    `xml:"line,attr"`
		Failure *struct {
			Message string `xml:"message,attr"`
			Text    string `xml:",chardata"`
		} `xml:"failure"`
	}
)

func TestJUnit(t *testing.T) {
	r := report(t)
	r.Results[0].Case.Name = "a <b> \x01 & \"c\" 'd'\t\r\n\u2028\U0010ffff\ufffe\xff ]]>"
	r.File = `dir & "file".toml`
	b := JUnit([]Report{r, {File: "empty"}}, []time.Duration{1500 * time.Millisecond, 0})
	var back junitSuites
	if err := xml.Unmarshal(b, &back); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	s := back.Suites[0]
	want := "a <b> ? & \"c\" 'd'\t\r\n\u2028\U0010ffff?? ]]>"
	if s.Tests != 7 || s.Failures != 3 || s.Time != "1.500" || s.Cases[0].Name != want || s.Cases[0].Failure != nil || s.Name != r.File || len(s.Cases) != 7 {
		t.Errorf("%+v", s)
	}
	if c := s.Cases[2]; c.Failure == nil || c.Failure.Message != r.File+":23: rule: got deny.d, want none" || c.Line != 18 || c.Class != r.File || c.File != r.File ||
		strings.Count(c.Failure.Text, "\n") != 1 || !strings.HasPrefix(c.Failure.Text, c.Failure.Message+"\n") {
		t.Errorf("%+v", c)
	}
	if len(back.Suites) != 2 || back.Suites[1].Tests != 0 {
		t.Errorf("%+v", back)
	}
}

// TestAsk: what the proxy would refuse unread is refused here, with the same reason; nothing is cleaned beforehand.
func TestAsk(t *testing.T) {
	p, err := policy.Parse("a.toml", []byte(testPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, url, effect, reason string }{
		{"GET", "https://api.github.com/repos/o/r", "allow", ""},
		{"GET", "https://api.github.com/repos/o/x/../r", "deny", ".."},
		{"GET", "https://api.github.com/repos/o//r", "deny", "empty segment"},
		{"GET", "https://api.github.com/repos/o/r#x", "deny", "fragment"},
		{"GET", "https://api.github.com@evil.example/repos/o/r", "deny", "authority"},
		{"GET", "https://API.GITHUB.COM:443/repos/o/r", "allow", ""},
		{"GET", "https://api.github.com:8443/repos/o/r", "deny", "does not know api.github.com:8443"},
		{"GET", "https://api.github.com?x=/repos/o/x", "allow", ""}, // of the root,
		{"GET", "/proxy/github/repos/o/r?page=2", "allow", ""},
		{"GET", "http://pypi.org/", "allow", ""},
	} {
		a, err := Ask(p, &Request{Method: c.method, URL: c.url})
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
		} else if a.Effect != c.effect || !strings.Contains(a.Said(), c.reason) {
			t.Errorf("%s: %s: %s; want %s: %s", c.url, a.Effect, a.Said(), c.effect, c.reason)
		}
	}
	for _, q := range []Request{{Method: "get", URL: "https://a/"}, {Method: "", URL: "https://a/"}, {Method: "GET", URL: "api.github.com"}, {Method: "GET", URL: "/repos"}} {
		if a, err := Ask(p, &q); err == nil {
			t.Errorf("%+v is answered: %+v", q, a)
		}
	}
}

// A nil policy denies here too.
func TestAskNoPolicy(t *testing.T) {
	a, err := Ask(nil, &Request{Method: "GET", URL: "https://pypi.org/"})
	if err != nil || a.Effect != "deny" {
		t.Errorf("%+v, %v", a, err)
	}
}

// A push is read by its pack here too; nobody is asked.
func TestAskReadsAPush(t *testing.T) {
	p, err := policy.Parse("x.toml", []byte(strings.Replace(testPolicy, `"create_pr"]`, `"create_pr", "push"]`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("1", 40) + " " + strings.Repeat("2", 40) + " refs/heads/main\x00report-status"
	q := &Request{Method: "POST", URL: "https://github.com/o/r.git/git-receive-pack", Header: http.Header{"Content-Type": {"application/x-git-receive-pack-request"}},
		Body: fmt.Appendf(nil, "%04x%s0000PACK\x00\x00\x00\x02\x00\x00\x00\x00", len(line)+4, line)}
	a, err := Ask(p, q)
	if err != nil || a.Decision.Action.Name != "force_push" || !strings.Contains(a.Hint, "the commits of the push do not lead") {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestArgumentsThatDoMore: who may do all of a group does not get round the refusal of an action by an argument of another.
func TestArgumentsThatDoMore(t *testing.T) {
	p, err := policy.Parse("agentguard.toml", []byte(`version = 1
agent.name = "bot"
credential.g = { from = "keychain:g", service = "github" }
credential.j = { from = "keychain:j", service = "jira" }
credential.d = { from = "keychain:d", service = "google" }
credential.p = { from = "keychain:p", service = "stripe" }
credential.s = { from = "keychain:s", service = "slack" }
allow.g = { service = "github", actions = ["write", "update_issue", "create_issue"] }
allow.j = { service = "jira", actions = ["write"] }
allow.d = { service = "google", actions = ["write"] }
allow.p = { service = "stripe", actions = ["write"] }
allow.s = { service = "slack", actions = ["write"] }
[deny.more]
actions = ["add_label", "assign_issue", "add_comment", "delete_file", "delete_event", "post_message", "create_transfer", "add_comment"]
`))
	if err != nil {
		t.Fatal(err)
	}
	const page, drive, form = "https://api.github.com/repos/o/r/issues", "https://www.googleapis.com/drive/v3/files/f", "application/x-www-form-urlencoded"
	const upload = "https://www.googleapis.com/upload/drive/v3/files/f"
	for _, c := range []struct{ method, url, kind, body, more string }{
		{"POST", page, "", `{"title": "x", "body": "labels"}`, ""},
		{"POST", page, "", `{"title": "x", "labels": null}`, ""},
		{"POST", page, "", `{"title": "x", "labels": ["safe to test"]}`, "add_label"},
		{"POST", page, form, `{"title": "x", "labels": ["safe to test"]}`, "add_label"},
		{"POST", page, form, `{"title": "x", "l\u0061bels": ["safe to test"]}`, "add_label"},
		{"POST", page, form, `{"title": "x"}`, ""},
		{"POST", page, "text/plain", strings.Repeat(" ", 2<<20) + `{}`, "add_label"},
		{"POST", page, "", utf16(`{"title": "x", "labels": ["safe to test"]}`), "add_label"},
		{"POST", page, "application/json; charset=cp037", `{"title": "x"}`, "add_label"},
		{"POST", page, "", `{"title": "x", "LABELS": []}`, "add_label"},
		{"POST", page + "?labels[]=x", "", `{"title": "x"}`, "add_label"},
		{"POST", page + "?per_page=1", "", `{"title": "x"}`, ""},
		{"PATCH", page + "/1", "", `{"title": "x"}`, ""},
		{"PATCH", page + "/1", "", `{"labels": []}`, "add_label"},
		{"POST", "https://api.github.com/graphql", "", `{"query":"mutation{createIssue(input:{repositoryId:\"R\",title:\"x\",labelIds:[\"L\"]}){clientMutationId}}"}`, "add_label"},
		{"POST", "https://api.github.com/graphql", "", `{"query":"mutation{createIssue(input:{repositoryId:\"R\",title:\"x\"}){clientMutationId}}"}`, ""},
		{"PUT", "https://x.atlassian.net/rest/api/3/issue/A-1", "", `{"fields": {"summary": "x"}}`, ""},
		{"PUT", "https://x.atlassian.net/rest/api/3/issue/A-1", "", utf16(`{"fields": {"assignee": {"id": "5"}}}`), "assign_issue"},
		{"PUT", "https://x.atlassian.net/rest/api/3/issue/A-1", "", `{"fields": {"assignee": {"id": "5"}}}`, "assign_issue"},
		{"POST", "https://x.atlassian.net/rest/api/3/issue/A-1/transitions", "", `{"update": {"assignee": [{"set": {}}]}}`, "assign_issue"},
		{"PATCH", drive, "", `{"name": "x"}`, ""},
		{"PATCH", drive, "", `{"trashed": true}`, "delete_file"},
		{"PATCH", drive, "", `{"trashed": false}`, ""},
		{"PATCH", upload + "?uploadType=multipart", "multipart/related; boundary=b", "--b\r\n\r\n{\"trashed\":true}\r\n--b--", "delete_file"},
		{"PATCH", upload + "?uploadType=multipart", "multipart/related; boundary=b", "--b\r\nContent-Transfer-Encoding: base64\r\n\r\neyJ0cmFzaGVkIjp0cnVlfQ==\r\n--b--", "delete_file"},
		{"PATCH", upload + "?uploadType=media", "text/plain", `trashed`, ""},
		{"PATCH", upload + "?uploadType=media&uploadType=multipart", "", `{"trashed": true}`, "delete_file"},
		{"PATCH", upload + "?uploadType=media&uploadtype=multipart", "", `{"trashed": true}`, "delete_file"},
		{"PATCH", upload + "?uploadType=media&upload_protocol=multipart", "", `{"trashed": true}`, "delete_file"},
		{"PATCH", upload + "?x=uploadType=media", "", `{"trashed": true}`, "delete_file"},
		{"PATCH", drive + "?uploadType=media", "", `{"trashed": true}`, "delete_file"},
		{"PATCH", drive + "?x=uploadType=media", "", `{"trashed": true}`, "delete_file"},
		{"PUT", "https://x.atlassian.net/rest/api/3/issue/A-1?uploadType=media", "", `{"update": {"comment": [{"add": {}}]}}`, "add_comment"},
		{"POST", "https://slack.com/api/files.completeUploadExternal?uploadType=media", "", `{"channel_id": "C0000DEVS", "initial_comment": "x"}`, "post_message"},
		{"PATCH", "https://www.googleapis.com/calendar/v3/calendars/c/events/e", "", `{"status": "Cancelled"}`, "delete_event"},
		{"PATCH", "https://www.googleapis.com/calendar/v3/calendars/c/events/e", "", `{"status": "tentative"}`, ""},
		{"POST", "https://api.github.com/repos/o/r/pulls/1/reviews", "", `{"event": "COMMENT", "comments": [{"body": "x"}]}`, "add_comment"},
		{"POST", "https://api.stripe.com/v1/payment_intents", form, "amount=1&description=transfer_data", "create_transfer"}, // to be sure
		{"POST", "https://api.stripe.com/v1/payment_intents", form, "amount=1&transfer%5Fdata%5Bdestination%5D=acct_1", "create_transfer"},
		{"POST", "https://api.stripe.com/v1/checkout/sessions", form, "payment_intent_data[transfer_data][destination]=acct_1", "create_transfer"},
		{"POST", "https://api.stripe.com/v1/payment_intents", form, "amount=1", ""},
		{"POST", "https://api.stripe.com/v1/payment_intents?transfer_data[destination]=acct_1", form, "amount=1", "create_transfer"},
		{"POST", "https://slack.com/api/files.completeUploadExternal", "", `{"files": []}`, ""},
		{"POST", "https://slack.com/api/files.completeUploadExternal", "", `{"channel_id": "C0000DEVS"}`, "post_message"},
		{"POST", "https://slack.com/api/files.completeUploadExternal", "", `{"channel_id": "C0000DEVS", "initial_comment": "x"}`, "post_message"},
		{"GET", "https://slack.com/api/files.completeUploadExternal?channel_id=C0000DEVS&initial_comment=x", "", "", "post_message"},
		{"POST", "https://slack.com/api/files.completeUploadExternal", form, `channel_id=C0000DEVS&initial_comment=x`, "post_message"},
	} {
		q := &Request{Method: c.method, URL: c.url, Body: []byte(c.body), Header: http.Header{}, IDs: map[string]action.Fact{"R": {Resource: action.Resource{Kind: "repo", Name: "o/r"}}}}
		if c.kind != "" {
			q.Header.Set("Content-Type", c.kind)
		}
		a, err := Ask(p, q)
		if err != nil {
			t.Fatal(err)
		}
		if c.more == "" && a.Effect != "allow" || c.more != "" && (a.Rule != "deny.more" || !strings.Contains(a.Hint, "since its arguments do what "+c.more+" does")) {
			t.Errorf("%s %s %.60s: %s by %s: %s", c.method, c.url, c.body, a.Effect, a.Rule, a.Said())
		}
		why := p.Trace(&a.Match, a.Read, 0)
		if why[0].Matches != (c.more != "") {
			t.Errorf("%s %s %.60s: the trace says: %s", c.method, c.url, c.body, why[0].Why)
		}
	}
}

// TestBatchCountsEachAction: what a batch does to four issues counts four times, also what it does to them besides.
func TestBatchCountsEachAction(t *testing.T) {
	p, err := policy.Parse("agentguard.toml", []byte(`version = 1
agent.name = "bot"
credential.l = { from = "keychain:l", service = "linear" }
allow.l = { service = "linear", actions = ["update_issue", "delete_issue"], limits = { delete_issue = "2/hour" } }
`))
	if err != nil {
		t.Fatal(err)
	}
	for input, n := range map[string]int64{`trashed:true`: 4, `trashed:false`: 0} {
		q := &Request{Method: "POST", URL: "https://api.linear.app/graphql", Header: http.Header{"Content-Type": {"application/json"}},
			Body: []byte(`{"query":"mutation{issueBatchUpdate(ids:[\"A-1\",\"A-2\",\"A-3\",\"A-4\"],input:{` + input + `}){success}}"}`)}
		a, err := Ask(p, q)
		if err != nil {
			t.Fatal(err)
		}
		var taken int64
		for _, l := range a.Decision.Limits {
			taken += int64(l.N)
		}
		if a.Effect != "allow" || taken != n {
			t.Errorf("%s: %s, takes %d: %s", input, a.Effect, taken, a.Said())
		}
	}
}

// utf16 is a text in UTF-16 without a mark that says so.
func utf16(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}

// TestAspectsCountOnce: a request that changes one thing in several ways counts once where all of them are limited together, over REST as over
// GraphQL.
func TestAspectsCountOnce(t *testing.T) {
	p, err := policy.Parse("agentguard.toml", []byte(`version = 1
[agent]
name = "a"
[allow.a]
service = "github"
actions = ["*"]
limits = { "*" = "9/hour" }
[allow.n]
service = "notion"
actions = ["*"]
limits = { "*" = "9/hour" }
[allow.s]
service = "slack"
actions = ["*"]
limits = { "*" = "9/hour" }
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, url, body string
		want              int
	}{
		{"PATCH", "https://api.github.com/repos/o/r/issues/1", `{"title": "x", "state": "closed"}`, 1},
		{"PATCH", "https://api.github.com/repos/o/r/pulls/1", `{"title": "x", "state": "closed"}`, 1},
		{"POST", "https://api.github.com/repos/o/r/pulls/1/reviews", `{"event": "APPROVE"}`, 1},
		{"PATCH", "https://api.github.com/repos/o/r", `{"archived": true, "name": "q", "private": true}`, 1},
		{"PATCH", "https://api.notion.com/v1/pages/11111111111111111111111111111111", `{"archived": true}`, 1},
		{"POST", "https://api.github.com/graphql", `{"query": "mutation{updateIssue(input:{id:\"I\",title:\"t\",state:CLOSED}){clientMutationId}}"}`, 1},
		{"POST", "https://api.github.com/graphql", `{"query": "mutation{a:closeIssue(input:{issueId:\"I\"}){clientMutationId} b:closeIssue(input:{issueId:\"I\"}){clientMutationId}}"}`, 2},
		{"POST", "https://slack.com/api/files.upload?channels=C0000DEVS,C0000TEAM", "", 2},
	} {
		a, err := Ask(p, &Request{Method: c.method, URL: c.url, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(c.body)})
		if err != nil {
			t.Fatal(err)
		}
		if limits := a.Decision.Limits; len(limits) != 1 || limits[0].N != c.want {
			t.Errorf("%s %s %s takes %v, want %d (%s)", c.method, c.url, c.body, limits, c.want, a.Said())
		}
	}
}
