package proxy

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/limit"
	"agentguard/vault"
	"agentguard/vault/cred"
)

const (
	theSecret = "ghp_Zk3vQ9xT1bR7mN5cL8dW2fH6jP4sY0aUeG1i"
	theToken  = "0123456789abcdef0123456789abcdef0123456789a"

	// patience is for a machine that is busy with other things.
	patience = time.Minute
)

const rigPolicy = `version = 1
[agent]
name = "tester"
[service.api]
hosts = ["api.example.com", "*.api.example.com", "127.0.0.1"]
auth = "bearer"
[service.api.actions]
read_item = "GET /items/{id} -> item:{id}"
delete_item = "DELETE /items/{id} -> item:{id}"
create_item = "POST /items -> item:new"
anything = "* /any/{path...}"
[service.other]
hosts = ["other.example.com"]
auth = "header:X-Api-Key"
[service.other.actions]
anything = "* /{path...}"
[credential.api-key]
from = "env:API"
service = "api"
env = ["API_KEY"]
[credential.other-key]
from = "env:OTHER"
service = "other"
swap = ["query:key", "header:X-Second", "body:auth.token", "body:key"]
[allow.use]
service = "api"
actions = ["read_item", "create_item", "anything"]
limits = { create_item = "5/hour" }
[allow.other]
service = "other"
actions = ["anything"]
[deny.deletions]
actions = ["delete_item"]
[network]
allow = ["open.example.com"]
`

// rig is a proxy between a client and one TLS origin that plays every host.
type rig struct {
	t       testing.TB
	proxy   *Proxy
	addr    string
	origin  *httptest.Server
	secrets map[string]string
	set     *cred.Set

	mu      sync.Mutex
	records []Exchange
	events  []string
	notices []string
	failLog error
}

type rigOptions struct {
	policy  string
	secrets map[string]string // credential -> value
	http1   bool              // origin
	ca      *CA               // of the origin's certificates; nil: one for example.com alone
	adjust  func(*Config, *UpstreamConfig)
	linger  time.Duration // of tunnels; 0: as it is
}

func newRig(t testing.TB, handler http.HandlerFunc, o rigOptions) *rig {
	t.Helper()
	r := &rig{t: t, secrets: map[string]string{"api-key": theSecret, "other-key": "9f8e7d6c5b4a39281706f5e4d3c2b1a0"}}
	for k, v := range o.secrets {
		r.secrets[k] = v
	}
	r.origin = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.event("origin " + q.Method + " " + q.Host + q.URL.Path)
		handler(w, q)
	}))
	r.origin.EnableHTTP2 = !o.http1
	if o.ca != nil {
		r.origin.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return o.ca.Leaf(h.ServerName) }}
	}
	r.origin.StartTLS()
	t.Cleanup(r.origin.Close)
	text := o.policy
	if text == "" {
		text = rigPolicy
	}
	pol, err := policy.Parse("agentguard.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(r.origin.Certificate())
	to := r.origin.Listener.Addr().String()
	uc := UpstreamConfig{Roots: roots, Resolve: map[string]string{}}
	for _, h := range []string{"api.example.com", "v2.api.example.com", "other.example.com", "open.example.com"} {
		uc.Resolve[h+":443"], uc.Resolve[h+":80"] = to, to
	}
	ca, err := NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.set = r.credentials(pol)
	c := Config{Policy: pol, Credentials: r.set, Limits: limit.NewMemory(nil), CA: ca, Token: theToken, Agent: "tester",
		Record: r.record, Notice: func(s string) { r.mu.Lock(); r.notices = append(r.notices, s); r.mu.Unlock() }}
	if o.adjust != nil {
		o.adjust(&c, &uc)
	}
	if c.Upstream, err = NewUpstream(uc); err != nil {
		t.Fatal(err)
	}
	if r.proxy, err = New(c); err != nil {
		t.Fatal(err)
	}
	r.proxy.linger = cmp.Or(o.linger, r.proxy.linger)
	l := listenHere(t)
	r.addr = l.Addr().String()
	go r.proxy.Serve(l)
	t.Cleanup(func() { r.proxy.Close() })
	return r
}

// listenHere gives a listener on the loopback, until the test ends.
func listenHere(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// credentials are those of a policy with the rig's secrets, each asked for once.
func (r *rig) credentials(pol *policy.Policy) *cred.Set {
	r.t.Helper()
	var all []*cred.Credential
	for _, pc := range pol.Credentials {
		value, err := vault.NewSecret([]byte(r.secrets[pc.Name]))
		if err != nil {
			r.t.Fatal(err)
		}
		c := &cred.Credential{Name: pc.Name, Service: pc.Service, Slots: pc.Slots, Swap: pc.Swap, Inject: pc.Inject}
		c.Read = func(context.Context) (vault.Secret, error) { return value, nil }
		if c.Placeholder, err = cred.NewPlaceholder(nil, value.Reveal()); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, c)
	}
	set, err := cred.NewSet(all...)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range all {
		c.Secret(r.t.Context())
	}
	return set
}

// notAsked fails the test if something has reached the origin.
func (r *rig) notAsked() {
	r.t.Helper()
	if got := r.reached(); got != nil {
		r.t.Errorf("the origin was asked: %q", got)
	}
}

func (r *rig) event(s string) { r.mu.Lock(); r.events = append(r.events, s); r.mu.Unlock() }

func (r *rig) record(ex *Exchange, ended bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failLog != nil {
		return r.failLog
	}
	if ended {
		r.records = append(r.records, *ex)
		r.events = append(r.events, "ended")
	} else {
		r.events = append(r.events, "recorded")
	}
	return nil
}

// reached says what arrived at the origin.
func (r *rig) reached() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if s, ok := strings.CutPrefix(e, "origin "); ok {
			list = append(list, s)
		}
	}
	return list
}

// last is the newest complete record.
func (r *rig) last() Exchange {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		n := len(r.records)
		if n > 0 {
			defer r.mu.Unlock()
			return r.records[n-1]
		}
		r.mu.Unlock()
	}
	r.t.Fatal("nothing was recorded")
	return Exchange{}
}

func (r *rig) placeholder(name string) string { return r.set.Get(name).Placeholder }

func (r *rig) caPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.proxy.CA.PEM())
	return pool
}

// client goes through the proxy, and trusts its CA alone.
func (r *rig) client(h2 bool) *http.Client {
	u := &url.URL{Scheme: "http", User: url.UserPassword("x", theToken), Host: r.addr}
	tr := &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{RootCAs: r.caPool()}, ForceAttemptHTTP2: h2, DisableCompression: true}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: patience}
}

type answer struct {
	*http.Response
	body string
}

// do sends one request over HTTP/1.1; header lines are "Name: value".
func (r *rig) do(method, target, body string, header ...string) answer {
	r.t.Helper()
	return r.with(r.client(false), method, target, body, header...)
}

func (r *rig) with(c *http.Client, method, target, body string, header ...string) answer {
	r.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, target, rd)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Add(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp, string(b)}
}

// raw writes bytes to the outer port, with the token, and reads one response.
func (r *rig) raw(request string) (*http.Response, net.Conn, *bufio.Reader) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	auth := "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+theToken)) + "\r\n"
	io.WriteString(c, strings.Replace(request, "{auth}", auth, 1))
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return nil, c, br
	}
	return resp, c, br
}

// inside opens a tunnel to authority, TLS within it, and sends raw bytes there.
func (r *rig) inside(authority, sni, request string) (*http.Response, error) {
	r.t.Helper()
	resp, c, _ := r.raw("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n{auth}\r\n")
	if resp == nil || resp.StatusCode != 200 {
		return resp, errors.New("no tunnel")
	}
	tc := tls.Client(c, &tls.Config{RootCAs: r.caPool(), ServerName: sni})
	if err := tc.Handshake(); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	io.WriteString(tc, request)
	return http.ReadResponse(bufio.NewReader(tc), nil)
}

func bodyOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// refusal reads the JSON of a refusal.
func (a answer) refusal(t *testing.T) (m struct{ Error, Message, Rule, Action, Resource, Hint string }) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.body, err)
	}
	return m
}

func tlsClient(c net.Conn, r *rig, sni string) *tls.Conn {
	tc := tls.Client(c, &tls.Config{RootCAs: r.caPool(), ServerName: sni})
	if err := tc.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	return tc
}

func authority(s string) (action.Authority, error) { return action.ParseAuthority(s, 443) }
