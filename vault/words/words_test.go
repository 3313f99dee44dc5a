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

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"alow", "allow", 1}, {"serivce", "service", 1}, {"kitten", "kitchen", 2}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
	known := []string{"create_pr", "merge_pr", "read", "github-token"}
	for word, want := range map[string]string{"create-pr": "create_pr", "Create_PR": "create_pr", "crate_pr": "create_pr", "reed": "read", "github_tokn": "github-token", "zebra": "", "": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// TestQuote: what it gives is cut into the one word that it was.
func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"bots/a-b_1.toml": "bots/a-b_1.toml", "~/x": "~/x", "": "''", "my dir/x": "'my dir/x'", "$HOME;x": "'$HOME;x'",
		"it's": `'it'\''s'`, "ü": "'ü'",
	} {
		got := Quote(word)
		back, err := Split("x " + got)
		if got != want || err != nil || len(back) != 2 || back[1] != word {
			t.Errorf("%q: %s, which is read as %q (%v)", word, got, back, err)
		}
	}
}
