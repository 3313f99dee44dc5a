package limit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a hand-driven one.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Unix(1_700_000_000, 0)} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func take(t *testing.T, s Store, takes ...Take) Verdict {
	t.Helper()
	v, err := s.Take(context.Background(), takes)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

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

func TestSixthWithinAnHour(t *testing.T) {
	c := newClock()
	m := NewMemory(c.now)
	pr := Take{"agent/allow.open-prs/create_pr", Rate{5, time.Hour}, 1}
	for i := range 5 {
		if v := take(t, m, pr); !v.OK {
			t.Fatalf("permit %d refused", i+1)
		}
		c.advance(time.Minute)
	}
	v := take(t, m, pr)
	if v.OK || v.Which != pr || v.Retry != 55*time.Minute {
		t.Fatalf("sixth: %+v, want a refusal with retry in 55m", v)
	}
	c.advance(55*time.Minute - 1)
	if v := take(t, m, pr); v.OK || v.Retry != 1 {
		t.Fatalf("a nanosecond early: %+v", v)
	}
	c.advance(1)
	if v := take(t, m, pr); !v.OK {
		t.Fatalf("the first permit's hour is over, still refused: %+v", v)
	}
	if v := take(t, m, pr); v.OK || v.Retry != time.Minute {
		t.Fatalf("the second permit's hour is not over: %+v", v)
	}
}

func TestAllOrNothing(t *testing.T) {
	c := newClock()
	m := NewMemory(c.now)
	wide := Take{"wide", Rate{10, time.Minute}, 1}
	narrow := Take{"narrow", Rate{1, time.Hour}, 1}
	if v := take(t, m, wide, narrow); !v.OK {
		t.Fatal(v)
	}
	c.advance(time.Second)
	for range 20 {
		if v := take(t, m, wide, narrow); v.OK || v.Which != narrow || v.Retry != time.Hour-time.Second {
			t.Fatalf("%+v", v)
		}
	}
	if v := take(t, m, Take{"wide", wide.Rate, 9}); !v.OK {
		t.Fatalf("refused calls were counted: %+v", v)
	}
	v := take(t, m, wide, narrow)
	if v.OK || v.Which != wide || v.Retry != time.Hour-time.Second {
		t.Fatalf("two do not fit: which is the first, retry is when both would: %+v", v)
	}
}

func TestSameKeyAddsUp(t *testing.T) {
	m := NewMemory(newClock().now)
	r := Rate{3, time.Hour}
	if v := take(t, m, Take{"k", r, 2}, Take{"k", r, 2}); v.OK {
		t.Fatal("2 + 2 fitted into 3")
	}
	if v := take(t, m, Take{"k", r, 2}, Take{"k", r, 1}); !v.OK {
		t.Fatal("2 + 1 did not fit into 3")
	}
	if v := take(t, m, Take{"k", r, 1}); v.OK {
		t.Fatal("a fourth fitted into 3")
	}
}

func TestStrictestRateOfOneKey(t *testing.T) {
	c := newClock()
	m := NewMemory(c.now)
	day, hour := Rate{4, 24 * time.Hour}, Rate{2, time.Hour}
	for range 2 {
		for range 2 {
			if v := take(t, m, Take{"k", hour, 1}); !v.OK {
				t.Fatal(v)
			}
		}
		c.advance(time.Hour)
		take(t, m, Take{"other", day, 1}) // sweeps; must not forget what the day still counts
	}
	if v := take(t, m, Take{"k", Rate{1, time.Hour}, 1}); !v.OK {
		t.Fatalf("all hours are over: %+v", v)
	}
}

func TestNeverFits(t *testing.T) {
	m := NewMemory(newClock().now)
	for _, tk := range []Take{
		{"k", Rate{5, time.Hour}, 6},
		{"k", Rate{0, time.Hour}, 1},
		{"k", Rate{-1, time.Hour}, 1},
		{"k", Rate{1 << 62, time.Hour}, MaxPermits + 1},
	} {
		if v := take(t, m, tk); v.OK || v.Retry != time.Hour {
			t.Errorf("%+v: %+v", tk, v)
		}
	}
	big := Take{"k", Rate{5, time.Hour}, int(^uint(0) >> 1)}
	if v := take(t, m, big, big, big); v.OK {
		t.Error("an overflowing sum fitted")
	}
}

func TestZeroRefuses(t *testing.T) {
	if (Verdict{}).OK {
		t.Error("the zero verdict permits")
	}
	m := NewMemory(nil)
	for _, tk := range []Take{{}, {Key: "k", Rate: Rate{5, time.Hour}}, {Key: "k", N: 1}, {"k", Rate{5, time.Hour}, -1}, {"k", Rate{5, -time.Hour}, 1}} {
		if v, err := m.Take(context.Background(), []Take{tk}); err == nil || v.OK {
			t.Errorf("%+v: %+v, %v; want an error", tk, v, err)
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if v, err := m.Take(done, []Take{{"k", Rate{5, time.Hour}, 1}}); err == nil || v.OK {
		t.Errorf("cancelled: %+v, %v", v, err)
	}
	if v := take(t, m); !v.OK {
		t.Error("no takes: refused")
	}
}

func TestClockSetBackFreesNothing(t *testing.T) {
	c := newClock()
	m := NewMemory(c.now)
	one := Take{"k", Rate{1, time.Hour}, 1}
	c.advance(2 * time.Hour)
	take(t, m, one)
	c.advance(-90 * time.Minute)
	if v := take(t, m, one); v.OK || v.Retry != time.Hour {
		t.Fatalf("%+v", v)
	}
}

func TestIdleKeysAreDropped(t *testing.T) {
	c := newClock()
	m := NewMemory(c.now)
	for i := range 1000 {
		take(t, m, Take{fmt.Sprint(i), Rate{1, time.Second}, 1})
	}
	take(t, m, Take{"day", Rate{1, 24 * time.Hour}, 1})
	c.advance(sweepEvery)
	take(t, m, Take{"new", Rate{1, time.Second}, 1})
	if len(m.windows) != 2 {
		t.Fatalf("%d keys are kept, want day and new", len(m.windows))
	}
}

func TestLogIsBounded(t *testing.T) {
	c := newClock()
	m := NewMemory(c.now)
	for range 100_000 {
		take(t, m, Take{"k", Rate{10, time.Second}, 1})
		c.advance(20 * time.Millisecond)
	}
	if n := cap(m.windows["k"].log); n > 32 {
		t.Fatalf("a window of 10 permits holds room for %d", n)
	}
}

// TestAgainstNaive compares with counting by hand, over random takes.
func TestAgainstNaive(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := newClock()
	m := NewMemory(c.now)
	keys := []string{"a", "b", "c"}
	rates := map[string]Rate{"a": {3, time.Second}, "b": {7, time.Minute}, "c": {2, time.Minute}}
	taken := map[string][]time.Time{}
	fits := func(takes []Take) bool {
		for _, k := range keys {
			live := 0
			for _, at := range slices.Backward(taken[k]) {
				if c.t.Sub(at) >= rates[k].Per {
					break
				}
				live++
			}
			asked := 0
			for _, tk := range takes {
				if tk.Key == k {
					asked += tk.N
				}
			}
			if asked > 0 && live+asked > rates[k].N {
				return false
			}
		}
		return true
	}
	var last Verdict
	var lastTakes []Take
	for i := range 20_000 {
		takes := make([]Take, 1+rnd.IntN(3))
		for j := range takes {
			k := keys[rnd.IntN(3)]
			takes[j] = Take{k, rates[k], 1 + rnd.IntN(2)}
		}
		possible := last.Retry > 0 && !last.OK && neverOver(lastTakes)
		if possible && rnd.IntN(4) == 0 { // go exactly to the promised time and ask the same again
			takes = lastTakes
			c.advance(last.Retry)
			if !fits(takes) {
				t.Fatalf("step %d: retry %v is too early", i, last.Retry)
			}
		} else {
			c.advance(time.Duration(rnd.IntN(900)) * time.Millisecond)
		}
		want := fits(takes)
		last, lastTakes = take(t, m, takes...), takes
		if last.OK != want {
			t.Fatalf("step %d: %+v is %+v, by hand %v", i, takes, last, want)
		}
		if want {
			for _, tk := range takes {
				for range tk.N {
					taken[tk.Key] = append(taken[tk.Key], c.t)
				}
			}
		}
	}
}

// neverOver is false for takes that cannot fit at any time.
func neverOver(takes []Take) bool {
	sum := map[string]int{}
	for _, tk := range takes {
		if sum[tk.Key] += tk.N; sum[tk.Key] > tk.Rate.N {
			return false
		}
	}
	return true
}

func TestRace(t *testing.T) {
	m := NewMemory(nil)
	var granted atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				v, err := m.Take(context.Background(), []Take{
					{"shared", Rate{100, time.Hour}, 1},
					{fmt.Sprint(i), Rate{MaxPermits, time.Hour}, 1},
				})
				if err != nil {
					t.Error(err)
				}
				if v.OK {
					granted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if granted.Load() != 100 {
		t.Fatalf("%d of 100 permits were given", granted.Load())
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

func BenchmarkTake(b *testing.B) {
	m := NewMemory(nil)
	takes := []Take{{"agent/allow.x/create_pr", Rate{5000, time.Hour}, 1}, {"agent/allow.x/*", Rate{100_000, time.Second}, 1}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Take(context.Background(), takes); err != nil {
			b.Fatal(err)
		}
	}
}
