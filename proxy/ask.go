package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/proxy/scrub"
	"agentguard/vault/cred"
)

// The bounds of a question to a service: how long it may take, and how long the answer may be, in bytes.
const (
	askTimeout = 10 * time.Second
	maxAnswer  = 16 << 20
)

// ask puts a question of the classification to the service that an exchange is for. It leaves as the exchange itself would:
// to the same authority, over the same way out, with the same credential, and only when it is on record, as an exchange of
// its own. Its answer never reaches the child, and it counts against no limit.
func (p *Proxy) ask(ex *Exchange, q *action.Question) (*action.Reply, error) {
	ctx, cancel := context.WithTimeout(ex.ctx, askTimeout)
	defer cancel()
	r, err := question(ctx, ex, q)
	if err != nil {
		return nil, err
	}
	pre := &Exchange{
		Start: time.Now(), Transport: "preflight", Peer: ex.Peer, Authority: ex.Authority, Plain: ex.Plain,
		Method: q.Method, Path: q.Path, Query: q.Query, Proto: ex.Proto, Claim: ex.Claim, in: ex.in, ctx: ctx,
	}
	pre.Decision = policy.Decision{Effect: policy.Allow, Action: action.Action{Name: "preflight", Class: action.Read}}
	pre.Decision.Reason = fmt.Sprintf("agentguard asks for exchange %d: %s", ex.ID, q.Why)
	if pre.Credential, err = p.addCredential(ctx, ex, q, r); err != nil {
		return nil, err
	}
	pre.ID = p.ids.Add(1)
	if pre.Refusal = p.record(pre); pre.Refusal != nil {
		return nil, errors.New(pre.Refusal.Reason)
	}
	defer p.finish(pre)
	if len(q.Body) > 0 {
		sum := sha256.Sum256(q.Body)
		pre.Sent, pre.BodyHash = int64(len(q.Body)), hex.EncodeToString(sum[:])
	}
	reply, err := p.fetch(pre, r, q.Max)
	if err != nil {
		set := p.live() // the answer may be quoted in it
		pre.Failure, pre.Scrubbed = set.String(err.Error())
		return nil, errors.New(pre.Failure)
	}
	return reply, nil
}

// question is the HTTP request of a question.
func question(ctx context.Context, ex *Exchange, q *action.Question) (*http.Request, error) {
	var body io.Reader
	if q.Body != nil {
		body = bytes.NewReader(q.Body)
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, ex.Authority.URL(ex.Plain), body)
	if err != nil {
		return nil, fmt.Errorf("the question cannot be put: %w", err)
	}
	r.URL.Host, r.URL.RawQuery = ex.Authority.String(), q.Query
	r.Proto, r.ProtoMajor, r.ProtoMinor = ex.in.Proto, ex.in.ProtoMajor, ex.in.ProtoMinor // over the connection that is there
	setPath(r.URL, q.Path)
	for name, values := range q.Header {
		r.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	r.Header.Set("Accept-Encoding", "identity")
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "agentguard")
	}
	return r, nil
}

// addCredential puts on a question what the exchange itself would carry: where that would go without, so does the question.
func (p *Proxy) addCredential(ctx context.Context, ex *Exchange, q *action.Question, r *http.Request) (*cred.Credential, error) {
	for _, h := range ex.hits {
		if h.Cred == nil || h.Cred.Service != ex.Claim.Service.Name {
			return nil, errors.New("the request holds a placeholder that is not of this service")
		}
	}
	name, err := p.Policy.CredentialFor(ex.Claim.Service.Name, q.About)
	if err != nil {
		return nil, err
	}
	about := &Exchange{Claim: ex.Claim, Decision: policy.Decision{Credential: name}}
	c, f := p.choose(about)
	switch {
	case f != nil:
		return nil, errors.New(f.Reason)
	case c == nil || !c.Inject && len(ex.hits) == 0:
		return nil, nil
	}
	secret, err := c.Secret(ctx)
	if err != nil {
		return nil, fmt.Errorf("the credential %s cannot be read: %w", c.Name, err)
	}
	return c, c.Add(r, ex.Claim.Host.Slots, secret)
}

// fetch sends a question and reads the whole answer.
func (p *Proxy) fetch(pre *Exchange, r *http.Request, most int64) (*action.Reply, error) {
	if most <= 0 {
		most = maxBody
	}
	most = min(most, maxAnswer)
	if !p.memory.take(most, askTimeout) {
		return nil, errBusy
	}
	defer p.memory.give(most)
	resp, err := p.Upstream.RoundTrip(r.WithContext(context.WithValue(r.Context(), exchangeKey{}, pre)))
	if err != nil {
		return nil, errors.New(couldNotAsk(pre, err).Reason)
	}
	defer resp.Body.Close()
	pre.Status = resp.StatusCode
	plain, err := scrub.DecodeIn(p.windows, resp.Header["Content-Encoding"], resp.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(plain, most+1))
	if c, ok := plain.(io.Closer); ok {
		c.Close()
	}
	pre.Received = int64(len(body))
	if err == nil {
		err = r.Context().Err() // a server that sees us go may end what it says as if it were all
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off: %w", err)
	case int64(len(body)) > most:
		return nil, fmt.Errorf("the answer is longer than %d bytes", most)
	}
	set := p.live()
	out, n := set.Bytes(body)
	pre.Scrubbed = n + set.Header(resp.Header)
	return &action.Reply{Status: resp.StatusCode, Header: resp.Header, Body: out}, nil
}
