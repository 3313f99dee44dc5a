package limit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
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

// reading is one of a machine without other clocks.
func (c *clock) reading() Reading { return Reading{Wall: c.t} }

func take(t *testing.T, s Store, takes ...Take) Verdict {
	t.Helper()
	v, err := s.Take(context.Background(), takes)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// stores are all there are, on a clock that the test drives, with nothing taken.
var stores = []struct {
	name string
	open func(*testing.T, *clock) Store
}{
	{"memory", func(_ *testing.T, c *clock) Store { return NewMemory(c.now) }},
	{"file", func(t *testing.T, c *clock) Store { return openIn(t, t.TempDir(), c.reading) }},
	{"redis", func(t *testing.T, c *clock) Store {
		r := newRedis(t, startRedis(t))
		r.testOnlyNow = c.now
		return r
	}},
}

// TestStores is what every store must do.
func TestStores(t *testing.T) {
	for _, s := range stores {
		t.Run(s.name, func(t *testing.T) {
			for _, c := range conformance {
				t.Run(c.name, func(t *testing.T) {
					clock := newClock()
					c.test(t, clock, s.open(t, clock))
				})
			}
		})
	}
}

var conformance = []struct {
	name string
	test func(t *testing.T, c *clock, m Store)
}{
	{"SixthWithinAnHour", testSixthWithinAnHour},
	{"AllOrNothing", testAllOrNothing},
	{"SameKeyAddsUp", testSameKeyAddsUp},
	{"StrictestRateOfOneKey", testStrictestRateOfOneKey},
	{"LongestPeriod", testLongestPeriod},
	{"Forgets", testForgets},
	{"NeverFits", testNeverFits},
	{"ZeroRefuses", testZeroRefuses},
	{"ClockSetBackFreesNothing", testClockSetBackFreesNothing},
	{"AgainstNaive", testAgainstNaive},
	{"Race", testRace},
}

func testSixthWithinAnHour(t *testing.T, c *clock, m Store) {
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
	c.advance(55*time.Minute - time.Microsecond)
	if v := take(t, m, pr); v.OK || v.Retry != time.Microsecond {
		t.Fatalf("a microsecond early: %+v", v)
	}
	c.advance(time.Microsecond)
	if v := take(t, m, pr); !v.OK {
		t.Fatalf("the first permit's hour is over, still refused: %+v", v)
	}
	if v := take(t, m, pr); v.OK || v.Retry != time.Minute {
		t.Fatalf("the second permit's hour is not over: %+v", v)
	}
}

func testAllOrNothing(t *testing.T, c *clock, m Store) {
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

func testSameKeyAddsUp(t *testing.T, c *clock, m Store) {
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

func testStrictestRateOfOneKey(t *testing.T, c *clock, m Store) {
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

// testLongestPeriod: a rate of a short period forgets nothing that one of a long period counts.
func testLongestPeriod(t *testing.T, c *clock, m Store) {
	day, second := Take{"k", Rate{3, 24 * time.Hour}, 1}, Take{"k", Rate{1, time.Second}, 1}
	take(t, m, day)
	for range 2 {
		c.advance(time.Hour)
		if v := take(t, m, second); !v.OK {
			t.Fatal(v)
		}
	}
	if v := take(t, m, day); v.OK || v.Retry != 22*time.Hour {
		t.Fatalf("a fourth in a day: %+v", v)
	}
}

// testForgets: what is spent is free, many at a time too.
func testForgets(t *testing.T, c *clock, m Store) {
	ten := Take{"k", Rate{10, time.Minute}, 10}
	for range 30 {
		if v := take(t, m, ten); !v.OK {
			t.Fatal(v)
		}
		if v := take(t, m, Take{"k", ten.Rate, 1}); v.OK {
			t.Fatal("an eleventh")
		}
		c.advance(time.Minute)
	}
}

func testNeverFits(t *testing.T, c *clock, m Store) {
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

func testZeroRefuses(t *testing.T, c *clock, m Store) {
	if (Verdict{}).OK {
		t.Error("the zero verdict permits")
	}
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

func testClockSetBackFreesNothing(t *testing.T, c *clock, m Store) {
	one := Take{"k", Rate{1, time.Hour}, 1}
	c.advance(2 * time.Hour)
	take(t, m, one)
	c.advance(-90 * time.Minute)
	if v := take(t, m, one); v.OK || v.Retry != time.Hour {
		t.Fatalf("%+v", v)
	}
	c.advance(time.Hour) // and holds nothing for longer
	if v := take(t, m, one); !v.OK && !isMemory(m) {
		t.Fatalf("%+v", v)
	}
}

// isMemory: the clock that Memory is given is never set back, since it is the process's own.
func isMemory(m Store) bool { _, is := m.(*Memory); return is }

// testAgainstNaive compares with counting by hand, over random takes.
func testAgainstNaive(t *testing.T, c *clock, m Store) {
	rnd := rand.New(rand.NewPCG(1, 2))
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
	for i := range 5_000 {
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

func testRace(t *testing.T, c *clock, m Store) {
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
