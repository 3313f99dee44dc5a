package sandbox

import (
	"strings"
	"testing"
)

var seatbeltRules = []Rule{
	{"/private/tmp", Writable}, {"/Users/u/src/app", Writable}, {"/Users/u/.ssh", Hidden}, {"/Users/u/.ssh/known_hosts", ReadOnly},
	{"/Users/u/src/app/.git/hooks", ReadOnly}, {`/Users/u/a "b" \c`, Hidden}, {"/Users/u/ä", Writable},
}

func seatbelt(t *testing.T) string {
	t.Helper()
	text, err := Seatbelt(seatbeltRules, []uint16{8080, 9090})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tokens reads a profile as Scheme does, strings and regular expressions whole.
func tokens(t *testing.T, text string) (list []string) {
	t.Helper()
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\n':
			i++
		case c == '(' || c == ')':
			list = append(list, string(c))
			i++
		case c == '"' || c == '#':
			end := i + 1
			if c == '#' {
				end++
			}
			for ; end < len(text) && text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			if end >= len(text) {
				t.Fatalf("a string without an end: %s", text[i:])
			}
			list = append(list, text[i:end+1])
			i = end + 1
		default:
			end := i + strings.IndexAny(text[i:], " ()\"\n")
			list = append(list, text[i:end])
			i = end
		}
	}
	return list
}

func TestSeatbeltIsBalanced(t *testing.T) {
	depth := 0
	for _, token := range tokens(t, seatbelt(t)) {
		switch token {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth < 0 || depth == 0 && token != ")" {
			t.Fatalf("%q stands outside", token)
		}
	}
	if depth != 0 {
		t.Errorf("%d parentheses are open at the end", depth)
	}
}

func TestSeatbelt(t *testing.T) {
	text := seatbelt(t)
	if !strings.HasPrefix(text, "(version 1)\n(deny default)\n") {
		t.Errorf("begins with %.40q", text)
	}
	position := -1
	for _, line := range []string{ // in this order: the last that fits counts
		`(allow mach-lookup (global-name "com.apple.trustd.agent"))`,
		`(deny mach-lookup (global-name "com.apple.SecurityServer"))`,
		`(deny mach-lookup (global-name "com.apple.securityd.xpc"))`,
		`(deny mach-lookup (global-name "com.apple.secd"))`,
		`(deny mach-lookup (global-name "com.apple.coreservices.launchservicesd"))`,
		`(allow file-read*)`,
		`(deny file-read-data file-read-xattr file-write* (subpath "/Users/u/.ssh"))`,
		`(allow file-read* (subpath "/Users/u/.ssh/known_hosts"))`,
		`(deny file-write* (subpath "/Users/u/.ssh/known_hosts"))`,
		`(deny file-read-data file-read-xattr file-write* (subpath "/Users/u/a \"b\" \\c"))`,
		`(allow file-read* file-write* (subpath "/Users/u/src/app"))`,
		`(deny file-write* (subpath "/Users/u/src/app/.git/hooks"))`,
		`(allow file-read* file-write* (subpath "/Users/u/ä"))`,
		`(allow network-outbound (remote tcp "localhost:8080"))`,
		`(allow network-outbound (remote tcp "localhost:9090"))`,
		`(allow network-bind network-outbound (subpath "/Users/u/src/app"))`,
	} {
		at := strings.Index(text, line+"\n")
		if at <= position {
			t.Errorf("%s: at %d, after one at %d", line, at, position)
		}
		position = at
	}
	for _, never := range []string{
		"(allow default)", "(allow network*", `(allow network-outbound)`, `"*:*"`, `(allow network-outbound (remote ip`, `(allow mach-lookup)`,
		`(allow network-bind network-outbound (subpath "/private/tmp"))`, "(allow signal)", "(allow file-write*)\n",
	} {
		if strings.Contains(text, never) {
			t.Errorf("the profile has %s", never)
		}
	}
	for _, name := range secretServices {
		if strings.Contains(text, `(allow mach-lookup (global-name "`+name+`"))`) {
			t.Errorf("%s is allowed", name)
		}
	}
}

// What could end a string, or be read in two ways, stands in no profile.
func TestSeatbeltRefusesWhatItCannotQuote(t *testing.T) {
	for _, path := range []string{"/a\nb", "/a\x00b", "/a\x1b[b", "/a\xffb", "/a\u202eb", "/a\u2028b"} {
		if text, err := Seatbelt([]Rule{{path, Hidden}}, nil); err == nil {
			t.Errorf("%q: %s", path, text)
		}
	}
}

func FuzzSeatbelt(f *testing.F) {
	f.Add(`/Users/u/a "b" \c`)
	f.Fuzz(func(t *testing.T, path string) {
		text, err := Seatbelt([]Rule{{path, Hidden}}, nil)
		if err != nil {
			return
		}
		plain, _ := Seatbelt([]Rule{{"/x", Hidden}}, nil)
		if got, want := len(tokens(t, text)), len(tokens(t, plain)); got != want {
			t.Errorf("%q makes %d tokens of %d", path, got, want)
		}
	})
}
