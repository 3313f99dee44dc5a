package action

import (
	"strings"
	"testing"
)

func TestParseAuthority(t *testing.T) {
	for in, want := range map[string]string{
		"api.github.com":            "api.github.com:443",
		"API.GitHub.com.:8443":      "api.github.com:8443",
		"localhost:1":               "localhost:1",
		"my_service:80":             "my_service:80",
		"127.0.0.1":                 "127.0.0.1:443",
		"[::1]:80":                  "[::1]:80",
		"[0:0:0:0:0:0:0:1]":         "[::1]:443",
		"[::ffff:127.0.0.1]":        "127.0.0.1:443",
		"[::FFFF:7f00:1]:80":        "127.0.0.1:80",
		"bücher.example":            "xn--bcher-kva.example:443",
		"BÜCHER.example":            "xn--bcher-kva.example:443",
		"xn--bcher-kva.example":     "xn--bcher-kva.example:443",
		"ａｐｉ.github.com":            "api.github.com:443",
		"1.2.3.4.example.com":       "1.2.3.4.example.com:443",
		"r3---sn-x.example.com:443": "r3---sn-x.example.com:443",
	} {
		a, err := ParseAuthority(in, 443)
		if err != nil || a.String() != want {
			t.Errorf("%q: %v, %v; want %s", in, a, err, want)
		}
	}
}

// Security 1: one parsed authority; what two readers could take for different hosts is no authority.
func TestAuthorityRefusesWhatReadersDisputeOn(t *testing.T) {
	for in, reason := range map[string]string{
		"":                                "empty",
		".":                               "empty",
		"a..b":                            "empty label",
		"example.com..":                   "empty label",
		"user@example.com":                "user information",
		"a:b@example.com":                 "user information",
		"example.com\x00.evil.com":        "NUL",
		"example.com\r\n":                 "control",
		"exa mple.com":                    "space",
		"example.com\\.evil.com":          "backslash",
		"example.com/x":                   "'/'",
		"example.com#x":                   "'#'",
		"ex%61mple.com":                   "percent",
		"example.com:":                    "port is empty",
		"example.com:0":                   "port",
		"example.com:65536":               "port",
		"example.com:0443":                "leading zeros",
		"example.com:+443":                "not a number",
		"example.com:http":                "not a number",
		"example.com:443:443":             "colon",
		"::1":                             "brackets",
		"[::1":                            "not closed",
		"[::1]x":                          "after the bracket",
		"[::1]:":                          "port is empty",
		"[fe80::1%eth0]":                  "percent",
		"[127.0.0.1]":                     "no IPv6",
		"[example.com]":                   "no IPv6",
		"0x7f.1":                          "ends in a number",
		"0x7f000001":                      "ends in a number",
		"127.1":                           "ends in a number",
		"2130706433":                      "ends in a number",
		"017700000001":                    "ends in a number",
		"0177.0.0.1":                      "ends in a number",
		"127.0.0.0x1":                     "ends in a number",
		"1.2.3.4.5":                       "ends in a number",
		"256.1.1.1":                       "ends in a number",
		"127.0.0.1.":                      "",
		"１２７.0.0.1":                       "other than ASCII digits",
		"127。0。0。1":                       "other than ASCII digits",
		"-a.example":                      "hyphen",
		"a_b!.example":                    "'!'",
		"*.example.com":                   "'*'",
		"xn--a.example":                   "xn--",
		"ex\u00ad.com..":                  "",
		strings.Repeat("a", 64):           "63 bytes",
		strings.Repeat("a.", 140) + "com": "253 bytes",
		strings.Repeat("a", 2000):         "longer",
	} {
		a, err := ParseAuthority(in, 443)
		if in == "127.0.0.1." { // the dot goes, as it does for names
			if err != nil || a.Host != "127.0.0.1" {
				t.Errorf("%q: %v, %v", in, a, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, %v; want %q", in, a, err, reason)
		}
	}
	if _, err := ParseAuthority("example.com", 0); err == nil {
		t.Error("no port at all")
	}
}

func TestHostPattern(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		yes, no  []string
		overlaps string
	}{
		{"API.Example.com.", []string{"api.example.com"}, []string{"x.api.example.com", "example.com", ""}, "*.example.com"},
		{"*.Example.com", []string{"a.example.com", "a.b.example.com"}, []string{"example.com", "evilexample.com", "a.example.com.evil.com", ".example.com"}, "*.b.example.com"},
		{"127.0.0.1", []string{"127.0.0.1"}, []string{"127.0.0.10", "::1"}, "127.0.0.1"},
		{"::ffff:127.0.0.1", []string{"127.0.0.1"}, nil, "127.0.0.1"},
		{"[::1]", []string{"::1"}, []string{"::2"}, "::1"},
	} {
		p, err := ParseHostPattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c.yes {
			if !p.Match(h) {
				t.Errorf("%s does not match %s", c.pattern, h)
			}
		}
		for _, h := range c.no {
			if p.Match(h) {
				t.Errorf("%s matches %q", c.pattern, h)
			}
		}
		q := mustHost(c.overlaps)
		if !p.Overlaps(q) || !q.Overlaps(p) || p.Overlaps(mustHost("other.test")) || p.Overlaps(HostPattern{}) {
			t.Errorf("%s and %s: overlap", c.pattern, c.overlaps)
		}
	}
	if (HostPattern{}).Match("") {
		t.Error("the zero pattern matches")
	}
	for in, reason := range map[string]string{
		"*": "", "*.com": "top-level", "*.": "empty", "*.*.com": "whole labels", "a.*.com": "whole labels", "*a.com": "whole labels",
		"*.1.2.3.4": "", "*.3.4": "ends in a number", "example.com:443": "without a port", "https://example.com": "without a scheme",
		"user@example.com": "user information", "*.[::1]": "address", "": "empty",
	} {
		if p, err := ParseHostPattern(in); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, %v", in, p, err)
		}
	}
}

func FuzzParseAuthority(f *testing.F) {
	for _, s := range []string{"a.example:443", "[::1]:80", "bücher.example", "0x7f.1", "xn--bcher-kva.example", "127.0.0.1."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAuthority(s, 443)
		if err != nil {
			return
		}
		again, err := ParseAuthority(a.String(), 1)
		if err != nil || again != a {
			t.Fatalf("%q is %v, read again %v, %v", s, a, again, err)
		}
		if strings.Trim(a.Host, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") != "" || strings.HasSuffix(a.Host, ".") || a.Host == "" {
			t.Fatalf("%q gives the host %q", s, a.Host)
		}
		if p, err := ParseHostPattern(a.Host); err != nil || !p.Match(a.Host) {
			t.Fatalf("%q is no pattern for itself: %v", a.Host, err)
		}
	})
}
