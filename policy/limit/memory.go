package limit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// sweepEvery is how often keys that hold no live permit are dropped.
const sweepEvery = time.Minute

// Memory is a Store in this process: exact sliding windows, for as long as the process lives. A permit taken at t is
// free again at t+Per, not earlier. It holds one timestamp for each live permit, and at most as many spent ones.
type Memory struct {
	now   func() time.Time
	start time.Time

	mu      sync.Mutex
	last    time.Duration // the latest time seen: the clock never runs backwards here
	swept   time.Duration
	windows map[string]*window
}

// window is the log of one key: when its permits were taken, oldest first, as time since the store's start.
type window struct {
	log []time.Duration
	per time.Duration // the longest period that a rate of this key asked for
}

// NewMemory makes an empty store. now should carry a monotonic reading, as time.Now does: a wall clock that is set
// back must not free permits. If nil, time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, start: now(), windows: map[string]*window{}}
}

// Take counts all takes, or none of them when one does not fit. Takes of one key add up. On refusal Which is the first
// take that did not fit, and Retry the time until all of them would, if nothing else is taken meanwhile. A take of more
// than its rate's N never fits; its Retry is the whole period.
func (m *Memory) Take(ctx context.Context, takes []Take) (Verdict, error) {
	if err := ctx.Err(); err != nil {
		return Verdict{}, err
	}
	for _, t := range takes {
		if t.N <= 0 || t.Rate.Per <= 0 {
			return Verdict{}, fmt.Errorf("limit %s: cannot take %d permits at %v", t.Key, t.N, t.Rate)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	v := m.check(takes, now)
	if v.OK {
		m.count(takes, now)
	}
	return v, nil
}

// tick reads the clock and drops idle keys now and then. The caller holds mu.
func (m *Memory) tick() time.Duration {
	m.last = max(m.last, m.now().Sub(m.start))
	if m.last-m.swept >= sweepEvery {
		m.swept = m.last
		for key, w := range m.windows {
			if w.drop(m.last); len(w.log) == 0 {
				delete(m.windows, key)
			}
		}
	}
	return m.last
}

// check says whether every take fits at now. It changes nothing.
func (m *Memory) check(takes []Take, now time.Duration) Verdict {
	v := Verdict{OK: true}
	for i, t := range takes {
		n := t.N
		for _, earlier := range takes[:i] {
			if earlier.Key == t.Key {
				n = addUpTo(n, earlier.N)
			}
		}
		wait, fits := m.windows[t.Key].wait(t.Rate, n, now)
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

// addUpTo adds without overflow: what is past MaxPermits fits nowhere.
func addUpTo(a, b int) int { return min(a, MaxPermits+1) + min(b, MaxPermits+1) }

// count records what check let through.
func (m *Memory) count(takes []Take, now time.Duration) {
	for _, t := range takes {
		w := m.windows[t.Key]
		if w == nil {
			w = &window{}
			m.windows[t.Key] = w
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
// the array be used again, and costs no more than was appended since.
func (w *window) drop(now time.Duration) {
	if i := w.expired(now - w.per); 2*i >= len(w.log) {
		w.log = slices.Delete(w.log, 0, i)
	}
}
