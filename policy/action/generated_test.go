package action

import (
	"strings"
	"sync"
	"testing"

	"agentguard/policy/action/catalogue"
)

// hostsWithTables are the hosts that a table of the catalogue makes whole.
func hostsWithTables(do func(s *Service, h *Host)) {
	for _, name := range Names() {
		s := Lookup(name)
		for i := range s.Hosts {
			if s.Hosts[i].whole != nil {
				do(s, &s.Hosts[i])
			}
		}
	}
}

// A table never makes less of a request than the hand-written routes do: wherever some path fits both a generated
// template and a hand-written one, class, resource and alias are what they were without the table.
func TestTablesNeverWeaken(t *testing.T) {
	hostsWithTables(func(s *Service, h *Host) {
		before, after := byHand(t, h), h.router()
		seen := 0
		for _, g := range h.all()[len(h.Routes):] {
			for _, w := range h.Routes {
				method, segments, ok := unify(&g, &w)
				if !ok {
					continue
				}
				var c captures
				was := before.find(method, segments, &c)
				is := after.find(method, segments, &c)
				if was == nil || c.dead {
					continue
				}
				seen++
				if is == nil {
					continue // refused now
				}
				name := was.Action
				if name == "" {
					name = was.Operation
				}
				if strings.Contains(g.Template, "/issues/comments/") || strings.Contains(g.Template, "/issue/properties/") {
					name = is.Operation // no issue goes by that word
				}
				if is.Class < was.Class || is.Public && !was.Public || is.Resource != was.Resource && is.Resource != "" || is.Action != name && is.Operation != name {
					t.Errorf("%s %s /%s: was %s %s %q, is %s %s %q", s.Name, method, strings.Join(segments, "/"), name, was.Class, was.Resource, is.Action, is.Class, is.Resource)
				}
			}
		}
		t.Logf("%s: %d overlaps", s.Name, seen)
	})
}

// unify gives a path that fits both templates.
func unify(a, b *Route) (method string, segments []string, ok bool) {
	switch {
	case a.Method == b.Method || b.Method == "*":
		method = a.Method
	case a.Method == "*":
		method = b.Method
	default:
		return "", nil, false
	}
	as, bs := strings.Split(a.Template[1:], "/"), strings.Split(b.Template[1:], "/")
	for i := 0; ; i++ {
		if i == len(as) || i == len(bs) {
			return method, segments, len(as) == len(bs) && i == len(as)
		}
		_, _, ra, _ := templateSegment(as[i])
		_, _, rb, _ := templateSegment(bs[i])
		switch {
		case ra && rb:
			return method, append(segments, "~x"), true
		case ra:
			return method, append(segments, fill(bs[i:])...), true
		case rb:
			return method, append(segments, fill(as[i:])...), true
		}
		s, ok := unifySegment(as[i], bs[i])
		if !ok {
			return "", nil, false
		}
		segments = append(segments, s)
	}
}

func fill(template []string) []string {
	var out []string
	for _, s := range template {
		s, _ = unifySegment(s, "{x}")
		out = append(out, s)
	}
	return out
}

func unifySegment(a, b string) (string, bool) {
	an, at, _, _ := templateSegment(a)
	bn, bt, _, _ := templateSegment(b)
	switch {
	case an == "" && bn == "":
		return a, a == b
	case an == "":
		return a, strings.HasSuffix(a, bt) && len(a) > len(bt)
	case bn == "":
		return b, strings.HasSuffix(b, at) && len(b) > len(at)
	case strings.HasSuffix(at, bt):
		return "~x" + at, true
	}
	return "~x" + bt, strings.HasSuffix(bt, at)
}

// What the name of an operation means must not depend on whether it was found by hand or in a table.
func TestTablesAgreeOnNames(t *testing.T) {
	for _, name := range Names() {
		s := Lookup(name)
		if name == "aws" {
			continue // its names have the class of the most powerful operation, which IAM knows by one name
		}
		for r := range s.routes {
			for _, n := range [...]string{r.Action, r.Operation} {
				if class, ok := s.Knows(n); n != "" && (!ok || class < r.Class) {
					t.Errorf("%s: %s is %s by its name and %s at %s %s", name, n, class, r.Class, r.Method, r.Template)
				}
			}
		}
	}
}

// Nothing of a table is a read, unless by a hand-written route, that gives out a secret by its name.
func TestTablesHandOutNoSecretsAsReads(t *testing.T) {
	hostsWithTables(func(s *Service, h *Host) {
		before := byHand(t, h)
		for _, r := range h.all()[len(h.Routes):] {
			if r.Operation == "drive.changes.getStartPageToken" { // a cursor
				continue
			}
			if r.Class != Read || before.covering(r.Method, r.Template) != nil {
				continue
			}
			for _, word := range []string{"token", "secret", "credential", "password", "apikey", "private-key"} {
				if strings.Contains(strings.ToLower(r.Operation), word) {
					t.Errorf("%s: %s is a read", s.Name, r.Operation)
				}
			}
		}
	})
}

func TestTablesNameTheirSources(t *testing.T) {
	for _, table := range []string{"github", "stripe", "slack", "jira", "gmail", "workspace", "aws"} {
		_, source, err := catalogue.Text(table)
		if err != nil || !strings.HasPrefix(source, table+": ") || !strings.ContainsAny(source, "@") {
			t.Errorf("%s: %q, %v", table, source, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	s := Lookup("github")
	if class, ok := s.Knows("pull_requests:write"); !ok || class != Write {
		t.Errorf("pull_requests:write is %s, %v", class, ok)
	}
	for _, name := range []string{"pull_requests:admin", "pull_requests:", ":write", "no:read"} {
		if _, ok := s.Knows(name); ok {
			t.Errorf("%s is known", name)
		}
	}
	if s.Permission("x:read") || s.Permission("read") || !s.Permission("issues:read") {
		t.Error("permissions are not told from other names")
	}
	ops := strings.Join(s.Expand([]string{"pull_requests:write", "create_issue"}), " ")
	for op, want := range map[string]bool{"pulls/create": true, "pulls/request-reviewers": true, "create_issue": true,
		"pull_requests:write": true, "issues/create": false, "repos/delete": false, "graphql": false} {
		if strings.Contains(" "+ops+" ", " "+op+" ") != want {
			t.Errorf("%s: not %v in %s", op, want, ops)
		}
	}
	// pulls/merge-async is younger than the permissions: no permission covers it
	for _, r := range Lookup("github").Hosts[0].all() {
		if r.Operation == "pulls/merge-async" && r.Permits != "" {
			t.Errorf("%s is said to need %s", r.Operation, r.Permits)
		}
	}
}

// The first users of a service may come at once.
func TestLazyServicesDoNotRace(t *testing.T) {
	s := builtin("github", github).get
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			h := &s().Hosts[0]
			p, _ := ParsePath("/repos/o/r/autolinks", true)
			m := Classify(s(), h, &Request{Method: "POST", Path: p})
			if a := m.Actions[0]; a.Operation != "repos/create-autolink" || a.Class != Admin || a.Resource.Name != "o/r" {
				t.Errorf("%+v", a)
			}
			if _, ok := s().Knows("repos/create-autolink"); !ok {
				t.Error("not known")
			}
		})
	}
	wg.Wait()
}

func BenchmarkFirstUse(b *testing.B) {
	b.Run("written", func(b *testing.B) {
		for b.Loop() {
			builtin("github", github).get()
		}
	})
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			builtin("github", github).get().Hosts[0].router()
		}
	})
	b.Run("text", func(b *testing.B) {
		for b.Loop() {
			catalogue.Text("github")
		}
	})
}

func TestListTellsTransports(t *testing.T) {
	want := map[string]string{"create_pr pulls/create": "REST", "force_push git/receive-pack": "git",
		"graphql_query graphql": "GraphQL", "lfs_upload lfs/batch": "LFS"}
	for _, i := range Lookup("github").List() {
		if transport, ok := want[i.Name+" "+i.Operation]; ok {
			if i.Transport != transport {
				t.Errorf("%s by %s", i.Name, i.Transport)
			}
			delete(want, i.Name+" "+i.Operation)
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}
