package words

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	for in, want := range map[string][]string{
		"gh auth token":        {"gh", "auth", "token"},
		`a 'b c' "d \"e\\ $f"`: {"a", "b c", `d "e\ $f`},
		`a\ b c''d "" '|'`:     {"a b", "cd", "", "|"},
		"a\tb  c ":             {"a", "b", "c"},
	} {
		if got, err := Split(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", in, got, err)
		}
	}
	for _, in := range []string{"", " ", "'' x", "a;b", "a>b", "a&", "`a`", "$HOME/x", "a *", `a\`, `"a`} {
		if got, err := Split(in); err == nil {
			t.Errorf("%s: %q", in, got)
		}
	}
}
