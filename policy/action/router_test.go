package action

import (
	"strings"
	"testing"
)

func compile(t testing.TB, routes string) *node {
	t.Helper()
	h := Host{Routes: mustRoutes(routes)}
	if err := h.compile(); err != nil {
		t.Fatal(err)
	}
	return h.router()
}

func TestRouterOrder(t *testing.T) {
	root := compile(t, `
		read  GET    /                - root
		read  GET    /a/b             - literal
		read  GET    /a/{x}           - param
		write POST   /a/{x}           - post
		read  GET    /a/{x}:go        - suffix
		read  GET    /a/{x...}        - rest
		read  GET    /a/{x}/c         - deep
		read  HEAD   /h               - head
		read  GET    /h               - get
		write *      /h               - any
		write *      /{all...}        - all
		read  GET    /a/{x}/c/{y...}  - tail`)
	for request, want := range map[string]string{
		"GET /": "root", "GET /a/b": "literal", "GET /a/b/": "literal", "GET /a/z": "param", "POST /a/b": "post", "GET /a/z:go": "suffix",
		"GET /a/:go": "param", "GET /a/z:Go": "", "GET /a/b/c": "deep", "GET /a/b/d": "rest", "GET /a/b/c/d/e": "tail", "DELETE /a/b": "all",
		"HEAD /h": "head", "GET /h": "get", "PUT /h": "any", "HEAD /a/b": "literal", "GET /a/x%2Fy": "rest", "GET /a": "all",
		"GET /A/b": "", "GET /a/B": "", "POST /h": "any", "GET /x%2Fy/z": "all", "DELETE /": "",
		"GET /a/b.": "", "GET /a/b%20": "", "GET /a/%20B%20.": "", "GET /a/b%C2%A0": "", "GET /a%20/z": "", "GET /a/z:go%20": "", "GET /a/z:GO.": "",
		"GET /a/z%20": "param", "GET /a/b2.": "param", "GET /a/.%20x": "param", "GET /h%E3%80%80": "",
		"GET /a/b%3F": "", "GET /a/b%23x": "", "GET /a/B%3Bx": "", "GET /a/b+": "", "GET /a/%23b": "param",
		"GET /a%2Fb": "", "GET /A%2Fb": "", "GET /a/b%2Fc": "", "GET /a/z%2Fb": "rest",
		"GET /a/%EF%BD%82": "", "GET /%C3%A1/z": "", "GET /a/%C3%9F": "param",
	} {
		method, raw, _ := strings.Cut(request, " ")
		p, err := ParsePath(raw, true)
		if err != nil {
			t.Fatal(err)
		}
		var c captures
		got := ""
		if r := root.find(method, p.Segments, &c); r != nil {
			got = r.Operation
		}
		if got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

func TestRouterRefusesTemplates(t *testing.T) {
	for _, c := range []struct{ routes, reason string }{
		{"read GET /a - x\nread GET /a - y", "the same as GET /a"},
		{"read GET /a/{x} - x\nread GET /a/{y} - y", "the same as GET /a/{x}"},
		{"read GET /a/{x...} - x\nread GET /a/{y...} - y", "the same as"},
		{"read GET /a/ - x\nread GET /a - y", "the same as"},
		{"read GET a - x", "slash"},
		{"read get /a - x", "not a method"},
		{"read GET //a - x", "empty segment"},
		{"read GET /a/* - x", "spelt {x}"},
		{"read GET /a{x} - x", "begins a segment"},
		{"read GET /{x - x", "neither"},
		{"read GET /{} - x", "neither"},
		{"read GET /{x...}/a - x", "last segment"},
		{"read GET /{x}/{x} - x", "twice"},
		{"read GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i} - x", "more than 8"},
		{"read GET /{x} - x -> thing:{y}", "no parameter"},
		{"read GET /{x} - x -> thing", "not kind"},
	} {
		h := Host{Routes: mustRoutes(c.routes)}
		if err := h.compile(); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", c.routes, err)
		}
	}
}

// Every template of every catalogue resolves to itself.
func TestTemplatesResolveToThemselves(t *testing.T) {
	for _, name := range Names() {
		for _, h := range Lookup(name).Hosts {
			h.router().each(func(want *compiled) {
				segments := strings.Split(want.Template[1:], "/")
				for i, s := range segments {
					if param, tail, rest, _ := templateSegment(s); rest {
						segments = append(segments[:i], strings.Split("~1/~2/~3/~4/~5/~6/~7/~8/~9", "/")...) // past every other template
					} else if param != "" {
						segments[i] = "~" + param + tail
					}
				}
				method := want.Method
				if method == "*" {
					method = "PATCH"
				}
				var c captures
				if got := h.router().find(method, segments, &c); got != want {
					t.Errorf("%s %s resolves to %v", want.Method, want.Template, got)
				}
			})
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	root := Lookup("github").Hosts[0].router()
	segments := []string{"repos", "Octo", "Hello", "pulls", "7", "requested_reviewers"}
	if n := testing.AllocsPerRun(100, func() {
		var c captures
		if root.find("POST", segments, &c) == nil {
			t.Fatal("no route")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("GET", "/repos/o/r/pulls", "state=open", "")
	f.Add("POST", "/graphql", "", `{"query":"{repository(owner:\"o\",name:\"r\"){name}}"}`)
	f.Add("PATCH", "/repos/o/r/issues/1", "", `{"state":"closed"}`)
	f.Add("POST", "/api/chat.postMessage", "channel=x", "form:channel=y")
	f.Fuzz(func(t *testing.T, method, raw, query, body string) {
		for _, name := range Names() {
			s := Lookup(name)
			for i := range s.Hosts {
				path, err := ParsePath(raw, s.Hosts[i].EncodedSlash)
				if err != nil {
					return
				}
				r := &Request{Method: method, Path: path, Query: query, Header: map[string][]string{}}
				setBody(r, body)
				m := Classify(s, &s.Hosts[i], r)
				if len(m.Actions) == 0 {
					t.Fatal("no action")
				}
				for _, a := range m.Actions {
					if a.Name == "" || (a.Class == Unknown) != (a.Name == UnknownName) || a.Class == Unknown && m.Reason == "" {
						t.Fatalf("%+v, %q", a, m.Reason)
					}
					if a.Class != Unknown {
						if _, ok := s.Knows(a.Name); !ok {
							t.Fatalf("%s yields %s, which no policy can name", name, a.Name)
						}
					}
				}
			}
		}
	})
}
