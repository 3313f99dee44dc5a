package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// UpstreamConfig is the way out.
type UpstreamConfig struct {
	Proxy        func(*url.URL) (*url.URL, error) // the corporate proxy for a URL; if nil, none
	CA           []byte                           // PEM added to the system's roots
	Roots        *x509.CertPool                   // if nil, the system's
	Resolve      map[string]string                // "host:port" -> "ip:port", as curl --resolve
	AllowPrivate []string                         // hosts, addresses and networks that may be special
}

// Upstream sends requests on: verified TLS to checked addresses, over connections that are used again. It never follows
// a redirect.
type Upstream struct {
	cfg     UpstreamConfig
	guard   guard
	ways    func() (*ways, error) // made at the first request: the system's roots take 10 ms to read
	made    atomic.Bool
	speaks  sync.Map      // authority -> 1, or 2 where it speaks HTTP/2 only
	tunnel  time.Duration // that a corporate proxy may take
	answers answerRoom
}

// ways are the transports.
type ways struct {
	tls *tls.Config
	h0  *direct         // asks for HTTP/1.1, where it may: it costs least
	h1  *http.Transport // asks for HTTP/1.1, for requests that came so: it costs less than HTTP/2
	h2  *http.Transport // asks for either
}

const dialTimeout = 15 * time.Second

// NewUpstream checks the configuration.
func NewUpstream(c UpstreamConfig) (*Upstream, error) {
	if len(c.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(c.CA) {
		return nil, errors.New("the file of upstream.ca holds no certificate in PEM form")
	}
	u := &Upstream{cfg: c, guard: newGuard(c.AllowPrivate), tunnel: tunnelTimeout}
	u.ways = sync.OnceValues(u.makeWays)
	return u, nil
}

func (u *Upstream) makeWays() (*ways, error) {
	roots := u.cfg.Roots
	if roots == nil { // crypto/x509 keeps what becomes of its one attempt to read them, so not when connections have taken all files
		var err error
		if roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("the system's certificate roots: %w", err)
		}
	}
	roots.AppendCertsFromPEM(u.cfg.CA)
	cfg := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	u.made.Store(true)
	w := &ways{tls: cfg, h1: u.transport(cfg, "http/1.1"), h2: u.transport(cfg, "h2", "http/1.1")}
	countCredit(w.h2, &u.answers)
	w.h0 = &direct{dial: u.dial, tls: w.h1.TLSClientConfig.Clone(), idle: map[way][]*line{}}
	return w, nil
}

func (u *Upstream) transport(cfg *tls.Config, protocols ...string) *http.Transport {
	t := &http.Transport{
		DialContext:           u.dialBulk,
		TLSClientConfig:       cfg.Clone(),
		TLSHandshakeTimeout:   dialTimeout,
		DisableCompression:    true, // the child's Accept-Encoding is its own
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       idleUpstream,
		ResponseHeaderTimeout: answerTimeout,
		ExpectContinueTimeout: time.Second,
		ReadBufferSize:        32 << 10,
		WriteBufferSize:       32 << 10,

		MaxResponseHeaderBytes: maxAnswerHead,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 30 * time.Second, PingTimeout: dialTimeout, // a dead network says nothing
			MaxReceiveBufferPerStream: streamBuffer,
		},
		Protocols: new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(len(protocols) > 1)
	t.TLSClientConfig.NextProtos = protocols
	if u.cfg.Proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return u.corporate(r.URL) }
		t.OnProxyConnectResponse = tunnelMade
	}
	return t
}

// RoundTrip implements http.RoundTripper. The upstream is asked in the protocol that the child speaks, and in the other
// where it knows no other.
func (u *Upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	w, err := u.ways()
	if err != nil {
		return nil, err
	}
	through, err := u.corporate(r.URL)
	if err != nil {
		return nil, err
	}
	if ex, ok := r.Context().Value(exchangeKey{}).(*Exchange); ok {
		ex.through = through
		if t := httptrace.ContextClientTrace(r.Context()); t != nil { // which ReverseProxy has made for this request alone
			t.GotConn = leaves(ex)
		}
	}
	speaks, known := u.speaks.Load(r.URL.Host)
	if speaks == 2 || r.ProtoMajor == 2 {
		return w.askHTTP2(r)
	}
	http1 := http.RoundTripper(sparing{w.h1})
	if through == nil && w.h0.takes(r) {
		http1 = w.h0
	}
	if known {
		return u.tryHTTP1(w, http1, r, r)
	}
	first := *r
	if r.Body != nil {
		first.Body = unclosed{r.Body} // a failed attempt closes it
	}
	resp, err := u.tryHTTP1(w, http1, &first, r)
	if err == nil {
		u.speaks.LoadOrStore(r.URL.Host, 1)
	}
	return resp, err
}

// leaves tells an exchange by which connection it leaves, and ends the bound on what made it.
func leaves(ex *Exchange) func(httptrace.GotConnInfo) {
	if ex.through == nil {
		return ex.leaves
	}
	return func(c httptrace.GotConnInfo) {
		c.Conn.SetDeadline(time.Time{})
		ex.leaves(c)
	}
}

// tryHTTP1 asks in HTTP/1.1, and again in HTTP/2 where the upstream knows no other: then the handshake has failed with
// alert 120 (RFC 7301 section 3.2), and nothing was sent. What says so in an answer is not believed.
func (u *Upstream) tryHTTP1(w *ways, http1 http.RoundTripper, first, again *http.Request) (*http.Response, error) {
	resp, err := http1.RoundTrip(first)
	var unsent unsentError
	if !errors.As(err, &unsent) || !strings.Contains(err.Error(), "no application protocol") {
		return resp, err
	}
	u.speaks.Store(again.URL.Host, 2)
	return w.askHTTP2(again)
}

// askHTTP2 asks in HTTP/2 where the upstream speaks it.
func (w *ways) askHTTP2(r *http.Request) (*http.Response, error) {
	defer aside(httptrace.ContextClientTrace(r.Context()))()
	return sparing{w.h2}.RoundTrip(r)
}

type unclosed struct{ io.Reader }

func (unclosed) Close() error { return nil }

// Close ends idle connections.
func (u *Upstream) Close() {
	if !u.made.Load() {
		return
	}
	if w, err := u.ways(); err == nil {
		w.h0.Close()
		u.closeIdle()
	}
}

// dial connects to an authority, or to the corporate proxy, which is the user's own choice and may be private. It has to lead further
// in time.
func (u *Upstream) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := &dialer{net.Dialer{Timeout: dialTimeout}, u.closeIdle}
	switch to := u.cfg.Resolve[addr]; {
	case to != "":
		addr = to // the policy names the address itself
	case u.isProxy(addr):
		c, err := d.DialContext(ctx, network, addr)
		if err == nil {
			c.SetDeadline(time.Now().Add(u.tunnel))
		}
		return c, err
	default:
		d.Control = u.guard.control(host)
	}
	return d.DialContext(ctx, network, addr)
}

func (u *Upstream) dialBulk(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := u.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &bulk{Conn: newWire(c)}, nil
}

// closeIdle ends the connections that wait for a next request.
func (u *Upstream) closeIdle() {
	if !u.made.Load() {
		return
	}
	if w, err := u.ways(); err == nil {
		w.h0.closeIdle()
		w.h1.CloseIdleConnections()
		w.h2.CloseIdleConnections()
	}
}
