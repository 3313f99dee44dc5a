package run

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"agentguard/policy/action"
	"agentguard/proxy"
	"agentguard/run/audit"
	"agentguard/run/environ"
	"agentguard/vault"
)

// upstream is the way out that the policy describes, by default that of our own environment.
func (s *session) upstream() (*proxy.Upstream, error) {
	u := s.Policy.Upstream
	c := proxy.UpstreamConfig{Resolve: u.Resolve, AllowPrivate: u.AllowPrivate}
	way := &corporate{}
	switch u.Proxy {
	case "":
		var err error
		if way, err = proxyFromEnvironment(s.env); err != nil {
			return nil, failure(err, `mend the variable, or say proxy = "none" under [upstream] in the policy`)
		}
		c.Proxy = way.choose()
	case "none":
	default:
		to, err := url.Parse(u.Proxy)
		if err != nil {
			return nil, failure(errors.New("upstream.proxy is no URL"), "") // which the error would show, password and all
		}
		way.https = to
		c.Proxy = func(*url.URL) (*url.URL, error) { return to, nil }
	}
	if err := s.keepPasswords(way); err != nil {
		return nil, failure(err, "")
	}
	if c.CA = u.Roots; u.CA != "" && c.CA == nil {
		return nil, failure(fmt.Errorf("upstream.ca: %s was not read", u.CA), "")
	}
	up, err := proxy.NewUpstream(c)
	if err != nil {
		return nil, failure(err, "")
	}
	return up, nil
}

// keepPasswords has the passwords of proxies taken out of the command's environment and of what the proxies answer. Shorter ones cannot
// be told from innocent text.
func (s *session) keepPasswords(way *corporate) error {
	for _, u := range []*url.URL{way.http, way.https} {
		if u == nil {
			continue
		}
		password, ok := u.User.Password()
		if !ok {
			password = u.User.Username() // a token by itself
		}
		secret, err := vault.NewSecret([]byte(password))
		if err != nil {
			continue
		}
		if err := s.kept.Keep(secret); err != nil {
			return err
		}
	}
	return nil
}

// corporate is the proxy that our own environment names, and the places that are reached without it.
type corporate struct {
	http, https *url.URL
	direct      []direct
	off         bool // NO_PROXY=*
}

// direct is an entry of NO_PROXY: addresses, or a name and what lies below it.
type direct struct {
	net   netip.Prefix
	below string // ".example.com"
	apex  bool   // and example.com itself
	port  string // "" means all
}

// proxyFromEnvironment reads the variables as curl and Go do. A value that is no address is an error, which does not show it: it
// may hold a password.
func proxyFromEnvironment(env *environ.Env) (*corporate, error) {
	first := func(names ...string) (*url.URL, error) {
		for _, n := range names {
			if v := env.Get(n); v != "" {
				return proxyAddress(n, v)
			}
		}
		return nil, nil
	}
	c := &corporate{}
	var err error
	if c.http, err = first("HTTP_PROXY", "http_proxy"); err != nil {
		return nil, err
	}
	if c.https, err = first("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"); err != nil {
		return nil, err
	}
	except := env.Get("NO_PROXY")
	if except == "" {
		except = env.Get("no_proxy")
	}
	for entry := range strings.SplitSeq(except, ",") {
		if entry = strings.TrimSpace(entry); entry == "*" {
			c.off = true
		} else if entry != "" {
			c.direct = append(c.direct, parseDirect(entry))
		}
	}
	return c, nil
}

// choose gives what chooses the proxy for a URL; nil where none is named.
func (c *corporate) choose() func(*url.URL) (*url.URL, error) {
	if c.off || c.http == nil && c.https == nil {
		return nil
	}
	return c.proxy
}

// proxyAddress takes a URL, or a host with or without a port, which means http.
func proxyAddress(name, value string) (*url.URL, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("the variable %s does not hold the address of a proxy, such as http://proxy.example:3128", name)
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, fmt.Errorf("the variable %s names a proxy of a kind that is not known here, %s://; http, https and socks5 are", name, audit.Clip(u.Scheme, 20))
}

// parseDirect reads 10.0.0.0/8, 10.1.2.3, example.com (and all below), .example.com and *.example.com (below alone), the
// latter four also with a port. What is none of these matches nothing, so that the proxy is used.
func parseDirect(s string) direct {
	if p, err := netip.ParsePrefix(s); err == nil {
		return direct{net: p}
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, ""
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		ip = ip.Unmap()
		return direct{net: netip.PrefixFrom(ip, ip.BitLen()), port: port}
	}
	name := strings.TrimPrefix(strings.TrimPrefix(host, "*"), ".")
	a, err := action.ParseAuthority(name, 1)
	if err != nil {
		return direct{}
	}
	return direct{below: "." + a.Host, apex: name == host, port: port}
}

// matches takes the canonical text of a host, and a port.
func (d direct) matches(host, port string) bool {
	if d.port != "" && d.port != port {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return d.net.Contains(ip)
	}
	return d.below != "" && (strings.HasSuffix(host, d.below) || d.apex && host == d.below[1:])
}

// proxy is the proxy for a URL; nil means none. This machine is reached without one, whatever the variables say.
func (c *corporate) proxy(to *url.URL) (*url.URL, error) {
	a, plain, err := action.AuthorityOf(to)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(a.Host); a.Host == "localhost" || err == nil && ip.IsLoopback() {
		return nil, nil
	}
	for _, d := range c.direct {
		if d.matches(a.Host, strconv.Itoa(int(a.Port))) {
			return nil, nil
		}
	}
	if plain {
		return c.http, nil
	}
	return c.https, nil
}
