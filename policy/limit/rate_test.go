package limit

import (
	"strings"
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	for in, want := range map[string]Rate{
		"5/hour":     {5, time.Hour},
		"1/second":   {1, time.Second},
		"600/minute": {600, time.Minute},
		"100000/day": {100000, 24 * time.Hour},
	} {
		got, err := ParseRate(in)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", in, got, err, want)
		}
		if got.String() != in {
			t.Errorf("%q prints as %q", in, got)
		}
	}
	for in, reason := range map[string]string{
		"":                          "is not a rate",
		"5":                         "is not a rate",
		"/hour":                     "is not a whole number",
		"0/hour":                    "permits nothing",
		"00/hour":                   "is not a whole number",
		"05/hour":                   "is not a whole number",
		"-1/hour":                   "is not a whole number",
		"+1/hour":                   "is not a whole number",
		"1.5/hour":                  "is not a whole number",
		"1e3/hour":                  "is not a whole number",
		"1_000/hour":                "is not a whole number",
		" 5/hour":                   "is not a whole number",
		"5 /hour":                   "is not a whole number",
		"٥/hour":                    "is not a whole number",
		"100001/hour":               "at most 100000",
		"99999999999999999999/hour": "at most 100000",
		"5/hours":                   "is not a unit of time",
		"5/Hour":                    "is not a unit of time",
		"5/h":                       "is not a unit of time",
		"5/hour/day":                "is not a unit of time",
		"5/":                        "is not a unit of time",
	} {
		if r, err := ParseRate(in); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("ParseRate(%q) = %v, %v; want an error with %q", in, r, err, reason)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"5/hour", "0/day", "1_0/minute", "99999999999/second"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil && r != (Rate{}) {
			t.Fatalf("%q: an error and %v", s, r)
		}
		if err == nil && (r.N < 1 || r.N > MaxPermits || r.String() != s) {
			t.Fatalf("%q became %v", s, r)
		}
	})
}

// TestAdvice: who asks for more at once than a limit ever gives is not told to wait.
func TestAdvice(t *testing.T) {
	five := Rate{5, time.Hour}
	for _, c := range []struct {
		v    Verdict
		want string
	}{
		{Verdict{Which: Take{"a", five, 6}, Retry: time.Hour}, "the request does 6 of it at once, which never fits: send fewer at once"},
		{Verdict{Which: Take{"a", five, 5}, Retry: time.Minute}, "try again in 1m0s"},
	} {
		if got := c.v.Advice(); got != c.want {
			t.Errorf("%v: %s", c.v, got)
		}
	}
}
