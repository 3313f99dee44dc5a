package scrub

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/textproto"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// minForm is the shortest part of a value that can be told from innocent text.
const minForm = 8

// builder collects forms; the first of two with the same needle stays.
type builder struct {
	forms  []form
	seen   map[string]bool
	asItIs bool // of the forms that are being added
	uneven bool // some special character of a secret stands where its placeholder has another
}

//go:noinline
func (b *builder) add(needle, repl []byte) {
	if len(needle) == 0 || bytes.Equal(needle, repl) || b.seen[string(needle)] {
		return
	}
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	b.seen[string(needle)] = true
	b.forms = append(b.forms, form{needle: bytes.Clone(needle), repl: bytes.Clone(repl), asItIs: b.asItIs})
}

// part adds a form that holds only a part of the value, if it is long enough to mean something.
func (b *builder) part(needle, repl []byte) {
	if len(needle) >= minForm {
		b.add(needle, repl)
	}
}

// spell adds every spelling of a secret. Escapes are not among them: any form is found under escapes (escapes.go).
func (b *builder) spell(secret, holder []byte) {
	if len(secret) == 0 {
		return
	}
	b.uneven = b.uneven || !sameSpecials(secret, holder)
	for _, f := range []func([]byte) []byte{
		bytes.Clone, plus, twice('"'), twice('\''), quotedAs(`'\''`), quotedAs(`'"'"'`), upper, lower, bytes.ToUpper, bytes.ToLower, narrow, headerCase, reversed, utf16le, utf16be, hexLower, hexUpper,
		runesAs(`\u%04x`), runesAs(`\u%04X`), entitiesAs("&#%d;"), entitiesAs("&#x%x;"), entitiesAs("&#x%X;"),
	} {
		b.add(f(secret), f(holder))
	}
	done := map[string]bool{}
	for _, f := range []func([]byte) []byte{bytes.Clone, jsonEscaped, jsonForHTML, then(jsonEscaped, runesAs(`\u%04x`)), htmlEscaped, percentEscaped} {
		if text := f(secret); !done[string(text)] {
			done[string(text)] = true
			b.base64(text, f(holder))
		}
	}
	b.base32(secret, holder)
	b.dumps(secret, holder)
}

// base64 adds both alphabets at the three alignments, and each of them once more in base64.
func (b *builder) base64(secret, holder []byte) {
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for lead := range 3 {
			once, onceHolder := b.aligned(enc, 6, 3, lead, secret, holder)
			for lead := range 3 {
				b.aligned(enc, 6, 3, lead, once, onceHolder)
			}
		}
	}
}

// base32 adds both cases at the five alignments.
func (b *builder) base32(secret, holder []byte) {
	for _, alphabet := range []string{"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz234567"} {
		enc := base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
		for lead := range 5 {
			b.aligned(enc, 5, 5, lead, secret, holder)
		}
	}
}

type encoding interface{ EncodeToString([]byte) string }

// aligned adds the characters that secret alone decides when it stands lead bytes into a group, and the same with the last
// character that it decides when nothing follows. It returns the former.
func (b *builder) aligned(enc encoding, bits, group, lead int, secret, holder []byte) (inner, innerHolder []byte) {
	for len(holder)%group != len(secret)%group {
		holder = append(bytes.Clone(holder), '-') // what follows must keep its place in the group
	}
	cut := func(value []byte) (inner, whole []byte) {
		text := []byte(enc.EncodeToString(append(make([]byte, lead), value...)))
		from := (8*lead + bits - 1) / bits
		return text[from : 8*(lead+len(value))/bits], text[from:]
	}
	inner, whole := cut(secret)
	innerHolder, wholeHolder := cut(holder)
	b.add(whole, wholeHolder)
	b.part(inner, innerHolder)
	return inner, innerHolder
}

// sameSpecials says whether both have the same length and agree where either has a character that encoders escape.
func sameSpecials(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !(unreserved(a[i]) && unreserved(b[i])) {
			return false
		}
	}
	return true
}

// unreserved characters are never escaped for their own sake (RFC 3986 section 2.3).
func unreserved(c byte) bool { return alnum(c) || strings.IndexByte("-._~", c) >= 0 }

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func plus(s []byte) []byte       { return bytes.ReplaceAll(s, []byte(" "), []byte("+")) }
func hexLower(s []byte) []byte   { return []byte(hex.EncodeToString(s)) }
func hexUpper(s []byte) []byte   { return bytes.ToUpper(hexLower(s)) }
func headerCase(s []byte) []byte { return []byte(textproto.CanonicalMIMEHeaderKey(string(s))) }

// twice is how CSV and SQL write a quote within quotes.
func twice(quote byte) func([]byte) []byte {
	return func(s []byte) []byte { return bytes.ReplaceAll(s, []byte{quote}, []byte{quote, quote}) }
}

// quotedAs is how a shell's words within single quotes have such a quote.
func quotedAs(spelling string) func([]byte) []byte {
	return func(s []byte) []byte { return bytes.ReplaceAll(s, []byte("'"), []byte(spelling)) }
}

// narrow has one byte for each character, as ISO 8859-1 does; text with others stays as it is.
func narrow(s []byte) (out []byte) {
	for _, r := range string(s) {
		if r > 0xff {
			return s
		}
		out = append(out, byte(r))
	}
	return out
}

// upper and lower fold ASCII alone: what a header, a host name or a URL goes through. What languages do to text folds all.
func upper(s []byte) []byte { return mapped(s, 'a', 'z') }
func lower(s []byte) []byte { return mapped(s, 'A', 'Z') }

func mapped(s []byte, from, to byte) []byte {
	s = bytes.Clone(s)
	for i, c := range s {
		if from <= c && c <= to {
			s[i] = c ^ 0x20
		}
	}
	return s
}

func reversed(s []byte) (out []byte) {
	for len(s) > 0 {
		_, n := utf8.DecodeLastRune(s) // by characters, so that text stays text
		out, s = append(out, s[len(s)-n:]...), s[:len(s)-n]
	}
	return out
}

func utf16le(s []byte) (out []byte) { return utf16As(binary.LittleEndian, s) }
func utf16be(s []byte) (out []byte) { return utf16As(binary.BigEndian, s) }

func utf16As(order binary.AppendByteOrder, s []byte) (out []byte) {
	for _, u := range utf16.Encode([]rune(string(s))) {
		out = order.AppendUint16(out, u)
	}
	return out
}

// runesAs writes what is not ASCII as UTF-16 units, as JSON encoders that keep to ASCII do; escapes of ASCII need no form.
func runesAs(format string) func([]byte) []byte {
	return func(s []byte) (out []byte) {
		for _, r := range string(s) {
			if r < utf8.RuneSelf {
				out = append(out, byte(r))
				continue
			}
			for _, u := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, format, u)
			}
		}
		return out
	}
}

// entitiesAs does the same with HTML's numeric references.
func entitiesAs(format string) func([]byte) []byte {
	return func(s []byte) (out []byte) {
		for _, r := range string(s) {
			if r < utf8.RuneSelf {
				out = append(out, byte(r))
			} else {
				out = fmt.Appendf(out, format, r)
			}
		}
		return out
	}
}

func jsonEscaped(s []byte) (out []byte) {
	for _, c := range s {
		if c == '"' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return out
}

// jsonForHTML is what encoding/json writes, unless told otherwise.
func jsonForHTML(s []byte) (out []byte) {
	for _, c := range jsonEscaped(s) {
		if c == '<' || c == '>' || c == '&' {
			out = fmt.Appendf(out, `\u%04x`, c)
		} else {
			out = append(out, c)
		}
	}
	return out
}

func htmlEscaped(s []byte) []byte { return []byte(forHTML.Replace(string(s))) }

var forHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func percentEscaped(s []byte) (out []byte) {
	for _, c := range s {
		if unreserved(c) {
			out = append(out, c)
		} else {
			out = fmt.Appendf(out, "%%%02X", c)
		}
	}
	return out
}
