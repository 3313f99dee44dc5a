package action

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

var errNoDial = errors.New("only asking")

// lookUpName gives the ASCII form under which net/http looks an international host name up (UTS 46, the Lookup profile of its
// own copy of x/net/idna): a transport is asked to dial, and does not. What has no such form comes back as it is. Linking
// a second copy of these tables costs 200 KB.
func lookUpName(name string) string {
	var dialled string
	t := http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			dialled = addr
			return nil, errNoDial
		},
	}
	r := http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: name}, Header: http.Header{}}
	if _, err := t.RoundTrip(&r); !errors.Is(err, errNoDial) {
		return name
	}
	return strings.TrimSuffix(dialled, ":80")
}

// fromASCII decodes the xn-- labels of a name in lower case.
func fromASCII(name string) (string, bool) {
	labels := strings.Split(name, ".")
	for i, l := range labels {
		encoded, ok := strings.CutPrefix(l, "xn--")
		if !ok {
			continue
		}
		if labels[i], ok = punycode(encoded); !ok {
			return "", false
		}
	}
	return strings.Join(labels, "."), true
}

// The parameters of RFC 3492 section 5.
const (
	punyBase = 36
	punyTMin = 1
	punyTMax = 26
	punySkew = 38
	punyDamp = 700
)

// punycode decodes a label after its prefix (RFC 3492 section 6.2).
func punycode(s string) (string, bool) {
	var out []rune
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		out, s = []rune(s[:i]), s[i+1:]
	}
	bias, code, at := 72, 0x80, 0
	for first := true; s != ""; first = false {
		delta, rest, ok := punyDelta(s, bias)
		if !ok || delta > math.MaxInt32-at {
			return "", false
		}
		s, at = rest, at+delta
		n := len(out) + 1
		bias = punyAdapt(delta, n, first)
		code, at = code+at/n, at%n
		if code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
			return "", false
		}
		out = append(out, 0)
		copy(out[at+1:], out[at:])
		out[at] = rune(code)
		at++
	}
	return string(out), true
}

// punyDelta reads one number of variable length from the head of s.
func punyDelta(s string, bias int) (delta int, rest string, ok bool) {
	weight := 1
	for i, k := 0, punyBase; i < len(s); i, k = i+1, k+punyBase {
		digit := strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789", s[i])
		if digit < 0 || digit > (math.MaxInt32-delta)/weight {
			return 0, "", false
		}
		delta += digit * weight
		t := min(max(k-bias, punyTMin), punyTMax)
		if digit < t {
			return delta, s[i+1:], true
		}
		if weight > math.MaxInt32/(punyBase-t) {
			return 0, "", false
		}
		weight *= punyBase - t
	}
	return 0, "", false
}

// punyAdapt is the bias after a number (RFC 3492 section 6.1).
func punyAdapt(delta, n int, first bool) int {
	if delta /= 2; first {
		delta = delta * 2 / punyDamp
	}
	delta += delta / n
	k := 0
	for ; delta > (punyBase-punyTMin)*punyTMax/2; k += punyBase {
		delta /= punyBase - punyTMin
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
