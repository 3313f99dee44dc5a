package action

import (
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
				t.Errorf("%s: %q: %v", key, f, err)
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
	if got := name(Results(&m, []Field{{"html_url", []string{"x"}}, {"title", []string{"title"}}})); !slices.Equal(got, []string{"html_url", "title", "number", "ref", "sha"}) {
		t.Errorf("%q", got)
	}
	m.Service = &Service{Name: "github"} // somebody's own of that name
	if got := Results(&m, nil); got != nil {
		t.Errorf("%q", got)
	}
	var many []Field
	for i := range 2 * MaxFields {
		many = append(many, Field{strings.Repeat("x", i+1), []string{"x"}})
	}
	if got := Results(&m, many); len(got) != MaxFields {
		t.Errorf("%d fields", len(got))
	}
}
