package limit

import (
	"context"
	"fmt"
	"testing"
	"time"
)

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
