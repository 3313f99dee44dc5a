package proxy

import (
	"io"
	"slices"

	"agentguard/policy"
	"agentguard/policy/action"
)

// gate lets a push out that is too long to be held until its pack has told whether it is forced. What leaves is what the
// reading has passed, so that the end of the pack, without which a server moves nothing, leaves only when the reading has
// shown what the policy asks for. If it has not, the request is broken off there.
//
// It is for requests that the policy allows on all other counts, and that are on record as leaving so.
type gate struct {
	request action.Request
	match   action.Match // with its doubt
	leaving *io.PipeReader
	out     *io.PipeWriter
	from    *ahead
	last    []byte // read, but not yet passed by the reading
	gone    bool   // nobody takes what leaves
	done    chan struct{}

	decision policy.Decision // once all is read
	refusal  *Refusal
}

// passing is why a push is allowed that is not yet read.
const passing = "its end is held back until its pack has shown that it is not forced"

// newGate prepares one; nothing is read.
func newGate(ex *Exchange) *gate {
	g := &gate{request: *ex.request, match: ex.Match, done: make(chan struct{}), from: &ahead{b: ex.body, pass: true}}
	g.leaving, g.out = io.Pipe()
	g.request.Stream = func() (io.ReadCloser, error) { return io.NopCloser(g), nil }
	return g
}

// open reads the push while it leaves, and decides over its end.
func (g *gate) open(p *policy.Policy, provisional policy.Decision) {
	defer close(g.done)
	g.match.Settle(&g.request)
	if g.gone {
		return
	}
	d := p.DecideRequest(&g.match, &g.request)
	if d.Effect == policy.Allow && !slices.Equal(d.Limits, provisional.Limits) {
		d = policy.Decision{Rule: d.Rule, Action: d.Action, Reason: "the push is too long to be held, and counts otherwise against limits than it seemed to"}
	}
	g.decision = d
	if d.Effect != policy.Allow {
		g.refusal = refused(&d, g.match.Service)
		g.out.CloseWithError(refusalError{g.refusal})
		return
	}
	_, err := g.out.Write(g.last)
	if err == nil {
		_, err = io.CopyBuffer(g.out, g.from, make([]byte, copyBuffer))
	}
	g.out.CloseWithError(err)
}

// Read gives the reading the next part of the push, and lets the one before it out.
func (g *gate) Read(p []byte) (int, error) {
	if _, err := g.out.Write(g.last); err != nil {
		g.gone = true
		return 0, err
	}
	n, err := g.from.Read(p)
	g.last = append(g.last[:0], p[:n]...)
	return n, err
}

// stop ends the passage if it has not ended, waits until nothing reads the child's body any more, and says on the exchange
// what was found.
func (g *gate) stop(ex *Exchange) *Refusal {
	g.leaving.Close()
	<-g.done
	ex.Match = g.match.AtLeast()
	if g.decision.Reason != "" || g.decision.Effect == policy.Allow {
		ex.Match, ex.Decision = g.match, g.decision
	}
	return g.refusal
}
