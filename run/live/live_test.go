package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"agentguard/policy"
	"agentguard/policy/limit"
	"agentguard/policy/suite"
	"agentguard/proxy"
	"agentguard/run/origin"
)

// TestGuide is the load and leak test of the users' guide: 100 iterations by three agents.
func TestGuide(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*.test.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		p, cases, err := suite.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		answers := 0
		r, err := Run(t.Context(), Config{Policy: p, Cases: cases, Agents: 3, Iterations: 100, Progress: func(done, total int) {
			if answers++; done != answers || done > total {
				t.Errorf("answer %d of %d is told as the %d.", answers, total, done)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.Violations {
			t.Errorf("%s:%d: %s: %s: got %s, want %s", r.File, v.Line, v.Case, v.What, v.Got, v.Want)
		}
		for status := range r.Statuses {
			if !slices.Contains([]int{200, 400, 401, 403, 429}, status) {
				t.Errorf("%s: %d answers of status %d", file, r.Statuses[status], status)
			}
		}
		if r.Effects["allow"] == 0 || r.Effects["deny"] == 0 || (r.Credentials == 0) != (len(p.Credentials) == 0) || r.Protocols["HTTP/1.1"] == 0 || r.Requests != answers {
			t.Errorf("%s: %+v", file, r)
		}
	}
}

const livePolicy = `version = 1
[agent]
name = "bot"
[service.crm]
hosts = ["crm.example.com", "http://plain.example.com"]
auth = "header:X-Api-Key"
[service.crm.actions]
read_customer = "GET /customers/{id} -> customer:{id}"
delete_customer = "DELETE /customers/{id} -> customer:{id}"
[service.basic]
hosts = ["basic.example.com"]
auth = "basic:bot"
[service.basic.actions]
any = "* /{path...}"
[credential.crm-key]
from = "keychain:crm"
service = "crm"
inject = "placeholder"
[credential.password]
from = "keychain:password"
service = "basic"
[allow.read]
service = "crm"
actions = ["read_customer"]
limits = { read_customer = "2/hour" }
[allow.basic]
service = "basic"
actions = ["any"]
[network]
allow = ["open.example.com"]
tunnel = ["pinned.example.com"]
`

const liveCases = `version = 1
[[case]]
name = "reads"
method = "GET"
url = "https://crm.example.com/customers/1"
repeat = 3
expect = { allow = 2, limit = 1 }
reason = "2/hour"
credential = "none"
[[case]]
name = "deletes nothing"
method = "DELETE"
url = "https://crm.example.com/customers/1"
body = '{"sure": true}'
expect = "deny"
rule = "none"
action = "delete_customer"
resource = "customer:1"
reason = "Action delete_customer is denied"
[[case]]
name = "without TLS"
method = "GET"
url = "http://plain.example.com/customers/1?x=%2F"
expect = "allow"
[[case]]
name = "with a password"
method = "PUT"
url = "https://basic.example.com/a%20b//c"
body = "text"
headers = { Content-Type = "text/plain" }
expect = "deny"
reason = "empty segment"
[[case]]
name = "with a password, rightly spelt"
method = "PUT"
url = "https://basic.example.com/a%20b/c"
expect = "allow"
[[case]]
name = "open"
method = "GET"
url = "https://open.example.com"
expect = "allow"
[[case]]
name = "a tunnel"
method = "GET"
url = "https://pinned.example.com/x"
expect = "allow"
[[case]]
name = "by the gateway"
method = "GET"
url = "/proxy/basic/x"
expect = "allow"
credential = "password"
[[case]]
name = "nowhere"
method = "GET"
url = "https://evil.example/x"
expect = "deny"
reason = "does not know evil.example:443"
[[case]]
name = "a user in an address that is open"
method = "GET"
url = "https://bot@open.example.com/x"
expect = "deny"
[[case]]
name = "half an escape"
method = "GET"
url = "https://crm.example.com/customers/%4"
expect = "deny"
[[case]]
name = "a user in the address"
method = "GET"
url = "https://open.example.com@evil.example/x"
expect = "deny"
`

func liveConfig(t *testing.T) Config {
	t.Helper()
	p, err := policy.Parse("a.toml", []byte(livePolicy))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := policy.ParseCases("a.test.toml", []byte(liveCases))
	if err != nil {
		t.Fatal(err)
	}
	cases.Cases[0].Credential = ""
	return Config{Policy: p, Cases: cases, Agents: 2, Iterations: 60}
}

func TestLive(t *testing.T) {
	r, err := Run(t.Context(), liveConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Errorf("%+v", v)
	}
	if r.Cases != 12 || r.Protocols["HTTP/2.0"] == 0 || len(r.Latency) < 5 || r.Latency[len(r.Latency)-1].Action != "all" {
		t.Errorf("%+v", r)
	}
}

const idsPolicy = `version = 1
[agent]
name = "bot"
[credential.g]
from = "keychain:g"
service = "github"
[credential.l]
from = "keychain:l"
service = "linear"
[allow.work]
service = "github"
actions = ["create_pr", "delete_branch", "graphql_query"]
resources = ["repo:o/r"]
[allow.issues]
service = "linear"
actions = ["update_issue"]
resources = ["team:eng"]
`

func idsCase(name, url, document, ids, expect string) string {
	return fmt.Sprintf("[[case]]\nname = %q\nmethod = \"POST\"\nurl = %q\nbody = '{\"query\": %s}'\nids = { %s }\nexpect = %q\n", name, url, strconv.Quote(document), ids, expect)
}

// TestIDsLive: what the service says of ids is what the cases say.
func TestIDsLive(t *testing.T) {
	const github, linear = "https://api.github.com/graphql", "https://api.linear.app/graphql"
	create := `mutation{createPullRequest(input:{repositoryId:"%s"}){clientMutationId}}`
	run := func(cases ...string) (*Report, error) {
		p, err := policy.Parse("a.toml", []byte(idsPolicy))
		if err != nil {
			t.Fatal(err)
		}
		c, err := policy.ParseCases("a.test.toml", []byte("version = 1\n"+strings.Join(cases, "")))
		if err != nil {
			t.Fatal(err)
		}
		return Run(t.Context(), Config{Policy: p, Cases: c, Agents: 2, Iterations: 30})
	}
	r, err := run(
		idsCase("a repository", github, fmt.Sprintf(create, "R_1"), `R_1 = "repo:o/r"`, "allow"),
		idsCase("another", github, fmt.Sprintf(create, "R_2"), `R_2 = "repo:o/x"`, "deny"),
		idsCase("one that the service does not know", github, fmt.Sprintf(create, "R_3"), `R_1 = "repo:o/r"`, "deny"),
		idsCase("a branch", github, `mutation{deleteRef(input:{refId:"REF_1"}){clientMutationId}}`, `REF_1 = "repo:o/r refs/heads/x"`, "allow"),
		idsCase("a tag", github, `mutation{deleteRef(input:{refId:"REF_2"}){clientMutationId}}`, `REF_2 = "repo:o/r refs/tags/x"`, "deny"),
		idsCase("an organisation's", github, `{node(id:"O_1"){id}}`, `O_1 = "org:o"`, "deny"),
		idsCase("a user's", github, `{node(id:"U_1"){id}}`, `U_1 = "user:o"`, "deny"),
		idsCase("an issue", linear, `mutation{issueUpdate(id:"ENG-1",input:{priority:1}){success}}`, `"issue/ENG-1" = "team:ENG"`, "allow"),
		idsCase("an issue elsewhere", linear, `mutation{issueUpdate(id:"OPS-1",input:{priority:1}){success}}`, `"issue/OPS-1" = "team:OPS"`, "deny"),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Errorf("%+v", v)
	}
	_, err = run(idsCase("one", github, fmt.Sprintf(create, "R_1"), `R_1 = "repo:o/r"`, "allow"),
		idsCase("two", github, fmt.Sprintf(create, "R_1"), `R_1 = "repo:o/x"`, "deny"))
	want := `a.test.toml:14: the case "two" says of the id R_1 something else than "one" in line 7, and live both ask one service: give them two ids`
	if err == nil || err.Error() != want {
		t.Errorf("two services in one: %v", err)
	}
}

// TestViolations: what must not happen is told, case by case.
func TestViolations(t *testing.T) {
	wide := strings.Replace(livePolicy, `actions = ["read_customer"]`, `actions = ["read_customer", "delete_customer"]`, 1)
	narrow := livePolicy + "[deny.all]\nactions = [\"*\"]\n"
	other := func(text string) func(*proxy.Config) {
		p, err := policy.Parse("b.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return func(c *proxy.Config) { c.Policy = p }
	}
	says := func(what func(w http.ResponseWriter)) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { what(w); next.ServeHTTP(w, r) })
		}
	}
	for _, c := range []struct {
		name    string
		service func(http.Handler) http.Handler
		proxy   func(*proxy.Config)
		want    []string // "WHAT of CASE: GOT"
	}{
		{"the proxy lets too much through", nil, other(wide), []string{"expect of deletes nothing: 1 allow", "expect of deletes nothing: allow"}},
		{"the proxy lets too little through", nil, other(narrow), []string{"expect of reads: 3 deny", "expect of by the gateway"}},
		{"a key comes back that nobody knows", says(func(w http.ResponseWriter) { w.Header().Set("X-Key", "AKIA"+strings.Repeat("A", 16)) }), nil,
			[]string{"leak of reads: what looks like a credential: AKIAAAAA"}},
		{"the service answers 500", says(func(w http.ResponseWriter) { w.WriteHeader(500) }), nil, []string{"status of reads: Internal Server Error"}},
		{"the service is asked twice", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				again := r.Clone(r.Context())
				again.Body = http.NoBody
				next.ServeHTTP(discard{http.Header{}}, again)
				next.ServeHTTP(w, r)
			})
		}, nil, []string{"arrival of reads: the answer says allow, and it arrived more than once"}},
		{"the service is never asked", func(http.Handler) http.Handler { return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) }, nil,
			[]string{"arrival of open: the answer says allow, and it arrived never", "credential of by the gateway: none"}},
		{"no store of limits", nil, func(c *proxy.Config) { c.Limits = broken{} }, []string{"expect of reads: 3 deny"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := liveConfig(t)
			config.testOnlyService, config.testOnlyProxy = c.service, c.proxy
			r, err := Run(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, v := range r.Violations {
				told = append(told, v.What+" of "+v.Case+": "+v.Got)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, want) }) {
					t.Errorf("not told: %s\nbut\n%s", want, strings.Join(told, "\n"))
				}
			}
			if r.Violated < len(r.Violations) || len(r.Violations) > maxViolations {
				t.Errorf("%d of %d are listed", len(r.Violations), r.Violated)
			}
		})
	}
}

type broken struct{}

func (broken) Take(context.Context, []limit.Take) (limit.Verdict, error) {
	return limit.Verdict{}, errors.New("the disk is gone")
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// TestLeaksAreFound: in whatever spelling and wherever, and no placeholder is taken for one.
func TestLeaksAreFound(t *testing.T) {
	config := liveConfig(t)
	shots, err := prepare(config.Policy, config.Cases)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newRig(&config, shots)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	x := &run{config: config, Report: &Report{}, rig: g, placeholders: g.placeholders()}
	for _, s := range origin.Spellings(g.secrets["crm-key"]) {
		for _, out := range []*seen{{body: "<" + s.Whole + ">"}, {all: "x" + s.Whole + "\n"}} {
			if found := x.leaks(&shots[0], out); !slices.Contains(found, "credential crm-key, "+s.Name) {
				t.Errorf("%s: found %q", s.Name, found)
			}
		}
	}
	key := "ghp_" + random(36)
	if found := x.leaks(&shots[0], &seen{body: "a " + key + " b"}); len(found) != 1 || strings.Contains(found[0], key) {
		t.Errorf("somebody's key: %q", found)
	}
	own := shots[0]
	own.own = "Bearer " + key
	innocent := g.agents[0].creds.Get("crm-key").Placeholder + " " + strings.ToLower(g.agents[1].creds.Get("password").Placeholder) + " " + key
	if found := x.leaks(&own, &seen{body: innocent}); found != nil {
		t.Errorf("placeholders and the case's own text: %q", found)
	}
	x.placeholders = "a\n" + strings.ToLower("AIzahHoa"+random(28)) + "_phg\nb" // backwards, by accident
	if found := x.leaks(&shots[0], &seen{body: "<AIzahHoa" + x.placeholders[10:38] + "_phg>"}); found != nil {
		t.Errorf("a placeholder backwards: %q", found)
	}
}

func TestRunIsBounded(t *testing.T) {
	for _, wrong := range []Config{{Agents: 0}, {Agents: MaxAgents + 1}, {Agents: 1, Iterations: -1}, {Agents: 1, Iterations: MaxIterations + 1}} {
		if _, err := Run(t.Context(), wrong); err == nil {
			t.Errorf("%+v runs", wrong)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	config := liveConfig(t)
	config.Iterations = MaxIterations
	if _, err := Run(ctx, config); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestLatency(t *testing.T) {
	var took []time.Duration
	for i := range 1000 {
		took = append(took, time.Duration(1000-i)*time.Millisecond)
	}
	if l := latency("x", took); l.P50 != 501*time.Millisecond || l.P90 != 901*time.Millisecond || l.P99 != 991*time.Millisecond || l.Requests != 1000 {
		t.Errorf("%+v", l)
	}
	if l := latency("x", took[:1]); l.P50 != time.Millisecond || l.P99 != time.Millisecond {
		t.Errorf("%+v", l)
	}
}
