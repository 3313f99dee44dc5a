package sandbox

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestLevels(t *testing.T) {
	for _, name := range LevelNames() {
		l, err := ParseLevel(name)
		if err != nil || l == None || l.String() != name {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
	if !(None < Env && Env < Filtered && Filtered < Sealed) {
		t.Error("a stronger level is a greater one")
	}
	for _, bad := range []string{"", "none", "Sealed", " env", "full", "1"} {
		if l, err := ParseLevel(bad); err == nil || l != None {
			t.Errorf("%q is level %v", bad, l)
		}
	}
	if got := Level(9).String(); got != "level 9" {
		t.Error(got)
	}
}

// fakeLadder has rungs that work or not, and counts what is tried.
func fakeLadder(tried *[]Level, works ...Level) []Rung {
	var ladder []Rung
	for l := Sealed; l >= Env; l-- {
		ladder = append(ladder, Rung{Level: l, Try: func() ([]string, error) {
			*tried = append(*tried, l)
			if slices.Contains(works, l) {
				return []string{"limit of " + l.String()}, nil
			}
			return nil, &Problem{Step: "make " + l.String(), Call: "clone", Err: syscall.EPERM, Mend: "mend " + l.String()}
		}})
	}
	return ladder
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name           string
		works          []Level
		asked, minimum Level
		want           Level
		tried          []Level
		reason, mend   string // of the refusal
		whyNotMore     string
	}{
		{name: "the highest", works: []Level{Sealed, Filtered, Env}, want: Sealed, tried: []Level{Sealed}},
		{name: "the next", works: []Level{Filtered, Env}, minimum: Filtered, want: Filtered, tried: []Level{Sealed, Filtered}, whyNotMore: "sealed does not work here: make sealed: clone: "},
		{name: "the last", works: []Level{Env}, minimum: Env, want: Env, tried: []Level{Sealed, Filtered, Env}, whyNotMore: "; filtered does not work here"},
		{name: "below the minimum", works: []Level{Env}, minimum: Filtered, tried: []Level{Sealed, Filtered}, reason: "isolation filtered does not work here: make filtered", mend: "mend filtered"},
		{name: "below the default", works: []Level{Env}, tried: []Level{Sealed, Filtered}, reason: "isolation filtered does not work here", mend: `minimum = "env" under [isolation]`},
		{name: "nothing works", minimum: Env, tried: []Level{Sealed, Filtered, Env}, reason: "isolation env does not work here", mend: "--isolation env"},
		{name: "no more than the least", works: []Level{Filtered, Env}, minimum: Sealed, tried: []Level{Sealed}, reason: "isolation sealed does not work here", mend: "isolation.minimum in the policy"},
		{name: "by name", works: []Level{Sealed, Filtered, Env}, asked: Filtered, want: Filtered, tried: []Level{Filtered}},
		{name: "by name, broken", works: []Level{Filtered, Env}, asked: Sealed, tried: []Level{Sealed}, reason: "isolation sealed does not work here", mend: "mend sealed\n--isolation filtered"},
		{name: "by name, the least", works: []Level{Sealed, Filtered, Env}, asked: Env, want: Env, tried: []Level{Env}},
		{name: "by name, above the minimum", works: []Level{Sealed, Filtered}, asked: Sealed, minimum: Filtered, want: Sealed, tried: []Level{Sealed}},
		{name: "by name, below the minimum", works: []Level{Sealed, Filtered, Env}, asked: Env, minimum: Filtered, reason: "isolation env is less than the policy's isolation.minimum, which is filtered", mend: "leave --isolation out"},
		{name: "a level beyond all", works: []Level{Sealed, Filtered, Env}, minimum: Sealed + 1, reason: "isolation level 4: there is no such level"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tried []Level
			got, err := Choose(fakeLadder(&tried, c.works...), Wish{c.asked, c.minimum})
			if got.Level != c.want || !slices.Equal(tried, c.tried) {
				t.Errorf("level %v after trying %v, want %v after %v", got.Level, tried, c.want, c.tried)
			}
			var unmet *Unmet
			if c.reason == "" && err != nil || c.reason != "" && !errors.As(err, &unmet) {
				t.Fatalf("error %v", err)
			}
			if unmet != nil && (!strings.Contains(err.Error(), c.reason) || !strings.Contains(strings.Join(unmet.Mends(), "\n"), c.mend)) {
				t.Errorf("reason %q, mends %q", err, unmet.Mends())
			}
			if c.want != None && len(got.Mends()) != len(got.Above) {
				t.Errorf("mends %q", got.Mends())
			}
			if why := got.WhyNotMore(); !strings.Contains(why, c.whyNotMore) || (why == "") != (c.whyNotMore == "") {
				t.Errorf("why not more: %q", why)
			}
			if c.want != None && (len(got.Limits) != 1 || got.Limits[0] != "limit of "+c.want.String()) {
				t.Errorf("limits %q", got.Limits)
			}
		})
	}
}

// A system without the level is no reason to take a lesser one.
func TestChooseOnAShortLadder(t *testing.T) {
	for _, c := range []Wish{{}, {Sealed, None}, {None, Filtered}, {Filtered, Env}} {
		got, err := Choose([]Rung{scrubbed}, c)
		if err == nil || got.Level != None || !strings.Contains(err.Error(), "there is no such level on this system") {
			t.Errorf("%v: %v, %v", c, got.Level, err)
		}
	}
}
