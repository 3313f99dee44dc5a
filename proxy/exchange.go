package proxy

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/vault/cred"
)

// Exchange is one request of the child and what became of it. The stages fill it from top to bottom; Record sees it
// twice, before the request leaves and when all has ended.
type Exchange struct {
	ID        uint64
	Start     time.Time
	Transport string // connect, absolute, gateway, tunnel, captured, or preflight for a question of agentguard's own
	Peer      string // the child's end, ip:port
	Pid       int    // the process at that end, 0 if unknown

	Authority action.Authority
	Plain     bool // http://, not https://
	Method    string
	Path      string // as sent, without the query; placeholders, never secrets
	Query     string
	Proto     string // "HTTP/1.1", "HTTP/2.0"
	WebSocket bool

	Claim      policy.Claim
	Match      action.Match
	Decision   policy.Decision
	Credential *cred.Credential // that was put on the request; nil: none

	Recorded bool     // it was on record before it left
	Refusal  *Refusal // why nothing was sent; nil if it was
	Failure  string   // what went wrong upstream, or with the child's connection; "" if nothing did
	Status   int      // that the child saw
	Read     []byte   // with Config.KeepBodies: the decoded body, where that was read whole to know what the request does
	BodyHash string   // hex SHA-256 of the request's body, "" if there was none
	Sent     int64    // bytes of the request's body
	Received int64    // bytes of the response's body, after decoding and scrubbing
	Scrubbed int      // live values taken out of the response
	Kept     []Kept   // fields of the response's body, see keep
	Duration time.Duration
	Stages   []StageTime

	in       *http.Request
	ctx      context.Context // ends when nobody waits for the answer
	hits     []cred.Hit
	request  *action.Request // what was classified, for conditions on its arguments
	body     *peekedBody
	push     *push    // that is read while it leaves; nil: none
	tunnel   *bulk    // the child's end, where it carries one request at a time; nil: none, or not so
	up       *bulk    // the upstream's end, likewise
	through  *url.URL // the corporate proxy on the way; nil: none
	left     bool     // a connection was found that it could leave by
	key      string   // of the WebSocket that the child asks for
	messages *messages
	after    func(*Proxy)          // what is left to do with the connection once the child was answered; nil: nothing
	deadline func(time.Time) error // of reading the request
}

// ContentType is what the child said of its body.
func (ex *Exchange) ContentType() string {
	if ex.in == nil {
		return ""
	}
	return ex.in.Header.Get("Content-Type")
}

// StageTime is how long a stage took over the request.
type StageTime struct {
	Name string
	Took time.Duration
}
