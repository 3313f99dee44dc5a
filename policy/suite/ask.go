package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"agentguard/policy"
	"agentguard/policy/action"
)

// Request is one request to ask about, as a client would send it.
type Request struct {
	Method string
	URL    string // as sent; "/proxy/SERVICE/..." is the gateway's form
	Header http.Header
	Body   []byte // nil: none

	IDs map[string]action.Fact // what the service would say about its ids; nobody else is asked
}

// Answer is what the policy says, and how it came to it. What was not reached is zero.
type Answer struct {
	Effect     string // "allow" or "deny"; "limit" once the limits were asked
	Rule       string // "" where none decided
	Reason     string // of a refusal
	Hint       string
	Credential *policy.Credential // that would go on the request; nil: none

	Authority action.Authority
	Plain     bool // http://
	Path      string
	Query     string
	Claim     policy.Claim
	Read      *action.Request // what Match is the reading of
	Match     action.Match
	Decision  policy.Decision
}

// Said is the reason and the hint.
func (a *Answer) Said() string { return sentence(a.Reason, a.Hint) }

func sentence(reason, hint string) string {
	if hint == "" {
		return reason
	}
	return reason + " (" + hint + ")"
}

// Ask takes a request through what the proxy does before it counts limits: authority, claim, reading, decision. A request
// that the proxy would refuse unread is an answer too; the error is for what is no request at all.
func Ask(p *policy.Policy, q *Request) (*Answer, error) {
	if q.Method == "" || strings.ToUpper(q.Method) != q.Method || strings.ContainsAny(q.Method, " \t/:") {
		return nil, fmt.Errorf("%q is not a method, as in GET or POST", q.Method)
	}
	a := &Answer{Effect: "deny"}
	target, err := resolve(p, q.URL)
	if err != nil {
		return nil, err
	}
	if err := a.locate(target); err != nil {
		a.Reason = err.Error()
		return a, nil
	}
	a.Claim = p.Claim(a.Authority, a.Plain)
	switch a.Claim.Kind {
	case policy.Open:
		a.Effect, a.Rule = "allow", "network.allow"
	case policy.Tunnel:
		a.Effect, a.Rule = "allow", "network.tunnel"
	case policy.ForService:
		a.decide(p, q)
	default:
		a.Reason, a.Hint = fmt.Sprintf("the policy does not know %s", a.Authority), a.Claim.Reason
	}
	return a, nil
}

// resolve turns the gateway's form into the URL that it stands for.
func resolve(p *policy.Policy, url string) (string, error) {
	rest, gateway := strings.CutPrefix(url, "/proxy/")
	if !gateway {
		if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
			return "", errors.New("the URL begins neither with https:// nor with http:// nor with /proxy/SERVICE/")
		}
		return url, nil
	}
	name := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		name = rest[:i]
	}
	s := p.Services[name]
	if s == nil || s.Base == "" {
		return "", fmt.Errorf("the policy has no service %q that the gateway could lead to", name)
	}
	return strings.TrimSuffix(s.Base, "/") + rest[len(name):], nil
}

// locate takes the URL apart without changing a byte of path and query.
func (a *Answer) locate(url string) error {
	scheme, rest, _ := strings.Cut(url, "://")
	if strings.Contains(rest, "#") {
		return errors.New("the target holds a fragment")
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, rest = rest[:i], rest[i:]
	} else {
		rest = ""
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	a.Plain = scheme == "http"
	a.Path, a.Query, _ = strings.Cut(rest, "?")
	var err error
	a.Authority, err = action.ParseAuthority(authority, action.DefaultPort(a.Plain))
	return err
}

func (a *Answer) decide(p *policy.Policy, q *Request) {
	path, hint, err := a.Claim.Path(a.Path)
	if err != nil {
		a.Reason, a.Hint = err.Error(), hint
		return
	}
	r := &action.Request{Authority: a.Authority, Method: q.Method, Path: path, Query: a.Query, Header: header(q)}
	if q.Body != nil {
		r.Body, r.Peek = body(r.Header, q.Body)
		r.Stream = func() (io.ReadCloser, error) {
			b, err := r.Body(math.MaxInt64)
			return io.NopCloser(bytes.NewReader(b)), err
		}
	}
	r.Known = &action.Known{}
	for id, f := range q.IDs {
		r.Known.Learn(a.Claim.Service.Name, id, f)
	}
	a.Match = action.Classify(a.Claim.Service, a.Claim.Host, r)
	a.Read = r
	a.Decision = p.Decide(&a.Match, r)
	d := &a.Decision
	a.Effect, a.Rule, a.Reason, a.Hint = d.Effect.String(), d.Rule, d.Reason, d.Hint
	if d.Effect == policy.Allow {
		a.Credential = a.chosen()
	}
}

// chosen is the credential that the rule names, or the service's only one.
func (a *Answer) chosen() *policy.Credential {
	for _, c := range a.Claim.Credentials {
		if c.Name == a.Decision.Credential || a.Decision.Credential == "" && len(a.Claim.Credentials) == 1 {
			return c
		}
	}
	return nil
}

// header is the request's, with the type of a body that names none.
func header(q *Request) http.Header {
	h := q.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if q.Body != nil && len(h.Values("Content-Type")) == 0 {
		h.Set("Content-Type", "application/json")
	}
	return h
}

// body reads a body of known text. One that is said to be compressed is not.
func body(h http.Header, b []byte) (whole func(int64) ([]byte, error), peek func(int) ([]byte, error)) {
	var err error
	if e := h.Get("Content-Encoding"); e != "" && e != "identity" {
		err = fmt.Errorf("its Content-Encoding is %q, and the text is not encoded", e)
	}
	whole = func(max int64) ([]byte, error) {
		if err == nil && int64(len(b)) > max {
			return nil, fmt.Errorf("it is too large: over %d bytes", max)
		}
		return b, err
	}
	peek = func(max int) ([]byte, error) { return b[:min(len(b), max)], err }
	return whole, peek
}
