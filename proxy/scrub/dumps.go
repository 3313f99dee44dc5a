package scrub

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
)

// dumps adds what programs print where they do not know that bytes are text: Node's Buffer, Python's bytes.hex(":"), arrays
// of C, .NET's BitConverter; or that they are UTF-8, as servers that take headers for Latin-1; lists of characters; the ciphers of children; and
// those mixtures of other spellings that come first to mind. None of them may use all of ASCII, as base85 does: see word.
// Lists are not looked for under escapes: the quotes and commas that part them are in all JSON and HTML.
func (b *builder) dumps(secret, holder []byte) {
	for _, f := range []func([]byte) []byte{latin1, then(latin1, runesAs(`\u%04x`)), then(latin1, runesAs(`\u%04X`)), rot13, swapped} {
		b.add(f(secret), f(holder))
	}
	b.asItIs = true
	defer func() { b.asItIs = false }()
	for _, l := range lists {
		b.add(list(l.each, l.sep)(secret), list(l.each, l.sep)(holder))
	}
	for _, f := range []func([]byte) []byte{
		fullWidth, utf32As(binary.LittleEndian), utf32As(binary.BigEndian), then(base64Text, reversed), then(base64Text, hexLower), then(reversed, hexLower), atbash,
	} {
		b.add(f(secret), f(holder))
	}
	b.aligned(base32.HexEncoding.WithPadding(base32.NoPadding), 5, 5, 0, secret, holder)
	needle, repl := base58(secret), base58(holder)
	if n := min(len(needle), len(repl)); len(secret) == len(holder) { // and yet one may have a digit more
		needle, repl = needle[:n], repl[:n]
	}
	b.part(needle, repl)
	for _, f := range []func([]byte) []byte{hexLower, hexUpper, reversed, utf16le, utf16be} {
		for lead := range 3 {
			b.aligned(base64.RawStdEncoding, 6, 3, lead, f(secret), f(holder))
		}
	}
	for text, like, n := secret, holder, 0; n < 3; n++ {
		text, like = b.aligned(base64.RawStdEncoding, 6, 3, 0, text, like)
	}
	like := numbersLike(secret)
	for _, sep := range []string{",", ", ", " "} {
		b.add(list("%d", sep)(secret), list("%d", sep)(like))
	}
}

// lists are the ways in which programs write bytes and characters one after the other.
var lists = []struct{ each, sep string }{
	{"%02x", ":"}, {"%02X", ":"}, {"%02x", " "}, {"%02X", " "}, {"%02x", "-"}, {"%02X", "-"}, {"%02x", ","}, {"%02X", ","}, {"%02x", ", "},
	{"0x%02x", ", "}, {"0x%02x", ","}, {"0x%02x", " "}, {"0x%02X", ", "}, {"0x%02X", ","}, {"%03o", " "}, {"%08b", " "}, {"%08b", ""},
	{"%c", " "}, {"%c", "-"}, {"%c", `","`}, {"%c", `", "`}, {"%c", `', '`}, {"%c", ", "}, {"%c", "\n"}, {"%c", "."}, {"%c", "_"},
	{"%c", ","}, {"%c", ":"}, {"%c", "|"}, {"%c", "\u200b"}, {"%%u%04x", ""},
}

func list(format, sep string) func([]byte) []byte {
	return func(s []byte) (out []byte) {
		for i, c := range s {
			if i > 0 {
				out = append(out, sep...)
			}
			out = fmt.Appendf(out, format, c)
		}
		return out
	}
}

// numbersLike gives bytes that have as many decimal digits as those of s, and tell nothing else of them.
func numbersLike(s []byte) []byte {
	out := bytes.Repeat([]byte("x"), len(s)) // 120
	for i, c := range s {
		switch {
		case c < 10:
			out[i] = 0
		case c < 100:
			out[i] = 'X' // 88
		}
	}
	return out
}

// base64Text is without padding, which may be there or not.
func base64Text(s []byte) []byte { return base64.RawStdEncoding.AppendEncode(nil, s) }

func then(f, g func([]byte) []byte) func([]byte) []byte {
	return func(s []byte) []byte { return g(f(s)) }
}

// latin1 is UTF-8 that was read as Latin-1 and written as UTF-8 again.
func latin1(s []byte) (out []byte) {
	for _, c := range s {
		out = append(out, string(rune(c))...)
	}
	return out
}

func utf32As(order binary.AppendByteOrder) func([]byte) []byte {
	return func(s []byte) (out []byte) {
		for _, r := range string(s) {
			out = order.AppendUint32(out, uint32(r))
		}
		return out
	}
}

func rot13(s []byte) []byte {
	s = bytes.Clone(s)
	for i, c := range s {
		switch lower := c | 0x20; {
		case 'a' <= lower && lower <= 'm':
			s[i] = c + 13
		case 'n' <= lower && lower <= 'z':
			s[i] = c - 13
		}
	}
	return s
}

// swapped changes upper to lower case and back.
func swapped(s []byte) []byte {
	s = bytes.Clone(s)
	for i, c := range s {
		if lower := c | 0x20; 'a' <= lower && lower <= 'z' {
			s[i] = c ^ 0x20
		}
	}
	return s
}

// atbash turns the alphabet round.
func atbash(s []byte) []byte {
	s = bytes.Clone(s)
	for i, c := range s {
		switch {
		case 'a' <= c && c <= 'z':
			s[i] = 'a' + 'z' - c
		case 'A' <= c && c <= 'Z':
			s[i] = 'A' + 'Z' - c
		}
	}
	return s
}

// fullWidth has the characters of ASCII as wide as those of Chinese (Unicode's "Halfwidth and Fullwidth Forms").
func fullWidth(s []byte) (out []byte) {
	for _, r := range string(s) {
		if '!' <= r && r <= '~' {
			r += '\uff01' - '!'
		}
		out = append(out, string(r)...)
	}
	return out
}

// base58 writes s as one number, as Bitcoin does: it is found only where nothing else is in that number.
func base58(s []byte) (out []byte) {
	const digits, ten = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 58 * 58 * 58 * 58 * 58 * 58 * 58 * 58 * 58 * 58
	number, by, rest := new(big.Int).SetBytes(s), big.NewInt(ten), new(big.Int)
	for number.Sign() > 0 {
		number.QuoRem(number, by, rest)
		for n, left := 0, rest.Uint64(); n < 10 && (left > 0 || number.Sign() > 0); n++ {
			out, left = append(out, digits[left%58]), left/58
		}
	}
	slices.Reverse(out)
	return out
}
