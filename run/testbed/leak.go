package testbed

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// newSecrets makes a real-looking credential of each vendor's shape.
func newSecrets() map[string]string {
	return map[string]string{
		"echo":      "echo_" + random(40),
		"crm":       "crm-" + random(32),
		"maps":      "AIza" + random(35),
		"github":    "ghp_" + random(36),
		"openai":    "sk-" + random(48),
		"anthropic": "sk-ant-api03-" + random(80),
		"aws":       random(40),
	}
}

func random(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// Leaks names every form in which secret stands in text: as it is, in base64 (three alignments, two alphabets), in hex
// or percent-encoded. It is written apart from the product's scrubber on purpose.
func Leaks(text []byte, secret string) []string {
	var found []string
	for form, needle := range forms(secret) {
		if bytes.Contains(text, []byte(needle)) {
			found = append(found, form)
		}
	}
	return found
}

// forms spells secret in each way that a program could print it.
func forms(secret string) map[string]string {
	f := map[string]string{
		"raw":       secret,
		"hex":       hex.EncodeToString([]byte(secret)),
		"upper hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"percent":   url.QueryEscape(secret),
	}
	for shift := range 3 {
		for name, enc := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			// The characters at both ends also hold bits of the neighbours: what remains between them is sure.
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			first := []int{0, 2, 3}[shift]
			last := (shift + len(secret)) * 8 / 6
			f[fmt.Sprintf("%s shifted by %d", name, shift)] = text[first:last]
		}
	}
	return f
}
