package live

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/run/origin"
)

// maxAnswer bounds an answer; what the service sends is far shorter. answerWithin is how long one may take.
const (
	maxAnswer    = 8 << 20
	answerWithin = time.Minute
)

// client sends requests as an agent does: by the proxy that its environment names, with the run's CA, or by the gateway.
type client struct {
	*agent
	transports [2]*http.Transport // HTTP/1.1, HTTP/2
	gateway    *http.Transport
}

// ids tell requests apart; they never come twice in a process.
var ids atomic.Uint64

func newClient(a *agent, originCA []byte) (*client, error) {
	c := &client{agent: a}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.ca) || !roots.AppendCertsFromPEM(originCA) { // in a tunnel the service itself is met
		return nil, fmt.Errorf("the certificates of the run cannot be read")
	}
	to := &url.URL{Scheme: "http", User: url.UserPassword("agentguard", a.token), Host: a.addr}
	for i := range c.transports {
		t := &http.Transport{
			Proxy: http.ProxyURL(to), TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true,
			MaxResponseHeaderBytes: maxAnswer, Protocols: new(http.Protocols),
			OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
				if res.StatusCode != http.StatusOK {
					return connectError(res.StatusCode)
				}
				return nil
			},
		}
		t.Protocols.SetHTTP1(i == 0)
		t.Protocols.SetHTTP2(i == 1)
		c.transports[i] = t
	}
	c.gateway = &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: maxAnswer}
	return c, nil
}

func (c *client) close() {
	for _, t := range append(c.transports[:], c.gateway) {
		t.CloseIdleConnections()
	}
}

// connectError is the status of a refused CONNECT, whose text no client shows.
type connectError int

func (e connectError) Error() string { return "CONNECT was answered with " + strconv.Itoa(int(e)) }

// seen is what an agent sees of an answer.
type seen struct {
	id      string
	status  int
	proto   string
	header  http.Header
	refused bool   // by agentguard
	body    string // decoded
	all     string // whatever else came: the status line, headers, early hints, trailers
	took    time.Duration
	err     error
	unsent  bool // no client can send such a request
	carried bool // it held the placeholder of the credential that the policy names
}

// send sends a shot, over HTTP/2 where it can be, and reads the whole answer. hostile has the service give back what it got in
// every spelling.
func (c *client) send(ctx context.Context, s *shot, h2, hostile bool) *seen {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	out := &seen{id: strconv.FormatUint(ids.Add(1), 10)}
	var hints strings.Builder
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		fmt.Fprintln(&hints, code, header)
		return nil
	}})
	r, transport, err := c.request(ctx, s, h2)
	if err != nil {
		out.unsent = true
		return out
	}
	out.carried = c.placeholder(r, s)
	r.Header.Set(origin.EchoID, out.id)
	if hostile {
		r.Header.Set(origin.EchoAll, "yes")
	}
	began := time.Now()
	res, err := transport.RoundTrip(r)
	if err != nil {
		out.err, out.took = err, time.Since(began)
		return out
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	out.took, out.err = time.Since(began), err
	out.status, out.proto, out.header = res.StatusCode, res.Proto, res.Header
	out.refused = res.Header.Get("X-Agentguard") == "refused"
	out.all = fmt.Sprintln(hints.String(), res.Status, res.Header, res.Trailer)
	out.body = decoded(res.Header, raw)
	return out
}

// request makes the request of a case: its target byte for byte, and the placeholder where an agent would put it.
func (c *client) request(ctx context.Context, s *shot, h2 bool) (*http.Request, *http.Transport, error) {
	var body io.Reader
	if s.request.Body != nil {
		body = strings.NewReader(s.Body)
	}
	at, transport := c.way(s.URL, h2)
	gateway := transport == c.gateway
	r, err := http.NewRequestWithContext(ctx, s.Method, at, body)
	if err != nil {
		return nil, nil, err
	}
	target := strings.TrimPrefix(s.URL, at)
	if !gateway && (r.URL.Host == "" || at != r.URL.Scheme+"://"+r.URL.Host || strings.HasSuffix(r.URL.Host, ":")) {
		return nil, nil, errors.New("clients take another authority out of the address than the one that stands there")
	}
	if _, err := url.ParseRequestURI("/" + strings.TrimPrefix(target, "/")); err != nil {
		return nil, nil, err // servers of HTTP/2 reset the stream, and clients try again for as long as they may
	}
	setTarget(r.URL, target, r.URL.Scheme == "http" && !gateway)
	for name, values := range s.request.Header {
		r.Header[name] = append([]string(nil), values...)
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	if body != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if r.Header.Get("Accept-Encoding") == "" && h2 {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	if gateway {
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("agentguard:"+c.token)))
		r.Header.Set("X-Agent-ID", c.name)
	}
	return r, transport, nil
}

// way is where a request to an address begins, and by what it goes.
func (c *client) way(address string, h2 bool) (at string, transport *http.Transport) {
	if strings.HasPrefix(address, "/proxy/") {
		return "http://" + c.addr, c.gateway
	}
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at = scheme + "://" + rest[:end]; h2 && scheme == "https" {
		return at, c.transports[1]
	}
	return at, c.transports[0]
}

// setTarget has path and query sent as they stand. net/http tells a proxy for plain HTTP the whole URL.
func setTarget(u *url.URL, target string, toProxy bool) {
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	switch {
	case toProxy:
		u.Opaque = "//" + u.Host + target
	case strings.HasPrefix(target, "//"): // what begins so is no path to Opaque
		raw, query, asked := strings.Cut(target, "?")
		u.Path, _ = url.PathUnescape(raw)
		u.RawPath, u.RawQuery, u.ForceQuery = raw, query, asked && query == ""
	default:
		u.Opaque = target
	}
}

// placeholder puts the service's placeholder where its clients put their credential, unless the case says what stands
// there; it says whether it is there now.
func (c *client) placeholder(r *http.Request, s *shot) bool {
	claim := &s.answer.Claim
	if claim.Kind != policy.ForService || len(claim.Credentials) == 0 {
		return false
	}
	use := claim.Credentials[0]
	if s.answer.Credential != nil {
		use = s.answer.Credential
	}
	slots := use.Slots
	if slots == nil {
		slots = claim.Host.Slots
	}
	if len(slots) == 0 {
		return false
	}
	name, value := "Authorization", c.creds.Get(use.Name).Placeholder
	switch slots[0].Kind {
	case action.Bearer:
		value = "Bearer " + value
	case action.Basic:
		value = "Basic " + base64.StdEncoding.EncodeToString([]byte(slots[0].Name+":"+value))
	case action.Header:
		name = slots[0].Name
	default:
		return false // it would be part of the target, which is the case's
	}
	if r.Header.Get(name) != "" {
		return strings.Contains(r.Header.Get(name), "vault://"+use.Name)
	}
	r.Header.Set(name, value)
	return true
}
