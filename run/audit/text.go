package audit

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain marks the ASCII bytes that a JSON string and a terminal both take as they are.
var plain = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// harmless says whether r may reach a terminal as it is. IsPrint leaves out the controls (C0, C1, DEL), the line and
// paragraph separators, everything that reorders or hides text (bidi, zero-width and tag characters are all of
// category Cf), spaces that look like others, and what is not assigned.
func harmless(r rune, size int) bool {
	return unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)
}

// SafeText makes foreign text safe to print on one line: control characters, escape sequences, line breaks and
// bidirectional or invisible characters become \n, \x1b, \u202e and so on; bytes that are not UTF-8 become \xff.
// Harmless text comes back as it is. The length is not bounded, see [Clip].
func SafeText(s string) string {
	if firstHarmful(s) == len(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		writeSafe(&b, r, s[i:i+size])
		i += size
	}
	return b.String()
}

// Clip is SafeText of at most max characters of s; when more was there it ends in "...".
func Clip(s string, max int) string {
	n := 0
	for i := range s {
		if n == max {
			return SafeText(s[:i]) + "..."
		}
		n++
	}
	return SafeText(s)
}

func firstHarmful(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !harmless(r, size) {
			return i
		}
		i += size
	}
	return len(s)
}

// writeSafe writes r, which was spelt raw.
func writeSafe(b *strings.Builder, r rune, raw string) {
	switch {
	case harmless(r, len(raw)):
		b.WriteString(raw)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case len(raw) == 1:
		fmt.Fprintf(b, `\x%02x`, raw[0])
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}
