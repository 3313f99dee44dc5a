package policy_test

import (
	"path/filepath"
	"testing"

	"agentguard/policy"
	"agentguard/policy/suite"
)

// TestExamples runs the cases of every policy of examples/. No rule of an example goes untried, and none of them warns.
func TestExamples(t *testing.T) {
	policies, err := filepath.Glob("../examples/*/agentguard.toml")
	if err != nil || len(policies) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range policies {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			untried := runCases(t, filepath.Join(dir, "agentguard.test.toml"))
			for _, rule := range untried {
				t.Errorf("no case is decided by %s", rule)
			}
			more, _ := filepath.Glob(filepath.Join(dir, "*.test.toml"))
			for _, file := range more {
				runCases(t, file)
			}
		})
	}
}

func runCases(t *testing.T, file string) (untried []string) {
	t.Helper()
	p, cases, err := suite.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range p.Warnings {
		t.Errorf("warning: %v", w)
	}
	return check(t, p, cases)
}

// check runs cases and tells what does not hold.
func check(t *testing.T, p *policy.Policy, cases *policy.Cases) (untried []string) {
	t.Helper()
	r := suite.Run(p, cases)
	for _, x := range r.Results {
		for _, f := range x.Failures {
			t.Errorf("%s:%d: %s: %s: got %q, want %q", r.File, f.Line, x.Case.Name, f.Key, f.Got, f.Want)
		}
	}
	return r.Untried
}
