//go:build unix

package child

import (
	"os"
	"syscall"
)

// Early has a signal that means the end handed to end, while there is no child yet. over ends that; what else came is then the child's.
// end is to return only where over is closed by then.
func (s *Signals) Early(end func(by syscall.Signal, over <-chan struct{})) (over func()) {
	ready, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		var kept []os.Signal
		for waits := true; waits; {
			select {
			case <-ready:
				waits = false
			case came := <-s.came:
				if len(kept) < cap(s.came) {
					kept = append(kept, came)
				}
				if endsEarly(came) {
					end(came.(syscall.Signal), ready)
					waits = false
				}
			}
		}
		for _, k := range kept {
			select {
			case s.came <- k:
			default: // as full as it can be
			}
		}
	}()
	return func() { close(ready); <-gone }
}

func endsEarly(s os.Signal) bool {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return true
	}
	return false
}
