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
		for line := range strings.Lines(alike(name)) {
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
