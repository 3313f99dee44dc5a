package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestStarters(t *testing.T) {
	all := StarterServices()
	cases := [][]string{nil, all, {"anthropic", "github", "github"}}
	for _, s := range all {
		cases = append(cases, []string{s})
	}
	for _, services := range cases {
		text, err := Starter(services, "keychain")
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse("agentguard.toml", []byte(text))
		if err != nil {
			t.Errorf("%v:\n%v", services, err)
			continue
		}
		warned := slices.ContainsFunc(p.Warnings, func(w Error) bool { return strings.Contains(w.Message, `"repo:OWNER/REPO" is no repository yet`) })
		if warned != slices.Contains(services, "github") || len(p.Warnings) > 1 || len(p.Warnings) > 0 && !warned || len(p.Credentials) != max(1, len(slices.Compact(slices.Sorted(slices.Values(services))))) {
			t.Errorf("%v: %d credentials, warnings %v", services, len(p.Credentials), p.Warnings)
		}
		sound(t, p)
		for line := range strings.Lines(text) {
			if n := len(strings.TrimSpace(line)); n > 130 {
				t.Errorf("%v: a line of %d characters", services, n)
			}
		}
		uncommented(t, services, text)
	}
	if _, err := Starter([]string{"githb"}, "keychain"); err == nil || !strings.Contains(err.Error(), `did you mean "github"`) {
		t.Errorf("githb: %v", err)
	}
}

// uncommented checks that the suggestions in comments are themselves valid.
func uncommented(t *testing.T, services []string, text string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(rest, "[") || strings.Contains(rest, " = ")) {
			line = rest
		}
		lines = append(lines, line)
	}
	if _, err := Parse("uncommented", []byte(strings.Join(lines, ""))); err != nil {
		t.Errorf("%v with its suggestions:\n%v", services, err)
	}
}
