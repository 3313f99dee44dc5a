package action

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Authority is one parsed, canonical host and port: the single reading that drives match, injection, certificate name,
// dial and audit. Host is a lower-case ASCII name without trailing dot, or the canonical text of an IP address; an IPv4
// address written as IPv6 is that IPv4 address.
type Authority struct {
	Host string
	Port uint16
}

// ParseAuthority reads "host", "host:port", "[v6]:port". A defaultPort of 0 makes the port mandatory.
func ParseAuthority(s string, defaultPort uint16) (Authority, error) {
	host, port, hasPort, err := splitAuthority(s)
	if err != nil {
		return Authority{}, fmt.Errorf("authority %q: %w", clip(s), err)
	}
	a := Authority{Port: defaultPort}
	if hasPort {
		if a.Port, err = parsePort(port); err != nil {
			return Authority{}, fmt.Errorf("authority %q: %w", clip(s), err)
		}
	}
	if a.Port == 0 {
		return Authority{}, fmt.Errorf("authority %q: the port is missing", clip(s))
	}
	if a.Host, err = canonicalHost(host); err != nil {
		return Authority{}, fmt.Errorf("authority %q: %w", clip(s), err)
	}
	return a, nil
}

// String is host:port, IPv6 in brackets.
func (a Authority) String() string {
	port := strconv.Itoa(int(a.Port))
	if strings.Contains(a.Host, ":") {
		return "[" + a.Host + "]:" + port
	}
	return a.Host + ":" + port
}

// DefaultPort is the port of a URL that names none: of http:// where plain, else of https:// (RFC 9110 sections 4.2.1, 4.2.2).
func DefaultPort(plain bool) uint16 {
	if plain {
		return 80
	}
	return 443
}

// AuthorityOf is whom an http:// or https:// URL leads to, and whether in plain text.
func AuthorityOf(u *url.URL) (a Authority, plain bool, err error) {
	plain = u.Scheme == "http"
	a, err = ParseAuthority(u.Host, DefaultPort(plain))
	return a, plain, err
}

// Short is the authority as clients write it: without the port that its scheme has anyway.
func (a Authority) Short(plain bool) string {
	s := a.String()
	if a.Port == DefaultPort(plain) {
		return s[:strings.LastIndexByte(s, ':')]
	}
	return s
}

// URL is that of the authority, without a path.
func (a Authority) URL(plain bool) string {
	if plain {
		return "http://" + a.Short(plain)
	}
	return "https://" + a.Short(plain)
}

// splitAuthority parts host and port after refusing what a host can never hold. Brackets stay on the host.
func splitAuthority(s string) (host, port string, hasPort bool, err error) {
	if err := hostBytes(s); err != nil {
		return "", "", false, err
	}
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", "", false, errors.New("the bracket is not closed")
		}
		rest := s[end+1:]
		if rest != "" && rest[0] != ':' {
			return "", "", false, errors.New("text after the bracket")
		}
		return s[:end+1], strings.TrimPrefix(rest, ":"), rest != "", nil
	}
	host, port, hasPort = strings.Cut(s, ":")
	if strings.Contains(port, ":") {
		return "", "", false, errors.New("more than one colon; an IPv6 address stands in brackets")
	}
	return host, port, hasPort, nil
}

func hostBytes(s string) error {
	if len(s) > 1024 {
		return errors.New("longer than any host name")
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0:
			return errors.New("holds NUL")
		case c < ' ' || c == 0x7f:
			return errors.New("holds a control character")
		case c == ' ':
			return errors.New("holds a space")
		case c == '@':
			return errors.New("holds user information before an @, which is never part of a host")
		case c == '%':
			return errors.New("holds a percent sign (an escape or an IPv6 zone)")
		case c == '\\':
			return errors.New("holds a backslash")
		case strings.IndexByte("/?#\"<>^`{|},;", c) >= 0:
			return fmt.Errorf("holds %q", c)
		}
	}
	return nil
}

// parsePort takes plain decimal alone: some readers take "0443" or "+443", others do not.
func parsePort(s string) (uint16, error) {
	if s == "" {
		return 0, errors.New("the port is empty")
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, errors.New("the port is not a number")
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || s[0] == '0' {
		return 0, errors.New("the port is not a number from 1 to 65535 without leading zeros")
	}
	return uint16(n), nil
}

// canonicalHost gives the one spelling of a host. IPv6 stands in brackets here.
func canonicalHost(s string) (string, error) {
	if strings.HasPrefix(s, "[") {
		ip, err := netip.ParseAddr(strings.TrimSuffix(s[1:], "]"))
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", errors.New("the brackets hold no IPv6 address")
		}
		return ip.Unmap().String(), nil
	}
	name, err := asciiName(strings.TrimSuffix(s, "."))
	if err != nil {
		return "", err
	}
	if !endsInNumber(name) {
		return name, nil
	}
	// Whatever ends in a number is an address to inet_aton and to browsers ("127.1", "0x7f.1", "2130706433"), so only
	// the dotted decimal form, which every reader reads alike, may do so (WHATWG URL, "ends in a number").
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return "", errors.New("ends in a number without being an IPv4 address of four decimal parts")
	}
	return ip.String(), nil
}

// asciiName lower-cases a name and turns an international one into its ASCII form. The mapping is generous (full-width
// digits, ideographic full stops, soft hyphens); its result is therefore read again as if it had been sent, and an ASCII
// form ("xn--...") must be the one that its own meaning gives.
func asciiName(s string) (string, error) {
	name := strings.ToLower(s)
	if !isASCII(s) {
		if !utf8.ValidString(s) {
			return "", errors.New("not a valid international host name")
		}
		if name = lookUpName(s); !isASCII(name) {
			return "", errors.New("not a valid international host name")
		}
		if endsInNumber(name) {
			return "", errors.New("an address in other than ASCII digits")
		}
	}
	ace := false
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
		ace = ace || strings.HasPrefix(label, "xn--")
	}
	if len(name) > 253 {
		return "", errors.New("longer than 253 bytes")
	}
	if ace {
		uni, ok := fromASCII(name)
		if !ok {
			return "", errors.New("an xn-- label does not decode")
		}
		if isASCII(uni) || lookUpName(uni) != name {
			return "", errors.New("an xn-- label is not in its canonical form")
		}
	}
	return name, nil
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// checkLabel allows what RFC 1123 does, and the underscore, which container networks use.
func checkLabel(l string) error {
	switch {
	case l == "":
		return errors.New("empty, or has an empty label")
	case len(l) > 63:
		return errors.New("has a label of more than 63 bytes")
	case l[0] == '-' || l[len(l)-1] == '-':
		return errors.New("has a label that begins or ends with a hyphen")
	}
	for i := 0; i < len(l); i++ {
		c := l[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("holds %q", c)
		}
	}
	return nil
}

// endsInNumber is the WHATWG URL test: the last label is decimal digits, or hexadecimal after 0x.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// clip bounds what an error shows of foreign text.
//
//go:noinline
func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
