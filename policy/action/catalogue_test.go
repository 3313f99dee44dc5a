package action

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"testing"
)

// vector is one line of testdata: METHOD TARGET [BODY] => action class resource; ...   or   => unknown: reason
type vector struct {
	where, host, method, target, body, want string
	scope                                   string // of the signature, for AWS
	known                                   *Known // what the lines "knows ID RESOURCE [REF]" say
}

func vectors(t testing.TB, service string) []vector {
	t.Helper()
	f, err := os.Open("testdata/" + service + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []vector
	host, scope, known := "", "", &Known{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "host "); ok {
			host = name
			continue
		}
		if s, ok := strings.CutPrefix(line, "sign "); ok {
			scope = s
			continue
		}
		if s, ok := strings.CutPrefix(line, "knows "); ok {
			id, text, _ := strings.Cut(s, " ")
			f, err := ParseFact(text)
			if err != nil {
				t.Fatal(err)
			}
			known.Learn(service, id, f)
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		request, want, ok := strings.Cut(line, " => ")
		f := strings.SplitN(request, " ", 3)
		if !ok || len(f) < 2 {
			t.Fatalf("%s: %q is no vector", service, line)
		}
		v := vector{line, host, f[0], f[1], "", strings.TrimSpace(want), scope, known}
		if len(f) == 3 {
			v.body = f[2]
		}
		list = append(list, v)
	}
	return list
}

// request makes what the proxy would.
func (v vector) request(t *testing.T, s *Service) (*Host, *Request) {
	t.Helper()
	a, err := ParseAuthority(v.host, 443)
	if err != nil {
		t.Fatal(err)
	}
	h := s.Host(a)
	if h == nil {
		t.Fatalf("%s: no host of %s", v.host, s.Name)
	}
	raw, query, _ := strings.Cut(v.target, "?")
	path, err := ParsePath(raw, h.EncodedSlash)
	if err != nil {
		t.Fatalf("%s: %v", v.where, err)
	}
	r := &Request{Authority: a, Method: v.method, Path: path, Query: query, Header: http.Header{}}
	if v.scope != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250101/"+v.scope+"/aws4_request, SignedHeaders=host, Signature=0")
	}
	given := http.Header{}
	for strings.HasPrefix(v.body, "header:") { // header:NAME=VALUE
		header, rest, _ := strings.Cut(v.body, " ")
		name, value, _ := strings.Cut(strings.TrimPrefix(header, "header:"), "=")
		given.Add(name, value)
		v.body = rest
	}
	if target, body, ok := strings.Cut(strings.TrimPrefix(v.body, "target:"), " "); strings.HasPrefix(v.body, "target:") && ok {
		setBody(r, body)
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	} else if source, ok := strings.CutPrefix(v.body, "copy:"); ok {
		r.Header.Set("X-Amz-Copy-Source", source)
	} else if v.body != "" {
		setBody(r, v.body)
	}
	for name, values := range given {
		if name == "Content-Type" {
			r.Header.Del(name)
		}
		r.Header[name] = append(r.Header[name], values...)
	}
	return h, r
}

func setBody(r *Request, body string) {
	kind := "application/json; charset=utf-8"
	for prefix, k := range map[string]string{"form:": "application/x-www-form-urlencoded",
		"multipart:": `multipart/form-data; boundary="x"`, "text:": "text/plain", "latin:": "application/json; charset=iso-8859-1"} {
		if rest, ok := strings.CutPrefix(body, prefix); ok {
			kind, body = k, rest
		}
	}
	r.Header.Set("Content-Type", kind)
	r.Body = func(int64) ([]byte, error) { return []byte(body), nil }
	r.Peek = func(n int) ([]byte, error) { return []byte(body)[:min(n, len(body))], nil }
}

// spell writes a match as testdata does.
func spell(m Match) string {
	var list []string
	for _, a := range m.Actions {
		class := a.Class.String()
		if a.Public {
			class = "public"
		}
		list = append(list, strings.TrimSpace(a.Name+" "+class+" "+a.Resource.String()))
	}
	return strings.Join(list, "; ")
}

func (v vector) check(t *testing.T, m Match) {
	t.Helper()
	if reason, ok := strings.CutPrefix(v.want, "unknown:"); ok {
		if len(m.Actions) != 1 || m.Actions[0].Class != Unknown || m.Actions[0].Name != UnknownName {
			t.Errorf("%s\n\tgot %s", v.where, spell(m))
		} else if !strings.Contains(m.Reason, strings.TrimSpace(reason)) {
			t.Errorf("%s\n\treason %q", v.where, m.Reason)
		}
		return
	}
	if got := spell(m); got != v.want {
		t.Errorf("%s\n\tgot %s (%s)", v.where, got, m.Reason)
	}
}

// TestCatalogue runs every service's vectors and asks that they hit each route that is written by hand, and name each action that a body makes.
func TestCatalogue(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			s := Lookup(name)
			hit := map[string]bool{} // by method and template: hosts may share their routes
			named := map[string]bool{}
			for _, v := range vectors(t, name) {
				h, r := v.request(t, s)
				r.Known = v.known
				m := Classify(s, h, r)
				if m.GraphQL {
					m.Settle(r)
				}
				v.check(t, m)
				var c captures
				if route := byHand(t, h).find(r.Method, r.Path.Segments, &c); route != nil {
					hit[route.Method+route.Template] = true
				}
				for _, a := range m.Actions {
					named[a.Name], named[a.Name+" "+a.Operation] = true, true
				}
			}
			for i := range s.Hosts {
				byHand(t, &s.Hosts[i]).each(func(c *compiled) {
					if !hit[c.Method+c.Template] {
						t.Errorf("no vector hits %s %s%s", c.Method, s.Hosts[i].Pattern, c.Template)
					}
				})
				for _, r := range s.Hosts[i].Refined {
					if !named[r.Action] {
						t.Errorf("no vector shows %s", r.Action)
					}
				}
				for _, r := range s.Hosts[i].Spoken {
					if !named[r.Action+" "+r.Operation] {
						t.Errorf("no vector shows %s by %s", r.Action, r.Operation)
					}
				}
			}
			for r := range s.routes {
				if r.Class == Unknown { // it leads to a Refine that knows more
					continue
				}
				if class, ok := s.Knows(r.Operation); !ok || class == Unknown {
					t.Errorf("%s is not known by its name", r.Operation)
				}
			}
		})
	}
}

// byHand routes by what is written by hand alone.
func byHand(t *testing.T, h *Host) *node {
	t.Helper()
	root, err := newRouter(h.Routes)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// each visits all routes.
func (n *node) each(do func(*compiled)) {
	for _, leaves := range [...][]leaf{n.ends, n.rest} {
		for _, l := range leaves {
			do(l.route)
		}
	}
	for _, next := range n.literals {
		next.next.each(do)
	}
	for _, s := range n.suffixes {
		s.next.each(do)
	}
	if n.param != nil {
		n.param.each(do)
	}
}
