package vault

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// gate lets one call at a time into something that may wait for a person: a second prompt would only be in the way, and
// a service that hangs then holds one goroutine and not one per request.
type gate struct {
	busy   chan struct{}
	limit  time.Duration
	grace  time.Duration // that a question has to put the terminal back when it is ended
	notice func(string)
	what   string // "the keychain", for notices and errors
}

func newGate(opt Options, what string) *gate {
	return &gate{busy: make(chan struct{}, 1), limit: opt.Timeout, notice: opt.Notice, what: what}
}

type outcome[T any] struct {
	v   T
	err error
}

// bounded runs do behind the gate and stops waiting for it at the limit, whether or not do minds its context.
func bounded[T any](ctx context.Context, g *gate, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, g.limit, fmt.Errorf("%w: %s gave no answer within %s", ErrLocked, g.what, g.limit))
	defer cancel()
	result := make(chan outcome[T], 1)
	go func() {
		select {
		case g.busy <- struct{}{}:
			defer func() { <-g.busy }()
			result <- guarded(ctx, g.what, do)
		case <-ctx.Done():
			result <- outcome[T]{err: context.Cause(ctx)}
		}
	}()
	slow := time.NewTimer(time.Second)
	defer slow.Stop()
	for {
		select {
		case r := <-result:
			return r.v, r.err
		case <-slow.C:
			g.notice("waiting for " + g.what + " to open...")
		case <-ctx.Done():
			select {
			case <-result:
			case <-time.After(g.grace):
			}
			var zero T
			return zero, context.Cause(ctx)
		}
	}
}

// guarded turns a panic of do into an error: the D-Bus client asserts the types of what the peer sends, and reads from
// a closed channel when the bus dies under a prompt. The panic's text is not shown, it may hold anything.
func guarded[T any](ctx context.Context, what string, do func(context.Context) (T, error)) (r outcome[T]) {
	defer func() {
		if recover() != nil {
			r = outcome[T]{err: fmt.Errorf("%w: %s broke off or answered nonsense", ErrUnavailable, what)}
		}
	}()
	r.v, r.err = do(ctx)
	return r
}

// clean makes foreign text fit for one line of an error: control, bidi and broken characters are escaped, the rest cut.
func clean(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "..."
	}
	q := strconv.Quote(strings.ToValidUTF8(s, "?"))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
