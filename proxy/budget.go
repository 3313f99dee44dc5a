package proxy

import (
	"sync"
	"time"
)

// budget bounds what all exchanges together hold back, in bytes. Who finds it used up waits for another to end.
type budget struct {
	mu   sync.Mutex
	free int64
	wake chan struct{} // closed when something comes back
}

func newBudget(n int64) *budget { return &budget{free: n, wake: make(chan struct{})} }

// take waits at most limit for n bytes; false if they did not come free. A nil budget is endless.
func (b *budget) take(n int64, limit time.Duration) bool {
	if b == nil || n <= 0 {
		return true
	}
	late := time.After(limit)
	for {
		b.mu.Lock()
		if b.free >= n {
			b.free -= n
			b.mu.Unlock()
			return true
		}
		wake := b.wake
		b.mu.Unlock()
		select {
		case <-wake:
		case <-late:
			return false
		}
	}
}

// give brings n bytes back.
func (b *budget) give(n int64) {
	if b == nil || n <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	close(b.wake)
	b.wake = make(chan struct{})
}

// left is how much nobody has taken, in bytes.
func (b *budget) left() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.free
}

// maxWindows is what decoders at work may hold together, in bytes.
const maxWindows = 64 << 20

// windows is a budget for decoders.
type windows struct{ *budget }

// Take implements scrub.Room.
func (w windows) Take(n int64) bool { return w.take(n, headerTimeout) }

// Give implements scrub.Room.
func (w windows) Give(n int64) { w.give(n) }

// scarce says whether more than half of it is taken.
func (w windows) scarce() bool { return w.left() < maxWindows/2 }
