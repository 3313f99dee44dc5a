package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/limit"
	"agentguard/vault/cred"
)

func newExchange(r *http.Request, transport string, a action.Authority, plain bool) *Exchange {
	path, query, _ := strings.Cut(target(r), "?")
	return &Exchange{
		Start: time.Now(), Transport: transport, Peer: r.RemoteAddr, Authority: a, Plain: plain,
		Method: r.Method, Path: path, Query: query, Proto: r.Proto, in: r, ctx: r.Context(),
		WebSocket: asksForWebSocket(r),
		Stages:    make([]StageTime, 0, 5),
	}
}

// target is the request target in origin form, as sent.
func target(r *http.Request) string {
	uri := r.RequestURI
	if strings.HasPrefix(uri, "/") {
		return uri
	}
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri // "*", which no service serves
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	return rest
}

// identify reads the request: which service, which actions, which resources; and keeps placeholders to the hosts of their
// own service, whatever the policy says.
func (p *Proxy) identify(ex *Exchange) *Refusal {
	if f := p.read(ex); f != nil {
		return f
	}
	for _, h := range ex.hits {
		if h.Cred == nil || ex.Claim.Kind != policy.ForService || h.Cred.Service != ex.Claim.Service.Name {
			return p.strayed(ex, h)
		}
	}
	return nil
}

// read sees what will be sent, so everything that could be read in two ways is taken off or refused first.
func (p *Proxy) read(ex *Exchange) *Refusal {
	ex.Claim = p.Policy.Claim(ex.Authority, ex.Plain)
	if f := sanitize(ex.in); f != nil {
		return f
	}
	if ex.Claim.Kind == policy.ForService {
		stripRewrites(ex.in.Header)
	}
	ex.hits = p.Credentials.Find(ex.in)
	p.prepareBody(ex)
	if ex.Claim.Kind != policy.ForService {
		return nil
	}
	path, hint, err := ex.Claim.Path(ex.Path)
	if err != nil {
		f := malformed(err.Error())
		f.Hint = hint
		return f
	}
	req := action.Request{Authority: ex.Authority, Method: ex.Method, Path: path, Query: ex.Query, Header: ex.in.Header}
	if ex.body != nil {
		req.Body, req.Peek, req.Stream = ex.body.whole, ex.body.peek, ex.body.stream
		req.Watch = ex.body.watched
	}
	if p.KeepBodies {
		req.Body = ex.keepRead(req.Body)
	}
	req.Known = &p.known
	req.Ask = func(q *action.Question) (*action.Reply, error) { return p.ask(ex, q) }
	ex.request = &req
	ex.Match = action.Classify(ex.Claim.Service, ex.Claim.Host, &req)
	return nil
}

// maxKeptBody bounds what is kept of a body, in bytes.
const maxKeptBody = 64 << 10

// keepRead keeps what is read of a body by whole.
func (ex *Exchange) keepRead(whole func(int64) ([]byte, error)) func(int64) ([]byte, error) {
	if whole == nil {
		return nil
	}
	return func(max int64) ([]byte, error) {
		b, err := whole(max)
		if err == nil && len(b) <= maxKeptBody {
			ex.Read = bytes.Clone(b)
		}
		return b, err
	}
}

// sanitize takes off what belongs to one connection only, and refuses what would change the request on its way.
func sanitize(r *http.Request) *Refusal {
	// HTTP/2 as net/http reads and writes it lets "GET /x" pass, which is another request to a server that turns it into
	// HTTP/1.1. RFC 9110 section 9.1 wants a token.
	if !action.IsToken(r.Method) {
		return malformed("the method " + quote(r.Method) + " is no token")
	}
	for _, line := range r.Header["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(strings.TrimSpace(token)) {
			case "", "close", "keep-alive", "upgrade", "te", "http2-settings", "proxy-connection":
			default:
				return malformed("Connection names the header " + quote(strings.TrimSpace(token)) + ", which would be dropped on the way")
			}
		}
	}
	if r.Header.Get("Upgrade") != "" && !asksForWebSocket(r) {
		r.Header.Del("Upgrade") // no h2c, and nothing else that ends HTTP
		r.Header.Del("Connection")
	}
	r.Header.Del("Http2-Settings")
	r.Header.Del("Proxy-Connection")
	r.Header.Del("X-Agent-ID")
	r.Trailer = nil
	if strings.ContainsAny(r.RequestURI, "# ") {
		return malformed("the target holds a fragment, or a space")
	}
	if r.ProtoMajor == 2 { // RFC 9113 section 8.2.1 knows no such value: HTTP/1.1 takes off what stands around it
		for _, values := range r.Header {
			for i, v := range values {
				values[i] = textproto.TrimString(v)
			}
		}
	}
	return nil
}

// decide asks the policy.
func (p *Proxy) decide(ex *Exchange) *Refusal {
	switch ex.Claim.Kind {
	case policy.ForService:
		ex.Decision = p.Policy.Decide(&ex.Match, ex.request)
		if least := ex.Decision.Otherwise; least != nil && len(ex.body.encoding) == 0 && ex.body.watch == nil {
			p.letPass(ex, least)
		}
	case policy.Open:
		ex.Decision = policy.Decision{Effect: policy.Allow, Rule: "network.allow"}
	case policy.Tunnel:
		return deny(ex.Authority.Host+" is only tunnelled", "use CONNECT, or move it from [network] tunnel to allow")
	default:
		return unknown(ex.Authority, ex.Claim)
	}
	return decided(ex)
}

// unknown refuses what is for a host that the policy does not know.
func unknown(a action.Authority, c policy.Claim) *Refusal {
	f := deny(fmt.Sprintf("the policy does not know %s", a), c.Reason)
	f.Unknown = true
	return f
}

func decided(ex *Exchange) *Refusal {
	if ex.Decision.Effect == policy.Allow {
		return nil
	}
	return refused(&ex.Decision, ex.Claim.Service)
}

// refused is the refusal of a request for a service, which may be nil.
func refused(d *policy.Decision, s *action.Service) *Refusal {
	f := deny(d.Reason, d.Hint)
	f.Rule, f.Action, f.Resource, f.Field, f.Document = d.Rule, d.Action.Name, d.Action.Resource.String(), d.Action.Field(), d.Action.Document()
	if s != nil && s.RefuseStatus != 0 {
		f.Status = s.RefuseStatus
	}
	return f
}

// strayed refuses a placeholder on its way to a host that it does not belong to, and tells the person: it is what an
// injected prompt would try.
func (p *Proxy) strayed(ex *Exchange, h cred.Hit) *Refusal {
	where := "the policy has no credential " + quote(h.Name)
	if h.Cred != nil {
		where = "it belongs to the service " + h.Cred.Service
	}
	f := deny(fmt.Sprintf("the placeholder of %s was sent to %s", quote(h.Name), ex.Authority), where)
	if h.Cred == nil {
		f.Reason = fmt.Sprintf("the placeholder vault://%s cannot be resolved", quote(h.Name))
	}
	p.notice(f.sentence())
	return f
}

func (p *Proxy) limit(ex *Exchange) *Refusal {
	if len(ex.Decision.Limits) == 0 {
		return nil
	}
	v, err := p.Limits.Take(ex.ctx, ex.Decision.Limits)
	switch {
	case err != nil:
		return p.uncounted(ex, err)
	case v.OK:
		return nil
	}
	a := ex.Decision.Action
	return &Refusal{
		Status: http.StatusTooManyRequests, Effect: "limit", Rule: ex.Decision.Rule, Action: a.Name, Resource: a.Resource.String(), Field: a.Field(), Document: a.Document(), Retry: max(v.Retry, time.Second),
		Reason: v.Which.Exceeded(),
		Hint:   v.Advice(),
	}
}

// uncounted refuses what might be one too many.
func (p *Proxy) uncounted(ex *Exchange, err error) *Refusal {
	f := unable(ex, "the limits of "+ex.Decision.Rule+" cannot be counted: "+err.Error(), "")
	if e := (*limit.Error)(nil); errors.As(err, &e) {
		f.Hint = e.Hint
		p.notice("refusing requests: " + f.sentence())
	}
	return f
}

// inject puts the rule's credential on the request; on a service that has none, nothing is added.
func (p *Proxy) inject(ex *Exchange) *Refusal {
	if ex.Claim.Kind != policy.ForService {
		return nil
	}
	c, f := p.choose(ex)
	if c == nil {
		return f
	}
	host := ex.Claim.Host.Slots
	if err := c.Misplaced(ex.hits, host); err != nil {
		return deny(err.Error(), fmt.Sprintf("name the place in the policy: [credential.%s] swap = [\"header:NAME\"]", c.Name))
	}
	secret, err := c.Secret(ex.ctx) // the vault bounds its own waits
	if err != nil {
		return unable(ex, "the credential "+c.Name+" cannot be read: "+err.Error(), "")
	}
	p.live() // a new value is known to the streams under way before it leaves
	swapped, f := p.swapBody(ex, c, secret)
	if f != nil {
		return f
	}
	on, err := c.Apply(ex.in, host, secret, swapped)
	if err != nil {
		return unable(ex, err.Error(), "")
	}
	if on {
		ex.Credential = c
	}
	for _, name := range ranges { // a secret must come back whole to be seen
		ex.in.Header.Del(name)
	}
	return nil
}

// ranges ask for parts of an answer, or its difference from another: Request-Range is what Apache still takes for Range, x-ms-range
// is Azure's, A-IM (RFC 3229 section 10.5.3) may also have it compressed with no Content-Encoding to say so.
var ranges = [...]string{"Range", "If-Range", "Request-Range", "X-Ms-Range", "A-Im"}

// choose finds the credential that the rule names, or the service's only one.
func (p *Proxy) choose(ex *Exchange) (*cred.Credential, *Refusal) {
	if name := ex.Decision.Credential; name != "" {
		if c := p.Credentials.Get(name); c != nil {
			return c, nil
		}
		return nil, deny("the credential "+name+" is not there", "")
	}
	switch list := p.Credentials.Of(ex.Claim.Service.Name); len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	default:
		return nil, deny(fmt.Sprintf("%s has %d credentials and the rule %s names none", ex.Claim.Service.Name, len(list), ex.Decision.Rule), "write credential = \"...\" in ["+ex.Decision.Rule+"]")
	}
}

// record puts the exchange on the audit log before it leaves. It is the last stage: what cannot be recorded is not sent.
func (p *Proxy) record(ex *Exchange) *Refusal {
	if ex.in != nil {
		ex.Pid = int(peerOf(ex.in).pid.Load())
	}
	if err := p.Record(ex, false); err != nil {
		p.unrecorded(err)
		return &Refusal{Status: http.StatusForbidden, Effect: "error", Reason: "the audit log cannot be written, so nothing is sent: " + err.Error(), Hint: "free space or mend the permissions of the audit directory"}
	}
	ex.Recorded = true
	return nil
}

func (p *Proxy) unrecorded(err error) {
	p.notice("refusing requests: the audit log cannot be written: " + err.Error())
}

// received notes what came back. The body's size is counted while it passes.
func (p *Proxy) received(ex *Exchange, r *http.Response) *Refusal {
	ex.Status = r.StatusCode
	return nil
}

// errUnasked is an upstream that switches protocols by itself.
var errUnasked = errors.New("the upstream answered 101 to a request that asked for no WebSocket")

// quote shows foreign text: one line of ASCII, bounded.
func quote(s string) string {
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return strconv.QuoteToASCII(s)
}
