package action

import "errors"

// Authority is one parsed, canonical host and port: the single reading that drives match, injection, certificate name,
// dial and audit. Host is a lower-case ASCII name without trailing dot, or the canonical text of an IP address.
type Authority struct {
	Host string
	Port uint16
}

// HostPattern is a host name, "*.example.com" (one or more labels below, never the apex) or an IP address.
type HostPattern struct{ text string }

// Path is a request path as sent, and its decoded segments.
type Path struct {
	Raw      string   // as sent; begins with a slash
	Segments []string // decoded once; a trailing slash gives a last empty segment
}

var errTodo = errors.New("not built yet")

// ParseAuthority reads "host", "host:port", "[v6]:port".
func ParseAuthority(s string, defaultPort uint16) (Authority, error) { return Authority{}, errTodo }

// String is host:port, IPv6 in brackets.
func (a Authority) String() string { return a.Host }

// ParseHostPattern reads a policy's host.
func ParseHostPattern(s string) (HostPattern, error) { return HostPattern{}, errTodo }

// String is the policy's spelling.
func (p HostPattern) String() string { return p.text }

// Match says whether the canonical host is covered.
func (p HostPattern) Match(host string) bool { return false }

// ParsePath reads the path of a request target as sent (escaped, without query).
func ParsePath(raw string, encodedSlash bool) (Path, error) { return Path{}, errTodo }

// Classify reads one request for a service's host.
func Classify(s *Service, h *Host, r *Request) Match { return Match{Service: s} }
