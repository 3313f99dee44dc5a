// Package limit counts actions in sliding windows: the "5/hour" of a policy. A Store takes several permits at once, all
// or none, on a clock that nobody sets back, and is safe for concurrent use. A store that cannot answer refuses.
//
// There are three: Memory, of one process; File, which all runs of a user on one machine share; and Redis, which machines
// share.
package limit

import (
	"context"
	"fmt"
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

// Advice says what lets a refused request through: to wait, or to ask for less at once where that never fits.
func (v Verdict) Advice() string {
	if t := v.Which; t.N > t.Rate.N {
		return fmt.Sprintf("the request does %d of it at once, which never fits: send fewer at once", t.N)
	}
	return "try again in " + v.Retry.Round(time.Second).String()
}

// Store counts.
type Store interface {
	// Take counts all takes, or none of them when one does not fit. Takes of one key add up. On refusal Which is the first
	// take that did not fit, and Retry the time until all of them would, if nothing else is taken meanwhile. A take of more
	// than its rate's N never fits; its Retry is the whole period.
	Take(ctx context.Context, takes []Take) (Verdict, error)
}

// Error is why a store cannot count. Hint says what a person can do; it is no part of the error's text.
type Error struct {
	Err  error
	Hint string
}

func (e *Error) Error() string { return "limits: " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
