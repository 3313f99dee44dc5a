package limit

import (
	"context"
	"sync"
	"time"
)

// Memory is a Store in this process, for as long as the process lives.
type Memory struct {
	now   func() time.Time
	start time.Time

	mu   sync.Mutex
	last time.Duration // the latest time seen: the clock never runs backwards here
	book
}

// NewMemory makes an empty store. now should carry a monotonic reading, as time.Now does: a wall clock that is set
// back must not free permits. If nil, time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, start: now(), book: newBook()}
}

// Take counts all takes, or none of them when one does not fit.
func (m *Memory) Take(ctx context.Context, takes []Take) (Verdict, error) {
	if err := valid(ctx, takes); err != nil {
		return Verdict{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = max(m.last, m.now().Sub(m.start))
	m.sweep(m.last)
	v := m.check(takes, m.last)
	if v.OK {
		m.count(takes, m.last)
	}
	return v, nil
}
