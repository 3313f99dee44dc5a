package environ

import (
	"encoding/base64"
	"encoding/hex"
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

// In says whether a text holds a secret as it is, with characters escaped as in addresses, JSON or a shell, in base64 at any alignment
// (the "user:password" of npm's _auth), or in hex.
func (n Needles) In(text string) bool {
	if len(n) == 0 {
		return false
	}
	if n.Plain(text) {
		return true
	}
	for layer, plain := 0, text; layer < 3 && strings.ContainsAny(plain, `%\+`); layer++ {
		plain = unescaped(plain)
		if n.Plain(plain) || n.Plain(strings.ReplaceAll(plain, "+", " ")) {
			return true
		}
	}
	shortest := len(slices.MinFunc(n, func(a, b string) int { return len(a) - len(b) }))
	for token := range strings.FieldsFuncSeq(text, notBase64) {
		if len(token) > shortest && (n.Plain(decodeBase64(token)) || len(token) >= 2*shortest && n.Plain(decodeHex(token))) {
			return true
		}
	}
	return false
}

// Plain says whether a text holds a secret as it is.
func (n Needles) Plain(text string) bool {
	for _, s := range n {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// unescaped undoes one layer of %41, \u0041, \x41 and backslashes before punctuation. What is no escape stays.
func unescaped(text string) string {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		c, size := oneEscape(text)
		out, text = append(out, c), text[size:]
	}
	return string(out)
}

// oneEscape reads the character that text begins with.
func oneEscape(text string) (c byte, size int) {
	for _, begin := range []string{"%", `\u00`, `\x`} {
		if rest, ok := strings.CutPrefix(text, begin); ok && len(rest) >= 2 {
			if b, err := hex.DecodeString(rest[:2]); err == nil {
				return b[0], len(begin) + 2
			}
		}
	}
	if text[0] == '\\' && len(text) > 1 && (!isWord(text[1]) || text[1] == '-' || text[1] == '_') {
		return text[1], 2
	}
	return text[0], 1
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
