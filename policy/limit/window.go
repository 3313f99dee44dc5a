package limit

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// sweepEvery is how often keys that hold no live permit are dropped.
const sweepEvery = time.Minute

// book holds the windows of all keys: exact sliding ones, on the clock of its owner. A permit taken at t is free again at
// t+Per, not earlier. It keeps one time for each live permit, and at most as many spent ones. Its owner locks it.
type book struct {
	windows map[string]*window
	swept   time.Duration
}

// window is the log of one key: when its permits were taken, oldest first.
type window struct {
	log []time.Duration
	per time.Duration // the longest period that a rate of this key asked for
}

func newBook() book { return book{windows: map[string]*window{}} }

// valid refuses takes that say nothing, and those whose caller has gone.
func valid(ctx context.Context, takes []Take) error {
	for _, t := range takes {
		if t.N <= 0 || t.Rate.Per <= 0 {
			return fmt.Errorf("limit %s: cannot take %d permits at %v", t.Key, t.N, t.Rate)
		}
	}
	return ctx.Err()
}

// sweep drops idle keys now and then.
func (b *book) sweep(now time.Duration) {
	if now-b.swept < sweepEvery {
		return
	}
	b.swept = now
	for key, w := range b.windows {
		if w.drop(now); len(w.log) == 0 {
			delete(b.windows, key)
		}
	}
}

// check says whether every take fits at now. It changes nothing.
func (b *book) check(takes []Take, now time.Duration) Verdict {
	v := Verdict{OK: true}
	for i, t := range takes {
		wait, fits := b.windows[t.Key].wait(t.Rate, asked(takes, i), now)
		if fits {
			continue
		}
		if v.OK {
			v.OK, v.Which = false, t
		}
		v.Retry = max(v.Retry, wait)
	}
	return v
}

// asked is how many permits take i and those of its key before it ask for. It adds without overflow: what is past
// MaxPermits fits nowhere.
func asked(takes []Take, i int) int {
	n := min(takes[i].N, MaxPermits+1)
	for _, earlier := range takes[:i] {
		if earlier.Key == takes[i].Key {
			n = min(n+min(earlier.N, MaxPermits+1), MaxPermits+1)
		}
	}
	return n
}

// count records what check let through.
func (b *book) count(takes []Take, now time.Duration) {
	for _, t := range takes {
		w := b.windows[t.Key]
		if w == nil {
			w = &window{}
			b.windows[t.Key] = w
		}
		w.per = max(w.per, t.Rate.Per)
		w.drop(now)
		for range t.N {
			w.log = append(w.log, now)
		}
	}
}

// wait says whether n more permits fit at now, and if not, how long until they would.
func (w *window) wait(r Rate, n int, now time.Duration) (time.Duration, bool) {
	most := min(r.N, MaxPermits)
	if n > most {
		return r.Per, false
	}
	if w == nil {
		return 0, true
	}
	live := w.log[w.expired(now-r.Per):]
	excess := len(live) + n - most
	if excess <= 0 {
		return 0, true
	}
	return live[excess-1] + r.Per - now, false
}

// expired counts the permits that were taken at or before t.
func (w *window) expired(t time.Duration) int {
	i, _ := slices.BinarySearch(w.log, t+1)
	return i
}

// drop forgets the permits that no rate counts any more, once they are half of the log: moving the live ones down lets
// the array be used again, and costs no more than was appended since. No rate counts more than MaxPermits of them.
func (w *window) drop(now time.Duration) {
	if i := max(w.expired(now-w.per), len(w.log)-MaxPermits); 2*i >= len(w.log) {
		w.log = slices.Delete(w.log, 0, i)
	}
}
