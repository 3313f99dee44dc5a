package run

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"

	"agentguard/policy"
	"agentguard/run/environ"
)

// The corporate proxy is chosen as Go's own reader of the variables does.
func TestProxyFromEnvironment(t *testing.T) {
	const corp, plain = "http://corp.example:3128", "http://plain.example:3128"
	hosts := []string{
		"example.com", "api.example.com", "a.b.example.com", "badexample.com", "example.com:8443", "other.test", "10.1.2.3", "10.1.2.3:8443",
		"11.0.0.1", "[2001:db8::1]", "[2001:db9::1]:8443", "127.0.0.1", "127.9.9.9:80", "[::1]", "localhost", "xn--bcher-kva.example",
	}
	for _, except := range []string{
		"", "*", "example.com", ".example.com", "*.example.com", "EXAMPLE.com", "example.com:8443", ".example.com:443", " other.test , example.com ",
		"10.0.0.0/8", "10.1.2.3", "10.1.2.3:8443", "10.1.0.0/16,2001:db8::/32", "2001:db8::1", "[2001:db9::1]:8443", "10.9.9.9/8", "::ffff:10.1.2.3",
		"bücher.example", "api.example.com,*,x", ",,", "com", ":443", "10.0.0.0/99", "exa mple.com", "https://example.com", "a/b", "[::1", "%", "**", "*",
	} {
		way, err := proxyFromEnvironment(environ.Of([]string{"HTTPS_PROXY=" + corp, "HTTP_PROXY=" + plain, "no_proxy=" + except}))
		if err != nil {
			t.Fatal(err)
		}
		got := way.choose()
		if got == nil {
			got = func(*url.URL) (*url.URL, error) { return nil, nil }
		}
		want := (&httpproxy.Config{HTTPProxy: plain, HTTPSProxy: corp, NoProxy: except}).ProxyFunc()
		for _, host := range hosts {
			for _, scheme := range []string{"https", "http"} {
				u := &url.URL{Scheme: scheme, Host: host}
				g, err := got(u)
				w, _ := want(u)
				if err != nil || (g == nil) != (w == nil) || g != nil && g.String() != w.String() {
					t.Errorf("NO_PROXY=%q, %v: %v, %v; want %v", except, u, g, err, w)
				}
			}
		}
	}
}

func TestProxyAddresses(t *testing.T) {
	for value, want := range map[string]string{
		"http://corp:3128": "http://corp:3128", "corp": "http://corp", "corp:3128": "http://corp:3128", "socks5h://10.0.0.1": "socks5h://10.0.0.1",
		"https://me:pw@corp": "https://me:pw@corp", "10.0.0.1:3128": "http://10.0.0.1:3128", "http://": "", "//corp:1": "", "http://corp:hunter2@x:y": "", ":": "",
		"socks4://corp:hunter2@corp:1080": "", "ftp://corp": "", "HTTP://corp": "http://corp",
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
			way, err := proxyFromEnvironment(environ.Of([]string{name + "=" + value}))
			if want == "" {
				if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s=%s: %v", name, value, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s=%s: %v", name, value, err)
				continue
			}
			proxy := way.choose()
			p, err := proxy(&url.URL{Scheme: "https", Host: "api.example.com"})
			if err != nil || p.String() != want {
				t.Errorf("%s=%s: %v, %v; want %s", name, value, p, err, want)
			}
			if p, err := proxy(&url.URL{Scheme: "http", Host: "api.example.com"}); p != nil || err != nil {
				t.Errorf("%s=%s is for https alone: %v, %v", name, value, p, err)
			}
		}
	}
	if way, err := proxyFromEnvironment(environ.Of(nil)); err != nil || way.choose() != nil {
		t.Error("no variable, and a proxy", err)
	}
}

// The password of a corporate proxy is as live as a credential: it comes off answers, and is in no variable of the command.
func TestProxyPasswordIsKept(t *testing.T) {
	for _, test := range []struct{ policy, variable, want string }{
		{"http://me:Pr0xy-p%2Fssword@127.0.0.1:3128", "", "Pr0xy-p/ssword"},
		{"", "HTTP_PROXY=http://me:Pr0xy-password@127.0.0.1:3128", "Pr0xy-password"},
		{"", "https_proxy=me:Pr0xy-password@127.0.0.1:3128", "Pr0xy-password"},
		{"", "ALL_PROXY=socks5://Token-of-the-proxy@127.0.0.1:1080", "Token-of-the-proxy"},
		{"none", "HTTPS_PROXY=http://me:Pr0xy-password@127.0.0.1:3128", ""},
		{"", "HTTPS_PROXY=http://me:short@127.0.0.1:3128", ""},
		{"", "HTTPS_PROXY=http://127.0.0.1:3128", ""},
	} {
		s := newSession(Config{Policy: &policy.Policy{Upstream: policy.Upstream{Proxy: test.policy}}, Environ: []string{test.variable}})
		_, err := s.upstream()
		var got string
		for _, v := range s.kept.Values() {
			got += string(v.Secret.Reveal())
			if strings.Contains(v.Placeholder, got) {
				t.Errorf("%s stands for %s", v.Placeholder, got)
			}
		}
		if err != nil || got != test.want {
			t.Errorf("%+v: kept %q, %v", test, got, err)
		}
	}
}
