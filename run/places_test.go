package run

import (
	"slices"
	"testing"

	"agentguard/policy"
	"agentguard/run/sandbox"
)

// TestRuntimeDirsAreHidden: where the sockets of a session appear, also when no variable says so.
func TestRuntimeDirsAreHidden(t *testing.T) {
	for environ, want := range map[string][]string{"": {"/run/user"}, "XDG_RUNTIME_DIR=/var/run-1": {"/run/user", "/var/run-1"}} {
		s := newSession(Config{Policy: &policy.Policy{}, Environ: []string{environ}})
		rules := s.rules(sandbox.Places{}, nil)
		for _, path := range want {
			if !slices.Contains(rules, sandbox.Rule{Path: path, View: sandbox.Hidden}) {
				t.Errorf("%q: %s is not hidden", environ, path)
			}
		}
	}
}
