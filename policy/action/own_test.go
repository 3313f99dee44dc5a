package action

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestNewService(t *testing.T) {
	s, errs := NewService("crm", []string{"crm.example.com", "crm.example.com:8443", "*.crm.example.com", "http://127.0.0.1:9999", "http://plain.test"},
		[]Slot{{Header, "X-Api-Key"}}, map[string]string{
			"read_customer": "GET /customers/{id} -> customer:{id}",
			"move":          "POST /customers/{id}/files/{path...} -> file:{id}/{path}",
			"anything_else": "* /{path...}",
		})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if s.Base != "https://crm.example.com" || strings.Join(s.ResourceKinds, " ") != "customer file path" {
		t.Errorf("%q %q", s.Base, s.ResourceKinds)
	}
	for _, c := range []struct {
		authority string
		host      int
	}{{"crm.example.com:443", 0}, {"crm.example.com:8443", 1}, {"a.crm.example.com:443", 2}, {"127.0.0.1:9999", 3}, {"plain.test:80", 4},
		{"plain.test:443", -1}, {"crm.example.com:80", -1}, {"127.0.0.1:443", -1}, {"example.com:443", -1}} {
		a, err := ParseAuthority(c.authority, 0)
		if err != nil {
			t.Fatal(err)
		}
		h := s.Host(a)
		if c.host < 0 && h != nil || c.host >= 0 && h != &s.Hosts[c.host] {
			t.Errorf("%s: %+v", c.authority, h)
		}
		if h != nil && h.Plain != (c.host >= 3) {
			t.Errorf("%s: plain %v", c.authority, h.Plain)
		}
	}
	for request, want := range map[string]string{
		"GET /customers/C1":             "read_customer read customer:C1",
		"HEAD /customers/C1":            "read_customer read customer:C1",
		"GET /customers/a%20b":          "read_customer read customer:a b",
		"DELETE /customers/C1":          "anything_else write",
		"POST /customers/C1/files/a/b/": "move write file:C1/a/b",
		"GET /Customers/C1":             "unknown unknown path:/Customers/C1",
	} {
		method, raw, _ := strings.Cut(request, " ")
		p, err := ParsePath(raw, false)
		if err != nil {
			t.Fatal(err)
		}
		if m := Classify(s, &s.Hosts[0], &Request{Method: method, Path: p}); spell(m) != want {
			t.Errorf("%s: %s (%s)", request, spell(m), m.Reason)
		}
	}
	if got := strings.Join(s.ActionNames(), " "); got != "* admin anything_else move read read_customer write" {
		t.Error(got)
	}
}

func TestNewServiceReportsEveryMistake(t *testing.T) {
	_, errs := NewService("github", []string{"*.com", "a b", "x.test:0"}, nil, map[string]string{
		"read": "GET /", "unknown": "GET /", "a b": "GET /", "x": "/nope", "y": "GET /{id} ->", "z": "GET /{id} -> a:{b}", "w": "get /"})
	text := errors.Join(errs...).Error()
	for _, reason := range []string{"built in", "top-level", "space", "port", `"read": the name is taken`, `"unknown": the name is taken`, "a name holds letters",
		`"/nope" is not METHOD PATH`, "follows the arrow", "names no parameter", "not a method"} {
		if !strings.Contains(text, reason) {
			t.Errorf("no %q in\n%s", reason, text)
		}
	}
	if _, errs := NewService("crm", nil, nil, nil); len(errs) != 2 {
		t.Error(errs)
	}
	if _, errs := NewService("crm", []string{"a.test"}, nil, map[string]string{"a": "GET /{x}", "b": "GET /{y}"}); len(errs) != 1 {
		t.Error(errs)
	}
}

// Fail closed: nothing known, nothing allowed.
func TestClassifyFailsClosed(t *testing.T) {
	p, _ := ParsePath("/x", false)
	r := &Request{Method: "GET", Path: p}
	s := &Service{Name: "s"}
	for name, m := range map[string]Match{
		"no service": Classify(nil, nil, r), "no host": Classify(s, nil, r), "no routes": Classify(s, &Host{}, r),
		"broken routes": Classify(s, &Host{Routes: []Route{{Method: "GET", Template: "x", Class: Read}}}, r),
		"empty refine":  Classify(s, &Host{Routes: []Route{{Method: "GET", Template: "/x", Class: Read}}, Refine: func(_ *Request, m *Match) { m.Actions = nil }}, r),
		"zero request":  Classify(s, &Host{}, &Request{}),
	} {
		if len(m.Actions) != 1 || m.Actions[0].Class != Unknown || m.Reason == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m := Classify(s, &Host{Routes: []Route{{Method: "GET", Template: "/x", Action: "x", Class: Read}}}, r); spell(m) != "x read" {
		t.Errorf("a host that nobody compiled: %s", spell(m))
	}
}

func TestKnows(t *testing.T) {
	s := Lookup("github")
	for name, want := range map[string]Class{"read": Read, "write": Write, "admin": Admin, "*": Admin, "create_pr": Write, "pulls/create": Write,
		"delete_repo": Admin, "force_push": Write, "close_pr": Write, "graphql_query": Read, "clone": Read, "lfs_upload": Write, "set_secret": Admin} {
		if c, ok := s.Knows(name); !ok || c != want {
			t.Errorf("%s: %v, %v", name, c, ok)
		}
	}
	for _, name := range []string{"", "unknown", "create_prs", "-"} {
		if c, ok := s.Knows(name); ok {
			t.Errorf("%q is known as %v", name, c)
		}
	}
	names := s.ActionNames()
	if !slices.IsSorted(names) || slices.Contains(names, "") || !slices.Contains(names, "approve_pr") {
		t.Error(names)
	}
	if !slices.Equal(Names(), []string{"anthropic", "aws", "gemini", "github", "google", "jira", "linear", "notion", "openai", "slack", "stripe"}) {
		t.Error(Names())
	}
}

// TestEscapedSlash: where a service tells it from a slash, it stays in its segment, and everything else about a path is as strict.
func TestEscapedSlash(t *testing.T) {
	actions := map[string]string{
		"get_project": "GET /projects/{id} -> project:{id}", "get_file": "GET /projects/{id}/files/{path...} -> file:{id}:{path}", "archive": "GET /projects/{id}.zip -> project:{id}",
	}
	s, errs := NewDescribedService("forge", []string{"forge.example.com"}, nil, actions, nil, true)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for raw, want := range map[string]string{
		"/projects/my%2Fapp":               "get_project read project:my/app",
		"/projects/my%2fsub%2Fapp/":        "get_project read project:my/sub/app",
		"/projects/my%2Fapp.zip":           "archive read project:my/app",
		"/projects/my%2Fapp/files/a%2Fb/c": "get_file read file:my/app:a/b/c",
		"/projects/my/app":                 "unknown unknown path:/projects/my/app",
		"/projects%2Fmy":                   "unknown unknown path:/projects%2Fmy",
		"/Projects/my%2Fapp":               "unknown unknown path:/Projects/my%2Fapp",
	} {
		p, err := ParsePath(raw, s.Hosts[0].EncodedSlash)
		if err != nil {
			t.Fatal(err)
		}
		if m := Classify(s, &s.Hosts[0], &Request{Method: "GET", Path: p}); spell(m) != want {
			t.Errorf("%s: %s (%s)", raw, spell(m), m.Reason)
		}
	}
	plain, _ := NewService("forge", []string{"forge.example.com"}, nil, actions)
	if _, err := ParsePath("/projects/my%2Fapp", plain.Hosts[0].EncodedSlash); !errors.Is(err, ErrEncodedSlash) {
		t.Errorf("a service that does not say so: %v", err)
	}
}

// Rails takes a format off the end of a path: what a broader route serves so is what the stricter one serves without.
func TestFormatsOfPaths(t *testing.T) {
	s, errs := NewService("crm", []string{"crm.example.com"}, []Slot{{Bearer, ""}}, map[string]string{
		"export": "GET /customers/export", "show": "GET /customers/{id} -> customer:{id}", "all": "GET /customers", "feed": "GET /customers.rss", "file": "GET /{path...}",
	})
	if errs != nil {
		t.Fatal(errs)
	}
	for raw, name := range map[string]string{
		"/customers/export": "export", "/customers/export.csv": UnknownName, "/customers/export.JSON/": UnknownName, "/customers/export.d": "show",
		"/customers/1.json": "show", "/customers/a.b@c.example": "show", "/customers.json": UnknownName, "/customers.rss": "feed", "/docs/a.html": "file", "/.json": "file",
		"/customers/Export.csv": UnknownName, "/customers/export.csv%E2%80%8B": UnknownName, "/customers/export.csv%23": UnknownName,
	} {
		p, err := ParsePath(raw, false)
		if err != nil {
			t.Fatal(err)
		}
		m := Classify(s, &s.Hosts[0], &Request{Method: "GET", Path: p})
		if m.Actions[0].Name != name || (name == UnknownName) != strings.Contains(m.Reason, "format") {
			t.Errorf("%s is %v, %q", raw, m.Actions, m.Reason)
		}
	}
}
