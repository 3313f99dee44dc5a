package action

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// HostPattern is a host name, "*.example.com" (one or more labels below, never the apex) or an IP address. The zero
// value matches nothing.
type HostPattern struct{ text string }

// ParseHostPattern reads a policy's host, without scheme and port. IPv6 may stand with or without brackets.
func ParseHostPattern(s string) (HostPattern, error) {
	text, err := hostPattern(s)
	if err != nil {
		return HostPattern{}, fmt.Errorf("host %q: %w", clip(s), err)
	}
	return HostPattern{text}, nil
}

func hostPattern(s string) (string, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Is6() {
		s = "[" + s + "]"
	}
	if strings.Contains(s, "://") {
		return "", errors.New("give the host alone, without a scheme")
	}
	base, wild := strings.CutPrefix(s, "*.")
	if strings.Contains(base, "*") {
		return "", errors.New("a * stands only for whole labels in front: *.example.com")
	}
	host, _, hasPort, err := splitAuthority(base)
	if err != nil {
		return "", err
	}
	if hasPort {
		return "", errors.New("give the host alone, without a port")
	}
	name, err := canonicalHost(host)
	switch {
	case err != nil:
		return "", err
	case !wild:
		return name, nil
	case strings.Contains(name, ":") || endsInNumber(name):
		return "", errors.New("an address has nothing below it")
	case !strings.Contains(name, "."):
		return "", errors.New("a wildcard over a whole top-level domain; name at least two labels, as in *.example.com")
	}
	return "*." + name, nil
}

// String is the policy's spelling.
func (p HostPattern) String() string { return p.text }

// Wildcard says whether the pattern covers more than one host.
func (p HostPattern) Wildcard() bool { return strings.HasPrefix(p.text, "*.") }

// Match says whether the canonical host is covered.
func (p HostPattern) Match(host string) bool {
	if !p.Wildcard() {
		return host != "" && host == p.text
	}
	return strings.HasSuffix(host, p.text[1:]) && len(host) > len(p.text)-1
}

// Overlaps says whether some host is covered by both patterns.
func (p HostPattern) Overlaps(q HostPattern) bool {
	switch {
	case p.text == "" || q.text == "":
		return false
	case p.text == q.text:
		return true
	case p.Wildcard() && q.Wildcard():
		return strings.HasSuffix(p.text, q.text[1:]) || strings.HasSuffix(q.text, p.text[1:])
	case p.Wildcard():
		return p.Match(q.text)
	}
	return q.Match(p.text)
}
