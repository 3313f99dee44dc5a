package action

import (
	"slices"
	"strings"
	"testing"
)

// TestAlikeIsKnown: each name in the table of what comes to the same is one that requests can have.
func TestAlikeIsKnown(t *testing.T) {
	for _, name := range Names() {
		s := Lookup(name)
		known := map[string]bool{}
		for _, r := range s.Operations() {
			known[r.Operation], known[r.Action] = true, true
		}
		seen := map[string]bool{}
		for line := range strings.Lines(alike[name]) {
			f := strings.Fields(line)
			for _, n := range f {
				if !known[n] {
					t.Errorf("%s: nothing is called %s", name, n)
				}
			}
			if seen[f[0]] || len(f) < 2 || slices.Contains(f[1:], f[0]) {
				t.Errorf("%s: the line of %s", name, f[0])
			}
			seen[f[0]] = true
		}
	}
}

// TestAsidesAreKnown: so is each in the table of what arguments do besides.
func TestAsidesAreKnown(t *testing.T) {
	for key, table := range asides {
		service, operation, _ := strings.Cut(key, " ")
		known := map[string]bool{}
		for _, r := range Lookup(service).Operations() {
			known[r.Operation], known[r.Action] = true, true
		}
		names := strings.Fields(alikeBy(table, func(string, string) bool { return true }))
		for _, name := range append(names, operation) {
			if !known[name] {
				t.Errorf("%s: nothing is called %s", key, name)
			}
		}
	}
}

// TestAsidesReachTheAlike: an argument that does what comes to the same as another action does that one, too.
func TestAsidesReachTheAlike(t *testing.T) {
	for key, table := range asides {
		service, own, _ := strings.Cut(key, " ")
		s := Lookup(service)
		if key == "stripe checkout/create-session" {
			continue // where a person pays
		}
		for entry := range strings.FieldsSeq(table) {
			_, list, _ := strings.Cut(entry, "=")
			names := strings.Split(list, ",")
			for line := range strings.Lines(alike[service]) {
				f := strings.Fields(line)
				for _, name := range names {
					of := s.Called(name)
					if len(of) == 0 {
						of = []string{name}
					}
					outside := func(operation string) bool { return !slices.Contains(f[1:], operation) }
					if !slices.ContainsFunc(of, outside) && outside(own) && !slices.Contains(names, f[0]) {
						t.Errorf("%s: %s does %s, and so %s", key, entry, name, f[0])
					}
				}
			}
		}
	}
}
