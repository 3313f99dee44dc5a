package policy

import (
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
