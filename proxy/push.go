package proxy

import (
	"io"
	"slices"

	"agentguard/policy"
	"agentguard/policy/action"
)

// push is one that is too long to be held until its pack has told whether it is forced. It is read while it leaves, so that the
// end of the pack, without which a server moves nothing, leaves only when the reading has shown what the policy asks for. If it
// has not, the request is broken off there.
//
// It is for requests that the policy allows on all other counts, and that are on record as leaving so.
type push struct {
	request action.Request
	match   action.Match // with its doubt until it is read

	decision policy.Decision // once it is read
}

// passing is why a push is allowed that is not yet read.
const passing = "its end is held back until its pack has shown that it is not forced"

// letPass lets a push out whose answer is least if it turns out to be the least that it can be.
func (p *Proxy) letPass(ex *Exchange, least *policy.Decision) {
	ex.push = &push{request: *ex.request, match: ex.Match}
	ex.body.watched(func(body io.Reader) error { return ex.push.read(body, p.Policy, least) })
	ex.Match, ex.Decision = ex.Match.AtLeast(), *least
	ex.Decision.Reason = passing
}

// read reads it, and decides over its end.
func (u *push) read(body io.Reader, p *policy.Policy, least *policy.Decision) error {
	u.request.Stream = func() (io.ReadCloser, error) { return io.NopCloser(body), nil }
	u.match.Settle(&u.request)
	d := p.Decide(&u.match, &u.request)
	if d.Effect == policy.Allow && !slices.Equal(d.Limits, least.Limits) {
		d = policy.Decision{Rule: d.Rule, Action: d.Action, Reason: "the push is too long to be held, and counts otherwise against limits than it seemed to"}
	}
	if u.decision = d; d.Effect != policy.Allow {
		return refusalError{refused(&d, u.match.Service)}
	}
	_, err := io.Copy(io.Discard, body) // what is behind the part that told
	return err
}
