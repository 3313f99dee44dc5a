package action

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for raw, want := range map[string][]string{
		"/":                       {""},
		"/a":                      {"a"},
		"/a/":                     {"a", ""},
		"/o/r.git/info/refs":      {"o", "r.git", "info", "refs"},
		"/a%20b/c%C3%BC":          {"a b", "cü"},
		"/100%25":                 {"100%"},
		"/100%25zz":               {"100%zz"},
		"/a;x=1/b":                {"a;x=1", "b"},
		"/.github/...":            {".github", "..."},
		"/v1/models/m:generate":   {"v1", "models", "m:generate"},
		"/a[1]!$&'()*+,=@~-_.txt": {"a[1]!$&'()*+,=@~-_.txt"},
	} {
		p, err := ParsePath(raw, false)
		if err != nil || !slices.Equal(p.Segments, want) || p.Raw != raw {
			t.Errorf("%s: %q, %v", raw, p.Segments, err)
		}
	}
	p, err := ParsePath("/git/refs/heads%2Fa/b", true)
	if err != nil || p.Segments[2] != "heads/a" || p.plain() != "/git/refs/heads%2Fa/b" {
		t.Errorf("%q, %v", p.Segments, err)
	}
}

// Security 1: match what is sent, send what was matched.
func TestPathRefusesWhatServersDisputeOn(t *testing.T) {
	for raw, reason := range map[string]string{
		"":                                 "does not begin",
		"a":                                "does not begin",
		"*":                                "does not begin",
		"//a":                              "empty segment",
		"/a//b":                            "empty segment",
		"/a//":                             "empty segment",
		"/.":                               ". or ..",
		"/a/../b":                          ". or ..",
		"/a/..":                            ". or ..",
		"/%2e%2e/b":                        ". or ..",
		"/%2E/b":                           ". or ..",
		"/.%2e/b":                          ". or ..",
		"/..;/b":                           ". or ..",
		"/..;x=1/b":                        ". or ..",
		"/.;/b":                            ". or ..",
		"/..%3b/b":                         ". or ..",
		"/..%20/b":                         ". or ..",
		"/%20../b":                         ". or ..",
		"/..%ef%bc%8fb":                    "some servers take",
		"/%ef%bc%8e%ef%bc%8e/b":            "some servers take",
		"/%e2%80%a5/b":                     "some servers take",
		"/.%e2%80%8b./b":                   "some servers take",
		"/a%ef%bc%bc../b":                  "some servers take",
		"/..%c2%a0;x/b":                    "some servers take",
		"/a%2fb":                           "escaped slash",
		"/a%2Fb":                           "escaped slash",
		"/a\\b":                            "backslash",
		"/a%5cb":                           "escaped backslash",
		"/a%00":                            "escaped control",
		"/a%0d%0a":                         "escaped control",
		"/a\x00":                           "control",
		"/a%7f":                            "escaped control",
		"/%252e%252e/b":                    "escaped twice",
		"/%25%32%65":                       "escaped twice",
		"/a%2541":                          "escaped twice",
		"/%c0%ae%c0%ae/b":                  "not UTF-8",
		"/%ff":                             "not UTF-8",
		"/a%":                              "begins no escape",
		"/a%4":                             "begins no escape",
		"/a%zz":                            "begins no escape",
		"/a%u002e":                         "begins no escape",
		"/ü":                               "outside ASCII",
		"/a b":                             "escape it",
		"/a?b":                             "escape it",
		"/a#b":                             "escape it",
		"/a{b}|c":                          "escape it",
		"/" + strings.Repeat("a", maxPath): "longer",
	} {
		if p, err := ParsePath(raw, false); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %q, %v; want %q", raw, p.Segments, err, reason)
		}
	}
	for raw, reason := range map[string]string{
		"/a%2f..%2fb": ". or ..", "/a%2f%2e%2e": ". or ..", "/%2fa": "behind an escaped slash", "/a%2f%2fb": "behind an escaped slash",
		"/a%2f": "behind an escaped slash", "/a%2f..;%2fb": ". or ..",
	} {
		if p, err := ParsePath(raw, true); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q with escaped slashes: %q, %v; want %q", raw, p.Segments, err, reason)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/a/b", "/a%20b/", "/%2e%2e/x", "/a%2fb", "/%252e", "/..;x/", "/[a]"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, raw string, slash bool) {
		p, err := ParsePath(raw, slash)
		if err != nil {
			return
		}
		if again, err := ParsePath(p.Raw, slash); err != nil || !slices.Equal(again.Segments, p.Segments) {
			t.Fatalf("%q read again: %q, %v", raw, again.Segments, err)
		}
		escaped := make([]string, len(p.Segments))
		for i, s := range p.Segments {
			for piece := range strings.SplitSeq(s, "/") {
				if piece == "." || piece == ".." || strings.ContainsAny(piece, "\\\x00\r\n") {
					t.Fatalf("%q has the segment %q", raw, s)
				}
			}
			if !slash && strings.Contains(s, "/") || s == "" && i < len(p.Segments)-1 {
				t.Fatalf("%q has the segment %q", raw, s)
			}
			escaped[i] = url.PathEscape(s)
		}
		back := "/" + strings.Join(escaped, "/")
		if again, err := ParsePath(back, slash); len(back) <= maxPath && (err != nil || !slices.Equal(again.Segments, p.Segments)) {
			t.Fatalf("%q re-encoded as %q: %q, %v", raw, back, again.Segments, err)
		}
		// What net/http makes of the path is what is sent.
		if u, err := url.ParseRequestURI(raw); err != nil || u.EscapedPath() != raw {
			t.Fatalf("%q would be sent as %q, %v", raw, u.EscapedPath(), err)
		}
	})
}
