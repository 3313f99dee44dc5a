// Package testbed brings up what the end-to-end tests need on loopback: the upstreams that real clients talk to, with a
// certificate authority of their own, and a session of the built agentguard program around a client. It is used by tests
// only and knows the product by its command line, its policy file and its audit log, never by its code: what it finds
// out about secrets is found out independently.
package testbed

import (
	"crypto/subtle"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Seen is one request as it arrived at an origin.
type Seen struct {
	Host   string
	Method string
	Path   string // with the raw query
	Proto  string
	Key    string // what stood in the host's credential slot
	Good   bool   // Key is the real credential, exactly
	Header http.Header
}

// Is says whether s is the request "GET host/path"; its query does not matter.
func (s Seen) Is(request string) bool {
	path, _, _ := strings.Cut(s.Path, "?")
	return s.Method+" "+s.Host+path == request
}

// Origin is every upstream of the tests behind one TLS listener, told apart by host name.
type Origin struct {
	Addr    string            // 127.0.0.1:port; HTTP/1.1 and HTTP/2
	CA      []byte            // PEM of the certificate authority that signed its leaves
	Secrets map[string]string // credential name -> the real value, made for this origin
	Repos   string            // folder of the bare repositories behind github.com

	LLM    *LLM    // what the fake language models were told
	GitHub *GitHub // what the fake GraphQL API was told

	hosts map[string]host
	mu    sync.Mutex
	seen  []Seen
}

// host is one upstream: where it reads its credential, which one it accepts, and what it does.
type host struct {
	secret  string
	key     func(*http.Request) string
	handler http.Handler
}

// Start brings the origin up until the test ends.
func Start(t testing.TB) *Origin {
	t.Helper()
	ca, err := newCA()
	if err != nil {
		t.Fatal(err)
	}
	o := &Origin{CA: ca.pem, Secrets: newSecrets(), Repos: t.TempDir(), LLM: &LLM{}, GitHub: &GitHub{}}
	o.hosts = o.table()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Addr = l.Addr().String()
	srv := &http.Server{
		Handler:           o,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return ca.leaf(h.ServerName)
		}},
	}
	done := make(chan struct{})
	go func() { defer close(done); srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() { srv.Close(); <-done })
	return o
}

// table lists the upstreams. The names under .test are services that a policy declares itself.
func (o *Origin) table() map[string]host {
	aws := host{o.Secrets["aws"], signer(o.Secrets["aws"]), http.HandlerFunc(awsAPI)}
	return map[string]host{
		"api.echo.test":     {o.Secrets["echo"], bearer, echoAPI()},
		"crm.echo.test":     {o.Secrets["crm"], header("X-Crm-Key"), echoAPI()},
		"maps.echo.test":    {o.Secrets["maps"], query("key"), echoAPI()},
		"api.github.com":    {o.Secrets["github"], bearer, githubAPI(o.GitHub)},
		"github.com":        {o.Secrets["github"], basic, gitBackend(o.Repos)},
		"api.openai.com":    {o.Secrets["openai"], bearer, openaiAPI(o.LLM)},
		"api.anthropic.com": {o.Secrets["anthropic"], either(header("X-Api-Key"), bearer), anthropicAPI(o.LLM)},

		"s3.us-east-1.amazonaws.com": aws, "staging-bucket.s3.us-east-1.amazonaws.com": aws, "prod-bucket.s3.us-east-1.amazonaws.com": aws,
		"lambda.us-east-1.amazonaws.com": aws,
	}
}

// Hosts names every upstream.
func (o *Origin) Hosts() []string {
	var names []string
	for name := range o.hosts {
		names = append(names, name)
	}
	return names
}

// Seen returns what arrived since the last call of Forget.
func (o *Origin) Seen() []Seen {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Seen(nil), o.seen...)
}

// Forget drops what was recorded.
func (o *Origin) Forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = nil
	o.GitHub.Forget()
}

// ServeHTTP records the request, checks its credential and hands it to its host.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		name = r.Host
	}
	h, known := o.hosts[name]
	s := Seen{Host: name, Method: r.Method, Path: r.URL.RequestURI(), Proto: r.Proto, Header: r.Header.Clone()}
	if known {
		s.Key = h.key(r)
		s.Good = subtle.ConstantTimeCompare([]byte(s.Key), []byte(h.secret)) == 1
	}
	o.mu.Lock()
	o.seen = append(o.seen, s)
	o.mu.Unlock()
	switch {
	case !known:
		http.Error(w, "no such host: "+name, http.StatusMisdirectedRequest)
	case !s.Good:
		w.Header().Set("WWW-Authenticate", `Basic realm="testbed"`)
		http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
	default:
		h.handler.ServeHTTP(w, r)
	}
}

// bearer reads "Bearer X" and GitHub's "token X".
func bearer(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return strings.Join(values, " and ")
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return values[0]
	}
	return key
}

func basic(r *http.Request) string {
	_, password, _ := r.BasicAuth()
	return password
}

func header(name string) func(*http.Request) string {
	return func(r *http.Request) string { return strings.Join(r.Header.Values(name), " and ") }
}

// either reads the key from exactly one of two slots: since its version 1 Anthropic's SDK sends the key as bearer token,
// while Claude Code and curl users send X-Api-Key.
func either(a, b func(*http.Request) string) func(*http.Request) string {
	return func(r *http.Request) string { return a(r) + b(r) }
}

func query(name string) func(*http.Request) string {
	return func(r *http.Request) string { return strings.Join(r.URL.Query()[name], " and ") }
}
