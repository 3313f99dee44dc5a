package policy

import (
	"net/netip"
	"net/url"

	"agentguard/policy/action"
)

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
