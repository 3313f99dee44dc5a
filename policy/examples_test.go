package policy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"agentguard/policy"
	"agentguard/policy/suite"
)

// TestExamples runs the cases of every policy of examples/. No rule of an example goes untried, and none of them warns.
func TestExamples(t *testing.T) {
	all, err := filepath.Glob("../examples/*/*.toml")
	if err != nil || len(all) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range all {
		cases, isPolicy := strings.TrimSuffix(file, ".toml")+".test.toml", !strings.HasSuffix(file, ".test.toml")
		if !isPolicy {
			cases = file
		}
		t.Run(filepath.ToSlash(strings.TrimPrefix(file, filepath.FromSlash("../examples/"))), func(t *testing.T) {
			untried := runCases(t, cases)
			for _, rule := range untried {
				if isPolicy {
					t.Errorf("no case is decided by %s", rule)
				}
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
