package proxy

import (
	"encoding/base64"
	"strings"

	"agentguard/policy/action"
	"agentguard/proxy/scrub"
)

// minPart is the shortest part of a secret that can be told from innocent text, in bytes, as for a whole one.
const minPart = 8

// withParts gives the secret, and what a service takes out of it and may return by itself: the token behind the name of a scheme
// ("Bearer abc"), the password behind the name of a user (RFC 7617), or that name where there is no password, and the values of
// a cookie (RFC 6265 section 4.2.1) or of a scheme's parameters (RFC 9110 section 11.2). Of all of them without the padding of
// base64, which services take off, and which tells nothing where it stays.
func withParts(secret, placeholder string) (pairs []scrub.Pair) {
	for i, part := range append([]string{secret}, partsOf(secret)...) {
		if plain := strings.TrimRight(part, "="); len(plain) >= minPart {
			part = plain
		} else if i > 0 {
			continue
		}
		own := placeholder
		if at := strings.Index(secret, part); at >= 0 && len(placeholder) == len(secret) {
			own = placeholder[at : at+len(part)]
		}
		pairs = append(pairs, scrub.Pair{Secret: []byte(part), Placeholder: own})
	}
	return pairs
}

func partsOf(secret string) (parts []string) {
	token, between := secret, ";"
	if scheme, rest, ok := strings.Cut(secret, " "); ok && action.IsToken(scheme) && !strings.Contains(rest, " ") {
		token, between = rest, ","
		parts = append(parts, token)
		if pair, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "basic") {
			parts = append(append(parts, string(pair)), halfOf(string(pair)))
		}
	}
	parts = append(parts, halfOf(token))
	return append(parts, valuesOf(token, between)...)
}

// halfOf is the half of "user:password" that is secret; "" if it is no such pair.
func halfOf(pair string) string {
	user, password, ok := strings.Cut(pair, ":")
	if ok && password == "" {
		return user
	}
	return password
}

// valuesOf are the values of "name=value" and more such fields; nil if something else stands among them.
func valuesOf(text, between string) (values []string) {
	for field := range strings.SplitSeq(text, between) {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || !action.IsToken(name) {
			return nil
		}
		values = append(values, strings.Trim(value, `"`))
	}
	return values
}
