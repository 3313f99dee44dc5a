package cred

import (
	"encoding/base64"
	"strings"

	"agentguard/policy/action"
)

// MinPart is the shortest part of a secret that can be told from innocent text, in bytes, as for a whole one.
const MinPart = 8

// Parts gives what a service takes out of a secret and may return by itself: the token behind the name of a scheme ("Bearer
// abc"), the password behind the name of a user (RFC 7617), or that name where there is no password, and the values of a
// cookie (RFC 6265 section 4.2.1) or of a scheme's parameters (RFC 9110 section 11.2), from 8 bytes on.
func Parts(secret string) (parts []string) {
	for _, part := range partsOf(secret) {
		if len(part) >= MinPart {
			parts = append(parts, part)
		}
	}
	return parts
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
