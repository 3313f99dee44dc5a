// Package limit counts actions in sliding windows: the "5/hour" of a policy. A Store takes several permits at once, all
// or none, on a monotonic clock, and is safe for concurrent use. A store that cannot answer refuses.
package limit

import (
	"context"
	"time"
)

// Rate is N per Per. The zero Rate permits nothing.
type Rate struct {
	N   int
	Per time.Duration
}

// Take asks for N permits under Key at Rate.
type Take struct {
	Key  string // agent, rule and action, as the policy names them
	Rate Rate
	N    int
}

// Exceeded says that the take did not fit.
func (t Take) Exceeded() string { return "Rate limit of " + t.Key + " exceeded: " + t.Rate.String() }

// Verdict is a store's answer. The zero Verdict refuses.
type Verdict struct {
	OK    bool
	Which Take          // the first take that did not fit
	Retry time.Duration // until it would
}

// Store counts.
type Store interface {
	// Take counts all takes, or none of them when one does not fit.
	Take(ctx context.Context, takes []Take) (Verdict, error)
}
