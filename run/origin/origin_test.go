package origin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"agentguard/run/origin"
)

const token = "ghp_0123456789abcdef0123456789abcdef0123"

func start(t *testing.T) *origin.Origin {
	t.Helper()
	o, err := origin.Start(origin.Options{Hosts: []string{"api.github.com", "127.0.0.1"}, Handler: origin.GitHub(token)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func client(o *origin.Origin, h2 bool) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(o.CAPEM())
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: h2,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, o.Addr())
		},
	}}
}

func do(t *testing.T, c *http.Client, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "https://api.github.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestGitHub(t *testing.T) {
	o := start(t)
	auth := []string{"Authorization", "Bearer " + token}
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		has                      string
	}{
		{"bearer", "GET", "/user", "", auth, 200, `"login":"octocat"`},
		{"token", "GET", "/user", "", []string{"Authorization", "token " + token}, 200, `"login":"octocat"`},
		{"basic", "GET", "/user", "", []string{"Authorization", "Basic eDpnaHBfMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIz"}, 200, `octocat`},
		{"nothing", "GET", "/user", "", nil, 401, "Bad credentials"},
		{"placeholder", "GET", "/user", "", []string{"Authorization", "Bearer vault://x"}, 401, "Bad credentials"},
		{"pull", "POST", "/repos/o/r/pulls", `{"title":"T","head":"h","base":"main"}`, auth, 201, `"number":1`},
		{"bad pull", "POST", "/repos/o/r/pulls", `{`, auth, 422, "Validation"},
		{"delete", "DELETE", "/repos/o/r", "", auth, 204, ""},
		{"echo", "GET", "/repos/o/r/contents/x/y", "", auth, 200, token},
		{"unknown", "GET", "/nowhere", "", auth, 404, "Not Found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, text := do(t, client(o, false), test.method, test.path, test.body, test.header...)
			if res.StatusCode != test.status || !strings.Contains(text, test.has) {
				t.Errorf("got %d %s, want %d with %q", res.StatusCode, text, test.status, test.has)
			}
		})
	}
}

func TestBothProtocolsAndRequests(t *testing.T) {
	o := start(t)
	for _, h2 := range []bool{false, true} {
		res, _ := do(t, client(o, h2), "GET", "/user?q=1", "", "X-Mark", "yes")
		if (res.ProtoMajor == 2) != h2 {
			t.Errorf("http2 %v: spoke %s", h2, res.Proto)
		}
	}
	seen := o.Requests()
	if len(seen) != 2 {
		t.Fatalf("saw %d requests, want 2", len(seen))
	}
	for _, s := range seen {
		if s.Method != "GET" || s.Host != "api.github.com" || s.Path != "/user?q=1" || s.Header.Get("X-Mark") != "yes" {
			t.Errorf("saw %+v", s)
		}
	}
}

// Strict verifiers (Python 3.13) want subject and authority key identifiers.
func TestCertificatesCarryKeyIdentifiers(t *testing.T) {
	o := start(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(o.CAPEM())
	c, err := tls.Dial("tcp", o.Addr(), &tls.Config{RootCAs: roots, ServerName: "api.github.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	chain := c.ConnectionState().PeerCertificates
	if len(chain) != 2 || len(chain[1].SubjectKeyId) == 0 || string(chain[0].AuthorityKeyId) != string(chain[1].SubjectKeyId) {
		t.Errorf("chain of %d, authority key %x, subject key %x", len(chain), chain[0].AuthorityKeyId, chain[len(chain)-1].SubjectKeyId)
	}
}

func TestStartRefusesNothing(t *testing.T) {
	if _, err := origin.Start(origin.Options{}); err == nil || !strings.Contains(err.Error(), "needs hosts") {
		t.Errorf("got %v", err)
	}
}
