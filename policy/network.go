package policy

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"agentguard/policy/action"
)

// openHost is a host of [network]. Without a port an allowed host is reached on 443 over TLS and on 80 in plain text,
// a tunnelled one on 443; with a port on that one alone.
type openHost struct {
	pattern action.HostPattern
	port    uint16
	tunnel  bool
}

// covers says whether the way to a is open.
func (o openHost) covers(a action.Authority, plain bool) bool {
	if !o.pattern.Match(a.Host) || plain && o.tunnel {
		return false
	}
	switch {
	case o.port != 0:
		return a.Port == o.port
	case plain:
		return a.Port == 80
	}
	return a.Port == 443
}

func (d *draft) networkTable(t *table) {
	if t == nil {
		return
	}
	n := &d.policy.Network
	n.Allow = d.networkHosts(t, "allow", false)
	n.Tunnel = d.networkHosts(t, "tunnel", true)
	t.done(nil)
}

func (d *draft) networkHosts(t *table, key string, tunnel bool) []action.HostPattern {
	var out []action.HostPattern
	for _, h := range t.texts(key) {
		pattern, port, err := parseHostPort(h.s)
		switch {
		case err != nil:
			d.fail(h.line, "", "%s: %v", t.path(key), err)
		case tunnel && pattern.Wildcard():
			d.fail(h.line, "name each host", "%s: %s covers many hosts, and what is tunnelled cannot be read", t.path(key), pattern)
		default:
			out = append(out, pattern)
			o := openHost{pattern, port, tunnel}
			d.policy.Network.open = append(d.policy.Network.open, o)
			d.network = append(d.network, networkHost{o, h.line})
		}
	}
	return out
}

// parseHostPort reads a host pattern with or without a port; no port is 0.
func parseHostPort(s string) (action.HostPattern, uint16, error) {
	pattern, err := action.ParseHostPattern(s)
	if err == nil {
		return pattern, 0, nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return action.HostPattern{}, 0, err
	}
	port, perr := strconv.ParseUint(s[i+1:], 10, 16)
	if perr != nil || port == 0 || strconv.FormatUint(port, 10) != s[i+1:] {
		return action.HostPattern{}, 0, err
	}
	pattern, err = action.ParseHostPattern(s[:i])
	return pattern, uint16(port), err
}

func (d *draft) upstreamTable(t *table) {
	if t == nil {
		return
	}
	u := &d.policy.Upstream
	if proxy, ok := t.text("proxy"); ok {
		if u.Proxy = proxy.s; proxy.s != "none" {
			d.checkProxy(t, proxy.s)
		}
	}
	if ca, ok := t.text("ca"); ok {
		u.CA, u.Roots = ca.s, d.include(t, "ca", ca.s, maxRoots)
	}
	u.Resolve = d.resolve(t.sub("resolve"))
	for _, a := range t.texts("allow_private") {
		canonical, err := privateTarget(a.s)
		if err != "" {
			d.fail(a.line, "", "%s: %q %s", t.path("allow_private"), a.s, err)
			continue
		}
		u.AllowPrivate = append(u.AllowPrivate, canonical)
	}
	t.done(nil)
}

func (d *draft) checkProxy(t *table, proxy string) {
	u, err := url.Parse(proxy)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		t.fail("proxy", `as in "http://proxy.corp.example:3128"`, "must be \"none\" or an http:// or https:// URL of a host and a port alone")
		return
	}
	if _, err := action.ParseAuthority(u.Host, 80); err != nil {
		t.fail("proxy", "", "%v", err)
	}
	if _, has := u.User.Password(); has {
		d.warn(t.line("proxy"), "leave it out here, and set HTTPS_PROXY for agentguard instead", "%s holds a password, which does not belong in a file", t.path("proxy"))
	}
}

func (d *draft) resolve(t *table) map[string]string {
	if t == nil {
		return nil
	}
	if len(t.values) == 0 {
		d.fail(t.at.line, "", "%s is empty", t.name)
	}
	out := map[string]string{}
	for _, key := range t.names() {
		to, ok := t.text(key)
		if !ok {
			continue
		}
		from, err := action.ParseAuthority(key, 0)
		if err != nil {
			d.fail(to.line, `as in "api.github.com:443" = "127.0.0.1:8443"`, "%s: %v", t.name, err)
			continue
		}
		addr, err := netip.ParseAddrPort(to.s)
		switch {
		case err != nil || addr.Port() == 0 || addr.Addr().Zone() != "":
			d.fail(to.line, `as in "api.github.com:443" = "127.0.0.1:8443"`, "%s: %q is not an address and a port", t.name, to.s)
		case out[from.String()] != "":
			d.fail(to.line, "", "%s: %s is there twice", t.name, from)
		default:
			out[from.String()] = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).String()
		}
	}
	return out
}

// privateTarget gives the canonical form of a host, an address or a network, or says what is wrong with it.
func privateTarget(s string) (canonical, wrong string) {
	if prefix, err := netip.ParsePrefix(s); err == nil {
		switch {
		case prefix.Bits() < 8:
			return "", "is too wide: at least /8"
		case prefix != prefix.Masked():
			return "", "has bits set beyond its mask: write " + prefix.Masked().String()
		}
		return prefix.String(), ""
	}
	pattern, err := action.ParseHostPattern(s)
	if err != nil {
		return "", "is not a host, an address or a network like 10.0.0.0/8"
	}
	return pattern.String(), ""
}

func (d *draft) envTable(t *table) {
	if t == nil {
		return
	}
	e := &d.policy.Env
	d.pass = t.texts("pass")
	for _, name := range d.pass {
		if !isEnvName(strings.TrimSuffix(name.s, "*")) {
			d.fail(name.line, "a name, or the beginning of names and a *: NPM_CONFIG_*", "%s: %q is not the name of a variable", t.path("pass"), name.s)
		}
		e.Pass = append(e.Pass, name.s)
	}
	set := t.sub("set")
	if set != nil {
		e.Set = map[string]string{}
		for _, name := range set.names() {
			d.envSet(set, name)
		}
	}
	t.done(nil)
}

func (d *draft) envSet(t *table, name string) {
	value, ok := t.values[name].(string)
	switch {
	case !isEnvName(name):
		t.fail(name, "", "is not the name of a variable")
	case !ok:
		t.fail(name, "put quotes around it", "must be a string, not %s", kindOf(t.values[name]))
	case strings.Contains(value, "\x00"):
		t.fail(name, "", "holds NUL")
	case Reserved(name):
		t.fail(name, "", "is a variable that agentguard itself sets or removes")
	default:
		d.policy.Env.Set[name] = value
		d.set = append(d.set, text{name, t.line(name)})
	}
}
