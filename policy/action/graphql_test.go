package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"agentguard/policy/graphql"
)

func graphQLRequest(t testing.TB, service, body string) (*Host, *Request) {
	t.Helper()
	h := &Lookup(service).Hosts[0]
	path, err := ParsePath("/graphql", h.EncodedSlash)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Method: "POST", Path: path, Header: http.Header{}}
	setBody(r, body)
	return h, r
}

// FuzzGraphQL: whatever comes is read as something, and what is executed as a mutation never only as a read.
func FuzzGraphQL(f *testing.F) {
	for _, service := range []string{"github", "linear"} {
		for _, v := range vectors(f, service) {
			if strings.HasPrefix(v.target, "/graphql") {
				f.Add(service == "linear", v.body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, other bool, body string) {
		service := "github"
		if other {
			service = "linear"
		}
		h, r := graphQLRequest(t, service, body)
		asked := 0
		r.Ask = func(q *Question) (*Reply, error) {
			asked++
			if !json.Valid(q.Body) {
				t.Errorf("asked with %q", q.Body)
			}
			return nil, errors.New("nobody is there")
		}
		m := Classify(Lookup(service), h, r)
		before := len(m.Actions)
		m.Settle(r)
		if before == 0 || len(m.Actions) == 0 || m.Doubt != nil || asked > 1 {
			t.Fatalf("%d actions, settled %d, %d questions", before, len(m.Actions), asked)
		}
		if hasUnknownClass(m.Actions) {
			if len(m.Actions) != 1 || m.Reason == "" {
				t.Errorf("unknown among %s, for %q", spell(m), m.Reason)
			}
			return
		}
		docs, err := readGraphQL(r, &Match{})
		if err != nil {
			t.Fatalf("read as %s, and then not: %v", spell(m), err)
		}
		mutates := slices.ContainsFunc(docs, func(d document) bool {
			return d.op.Kind == graphql.Mutation && changes(&d, d.op.Set)
		})
		if writes := slices.ContainsFunc(m.Actions, func(a Action) bool { return a.Class > Read }); mutates && !writes {
			t.Errorf("a mutation is read as %s", spell(m))
		}
	})
}

func hasUnknownClass(list []Action) bool {
	return slices.ContainsFunc(list, func(a Action) bool { return a.Class == Unknown })
}

// changes says whether a selection of a mutation holds a field of the service's.
func changes(d *document, set []graphql.Selection) bool {
	return slices.ContainsFunc(set, func(s graphql.Selection) bool {
		switch {
		case s.Field != nil:
			return !strings.HasPrefix(s.Field.Name, "__")
		case s.Spread == "":
			return changes(d, s.Set)
		}
		return slices.ContainsFunc(d.Fragments, func(f *graphql.Fragment) bool { return f.Name == s.Spread && changes(d, f.Set) })
	})
}

// TestEveryMutation: each of the schema's is read, by its own name or a curated one, with every field that can hold an id.
func TestEveryMutation(t *testing.T) {
	s := githubSchema()
	n := 0
	for name, m := range s.mutations {
		n++
		input, ids := exampleInput(s, m.fields, 0)
		body, err := json.Marshal(map[string]any{"query": "mutation($i:X!){" + name + "(input:$i){clientMutationId}}", "variables": map[string]any{"i": input}})
		if err != nil {
			t.Fatal(err)
		}
		h, r := graphQLRequest(t, "github", string(body))
		r.Known = &Known{}
		for _, id := range ids {
			r.Known.Learn("github", id, Fact{Resource: Resource{"repo", "o/" + strings.ToLower(id)}})
		}
		got := Classify(Lookup("github"), h, r)
		got.Settle(r)
		if hasUnknownClass(got.Actions) {
			t.Errorf("%s: %s", name, got.Reason)
			continue
		}
		for _, a := range got.Actions {
			if a.Class < Write || a.Operation != name {
				t.Errorf("%s is %s", name, spell(got))
			}
		}
		for _, id := range ids {
			if !slices.ContainsFunc(got.Actions, func(a Action) bool { return a.Resource.Name == "o/"+strings.ToLower(id) }) {
				t.Errorf("%s: the resource of %s is not among %s", name, id, spell(got))
			}
		}
		if _, known := Lookup("github").Knows(name); !known {
			t.Errorf("policies do not know %s", name)
		}
	}
	if n != 247+3 { // and those of githubNewer
		t.Errorf("%d mutations", n)
	}
}

// TestEveryMutationIsOne: whatever is asked of its result, and though it names nothing, a mutation is never a query alone.
func TestEveryMutationIsOne(t *testing.T) {
	for service, schema := range map[string]*schema{"github": githubSchema(), "linear": linearSchema()} {
		for name, m := range schema.mutations {
			name, isMutation := strings.CutPrefix(name, "m ")
			if service == "linear" && !isMutation {
				continue
			}
			for _, asked := range []string{"{clientMutationId}", "{__typename}", "{viewer{login repositories{nodes{name}}}}", "{a{b{c{d}}} ...{e{f{g}}}}", ""} {
				for _, arguments := range []string{"(input:{})", "", "(input:{clientMutationId:\"x\"})"} {
					body, _ := json.Marshal(map[string]any{"query": "mutation{__typename x:" + name + arguments + asked + "}"})
					h, r := graphQLRequest(t, service, string(body))
					got := Classify(Lookup(service), h, r)
					for _, list := range [][]Action{got.Actions, got.AtLeast().Actions} {
						if !hasUnknownClass(list) && !slices.ContainsFunc(list, func(a Action) bool { return a.Operation == m.Operation && a.Class >= Write }) {
							t.Errorf("%s: %s is %s", service, body, spell(got))
						}
					}
				}
			}
		}
	}
}

// exampleInput fills every field: ids with one of their own, and gives those.
func exampleInput(s *schema, fields string, depth int) (input map[string]any, ids []string) {
	input = map[string]any{"clientMutationId": "x"}
	for i, field := range strings.Fields(fields) {
		name := strings.TrimRight(field, "#~@!")
		switch {
		case strings.HasSuffix(field, "#"):
			id := fmt.Sprintf("ID_%d_%d_%s", depth, i, name)
			input[name], ids = id, append(ids, id)
		case strings.HasSuffix(field, "@"):
			input[name] = "o/named"
		case strings.Contains(field, ":"):
			name, kind, _ := strings.Cut(field, ":")
			nested, more := exampleInput(s, s.types[kind], depth*10+i+1)
			if kind == "RefUpdate" {
				nested["name"] = "refs/heads/x"
			}
			input[name], ids = []any{nested}, append(ids, more...)
			if name == "branch" {
				input[name] = nested
			}
		case name == "event" || name == "state" || name == "force":
		case strings.HasPrefix(fields, "name oid"):
			input[name] = "refs/heads/x"
		default:
			input[name] = "x"
		}
	}
	return input, ids
}

// TestKnownAsksOnce: many at once put one question, and whoever's question failed does not fail the others.
func TestKnownAsksOnce(t *testing.T) {
	k := &Known{}
	var mu sync.Mutex
	asked := 0
	first, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	ask := func(ids []string) (map[string]Fact, error) {
		mu.Lock()
		asked++
		n := asked
		mu.Unlock()
		if n == 1 {
			once.Do(func() { close(first) })
			<-gate
			return nil, errors.New("the first one went away")
		}
		return map[string]Fact{ids[0]: {Resource: Resource{"repo", "o/r"}}}, nil
	}
	failed := make(chan error, 8)
	for i := range 8 {
		all.Go(func() {
			if i > 0 {
				<-first
			}
			facts, err := k.facts("github", []string{"X"}, true, ask)
			if err == nil && facts["X"].Resource.Name != "o/r" {
				err = fmt.Errorf("told %v", facts)
			}
			failed <- err
		})
		if i == 0 {
			<-first
		}
	}
	close(gate)
	all.Wait()
	close(failed)
	errs := 0
	for err := range failed {
		if err != nil {
			errs++
		}
	}
	if errs != 1 || asked > 8 {
		t.Errorf("%d failed, %d questions", errs, asked)
	}
	asked = 1
	if facts, err := k.facts("github", []string{"X"}, true, ask); err != nil || len(facts) != 1 || asked != 1 {
		t.Errorf("asked again: %v, %v", facts, err)
	}
}

// TestKnownIsBounded: it forgets, and never grows beyond its bound.
func TestKnownIsBounded(t *testing.T) {
	k := &Known{}
	for i := range maxFacts + 100 {
		k.Learn("github", fmt.Sprint(i), Fact{})
	}
	if len(k.known) != maxFacts {
		t.Errorf("%d facts", len(k.known))
	}
}

// Root fields that share one variable make many actions of a small body.
func TestGraphQLActionsAreBounded(t *testing.T) {
	var roots, updates []string
	for i := range maxRoots {
		roots = append(roots, fmt.Sprintf("a%d: updateRefs(input: $i) { clientMutationId }", i))
	}
	for i := range 50 {
		updates = append(updates, fmt.Sprintf(`{"name": "refs/heads/b%d", "afterOid": "%040d", "force": true}`, i, i))
	}
	document, _ := json.Marshal("mutation($i: UpdateRefsInput!) { " + strings.Join(roots, " ") + " }")
	h, r := graphQLRequest(t, "github", fmt.Sprintf(`{"query": %s, "variables": {"i": {"repositoryId": "R_kgDO1", "refUpdates": [%s]}}}`,
		document, strings.Join(updates, ",")))
	m := Classify(Lookup("github"), h, r)
	if len(m.Actions) != 1 || !hasUnknownClass(m.Actions) || !strings.Contains(m.Reason, "things at once") {
		t.Errorf("%d actions, the first %+v: %s", len(m.Actions), m.Actions[0], m.Reason)
	}
}

// TestGraphQLWorkIsBounded: a short text can stand for much, by variables that are used often and fragments within fragments.
func TestGraphQLWorkIsBounded(t *testing.T) {
	ones := strings.Repeat("1 ", 1000)
	uses := func(n int) string {
		return "mutation($v:X=[" + ones + "],$w:X){createIssue(input:{repositoryId:\"R_1\",title:[" + strings.Repeat("$v ", n) + "],body:[" + strings.Repeat("$w ", n) + "]}){clientMutationId}}"
	}
	doubling := "{...a0}"
	for i := range 30 {
		doubling += fmt.Sprintf(" fragment a%d on Query{...a%d ...a%d}", i, i+1, i+1)
	}
	var list []any
	for range 1000 {
		list = append(list, map[string]any{"a": nil})
	}
	for _, c := range []struct {
		document string
		given    any
		reason   string
	}{
		{uses(90), nil, ""},
		{uses(100), nil, "more than 100000 values"},
		{uses(40), list, "more than 100000 values"},
		{uses(20), list, ""},
		{doubling + " fragment a30 on Query{__typename}", nil, "more than 20000 fields"},
		{strings.Replace(doubling, "a29 on Query{...a30 ...a30}", "a29 on Query{...a0}", 1), nil, "a fragment within itself"},
	} {
		variables := map[string]any{}
		if c.given != nil {
			variables["w"] = c.given
		}
		body, err := json.Marshal(map[string]any{"query": c.document, "variables": variables})
		if err != nil {
			t.Fatal(err)
		}
		h, r := graphQLRequest(t, "github", string(body))
		m := Classify(Lookup("github"), h, r)
		if unknown := hasUnknownClass(m.Actions); unknown != (c.reason != "") || !strings.Contains(m.Reason, c.reason) {
			t.Errorf("%.80s: %+v %s", c.document, m.Actions[0], m.Reason)
		}
	}
}
