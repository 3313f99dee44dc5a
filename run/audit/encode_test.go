package audit

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                       `""`,
		"plain text, 8 bytes":    `"plain text, 8 bytes"`,
		`a"b\c`:                  `"a\"b\\c"`,
		"a\nb\tc\x00\x7f":        `"a\u000ab\u0009c\u0000\u007f"`,
		"\x1b[31mred\u009b0m":    `"\u001b[31mred\u009b0m"`,
		"x\u202ey\u2066z\u2028":  `"x\u202ey\u2066z\u2028"`,
		"bad\xffutf\xc0\x80":     `"bad\ufffdutf\ufffd\ufffd"`,
		"é日😀":                    `"é日😀"`,
		"\U000e0041\u200b\u00a0": `"\udb40\udc41\u200b\u00a0"`,
		"/a/b?c=<d>&e":           `"/a/b?c=<d>&e"`,
	} {
		if got := string(appendString(nil, in, 1000)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"abcdef", 6, `"abcdef"`},
		{"abcdefg", 6, `"abcdef...[cut 1 bytes]"`},
		{"\x00\x00", 11, `"\u0000...[cut 1 bytes]"`},
		{"aéé", 4, `"aé...[cut 2 bytes]"`},
		{"\U000e0041\U000e0041", 13, `"\udb40\udc41...[cut 4 bytes]"`},
		{strings.Repeat("x", 1<<20), 3, `"xxx...[cut 1048573 bytes]"`},
	} {
		if got := string(appendString(nil, c.in, c.max)); got != c.want {
			t.Errorf("%.20q: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for ms, want := range map[float64]int64{0: 0, -1: 0, 1.5: 1500, 0.0004: 0, math.NaN(): 0, math.Inf(1): 0, 1e300: 0} {
		if got := micros(ms); got != want {
			t.Errorf("micros(%v) = %d, want %d", ms, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 1: "0.001", 10: "0.01", 1500: "1.5", 123456: "123.456", 2000: "2"} {
		if got := string(appendThousandths(nil, n)); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	var e encoder
	for _, c := range []struct {
		t    time.Time
		want string
	}{
		{time.Time{}, "0001-01-01T00:00:00.000Z"},
		{time.Unix(0, 0), "1970-01-01T00:00:00.000Z"},
		{time.Unix(0, 999_999_999), "1970-01-01T00:00:00.999Z"},
		{time.Unix(-1, 7_000_000), "1969-12-31T23:59:59.007Z"},
		{time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC), "9999-12-31T23:59:59.000Z"},
		{time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), "0000-01-01T00:00:00.000Z"},
		{time.Date(2026, 7, 8, 1, 2, 3, 4_000_000, time.FixedZone("", 7200)), "2026-07-07T23:02:03.004Z"},
	} {
		e.b = append(e.b[:0], '{')
		e.time(`"t":`, c.t)
		if got := string(e.b); got != `{"t":"`+c.want+`"` {
			t.Errorf("%v: got %s, want %s", c.t, got, c.want)
		}
	}
}

func TestStagesJSON(t *testing.T) {
	in := Stages{{"b\"}:,", 1500}, {"a", 0}, {"", 1 << 40}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Stages
	if err := json.Unmarshal(b, &out); err != nil || len(out) != 3 || out[0] != in[0] || out[1] != in[1] || out[2] != in[2] {
		t.Errorf("%s came back as %v, %v", b, out, err)
	}
	if err := json.Unmarshal([]byte(" { \"x\" : 1.5 , \"y\":2\n} "), &out); err != nil || len(out) != 2 || out[0] != (Stage{"x", 1500}) || out[1] != (Stage{"y", 2000}) {
		t.Errorf("spaced: %v, %v", out, err)
	}
	for _, bad := range []string{`[]`, `1`, `{"a":"b"}`, `{"a":{}}`, `{"a":[1,2]}`, `{"a":null}`, `{"a":1e300}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("%s became %v", bad, out)
		}
	}
	for _, none := range []string{`{}`, `null`} {
		if err := json.Unmarshal([]byte(none), &out); err != nil || out != nil {
			t.Errorf("%s: %v, %v", none, out, err)
		}
	}
}

func TestResultJSON(t *testing.T) {
	in := Result{{"number", "42", true}, {"html_url", "https://x/\u202e", false}, {"big", "123456789012345678901234567890", true}, {"ok", "true", true}, {"", "null", false}}
	b, err := json.Marshal(in)
	if want := `{"number":42,"html_url":"https://x/\u202e","big":123456789012345678901234567890,"ok":true,"":"null"}`; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	var out Result
	if err := json.Unmarshal(b, &out); err != nil || !slices.Equal(in, out) {
		t.Errorf("came back as %v, %v", out, err)
	}
	// What is said to be a literal and is none is a text.
	for _, lie := range []string{`1,"effect":"allow"`, "01", "NaN", "", "truefalse", "-", "{}", "1 ", "+1", strings.Repeat("9", 200)} {
		b, err := json.Marshal(Result{{"x", lie, true}})
		var back map[string]any
		if err != nil || json.Unmarshal(b, &back) != nil || len(back) != 1 || !strings.HasPrefix(string(b), `{"x":"`) {
			t.Errorf("%q became %s, %v", lie, b, err)
		}
	}
	for _, bad := range []string{`[]`, `1`, `"x"`, `{"a":null}`, `{"a":{}}`, `{"a":[1]}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("%s became %v", bad, out)
		}
	}
}

func TestSafeText(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"fine é 日 😀 \\":            "fine é 日 😀 \\",
		"a\nb\r\tc":                `a\nb\r\tc`,
		"\x1b]0;title\x07":         `\x1b]0;title\x07`,
		"\u009b31m":                `\u009b31m`,
		"gpj.\u202eexe":            `gpj.\u202eexe`,
		"\xff\x80":                 `\xff\x80`,
		"\u2028\u2029\u200b\ufeff": `\u2028\u2029\u200b\ufeff`,
		"\U000e0041":               `\U000e0041`,
		"\x7f":                     `\x7f`,
		"\ufffd":                   "\ufffd",
	} {
		if got := SafeText(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"é日x", 2, "é日..."}, {"\x1b\x1b", 1, `\x1b...`}, {"", 0, ""}, {"a", 0, "..."}} {
		if got := Clip(c.in, c.max); got != c.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

// FuzzString checks that encoding/json reads back what appendString wrote, and that a terminal could be shown it.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\x00b", "\xff", "é\u202e", `"\`, "\U0010ffff\u2028", "1234567\x7f", "12345678\x80", strings.Repeat("é", 50)} {
		f.Add(s, 100)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		max = max & 0x3fff
		b := appendString(nil, s, max)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if text := string(b); SafeText(text) != text || !utf8.ValidString(text) {
			t.Fatalf("%q is not safe", text)
		}
		if len(b) > max+2+len("...[cut  bytes]")+len("1000000000") {
			t.Fatalf("%d bytes for a bound of %d", len(b), max)
		}
		if n := plainPrefix(s); strings.ContainsFunc(s[:n], func(r rune) bool { return !plain[byte(r)] || r > 0x7f }) || n < len(s) && plain[s[n]] {
			t.Fatalf("plainPrefix(%q) = %d", s, n)
		}
		kept := fit(s, max)
		want := strings.ToValidUTF8(s[:kept], "\ufffd")
		if kept == len(s) && validPerByte(s) != got || kept < len(s) && !strings.HasPrefix(got, validPerByte(s[:kept])) {
			t.Fatalf("%q came back as %q, want %q", s, got, want)
		}
	})
}

// validPerByte replaces each byte that is not UTF-8, as encoding/json does (ToValidUTF8 replaces runs).
func validPerByte(s string) string { return string([]rune(s)) }
