package environ

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// Needles are live secrets to be found in values.
type Needles []string

// NeedlesOf leaves out what is empty.
func NeedlesOf(secrets [][]byte) Needles {
	var n Needles
	for _, s := range secrets {
		if len(s) > 0 {
			n = append(n, string(s))
		}
	}
	return n
}

// In says whether a text holds a secret as it is, percent-encoded, in base64 at any alignment (the "user:password" of
// npm's _auth), or in hex.
func (n Needles) In(text string) bool {
	if len(n) == 0 {
		return false
	}
	if n.plain(text) {
		return true
	}
	if strings.Contains(text, "%") {
		if plain, err := url.PathUnescape(text); err == nil && n.plain(plain) {
			return true
		}
	}
	shortest := len(slices.MinFunc(n, func(a, b string) int { return len(a) - len(b) }))
	for token := range strings.FieldsFuncSeq(text, notBase64) {
		if len(token) > shortest && (n.plain(decodeBase64(token)) || len(token) >= 2*shortest && n.plain(decodeHex(token))) {
			return true
		}
	}
	return false
}

func (n Needles) plain(text string) bool {
	for _, s := range n {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func notBase64(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '+' && r != '/' && r != '-' && r != '_'
}

// decodeBase64 reads both alphabets, and an unfinished last group as far as it goes.
func decodeBase64(token string) string {
	if len(token)%4 == 1 {
		token = token[:len(token)-1]
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(token, "-_") {
		encoding = base64.RawURLEncoding
	}
	plain, _ := encoding.DecodeString(token)
	return string(plain)
}

func decodeHex(token string) string {
	plain, err := hex.DecodeString(token)
	if err != nil {
		return ""
	}
	return string(plain)
}
