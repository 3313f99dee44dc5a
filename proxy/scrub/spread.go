package scrub

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
)

// spread adds the letters of those spellings of a secret that are looked for where their characters stand apart: of most of those in
// forms.go and dumps.go, of each half, and of the spellings with so much punctuation that nothing else could find them.
func (b *builder) spread(secret, holder []byte) {
	if len(secret) < minForm {
		return
	}
	var all builder
	for _, f := range []func([]byte) []byte{bytes.Clone, reversed, rot13, rot47, atbash, then(base64Text, reversed), then(hexLower, reversed), then(hexLower, hexLower), base45, uuencoded} {
		all.add(f(secret), f(holder))
	}
	all.halves(secret, holder)
	if len(secret) <= maxApart/2 { // or there are too many letters in any
		all.numbers(secret, holder)
	}
	for _, base := range []int{2, 10, 36, 62} {
		all.add(asNumber(secret, base), asNumber(holder, base))
	}
	for _, alphabet := range base85s {
		all.add(base85(alphabet, secret), base85(alphabet, holder))
	}
	for lead := range 3 {
		all.aligned(base64.RawStdEncoding, 6, 3, lead, secret, holder)
	}
	for i, alphabet := range base32s {
		for lead := range 5 {
			if lead == 0 || i < 2 {
				all.aligned(base32.NewEncoding(alphabet).WithPadding(base32.NoPadding), 5, 5, lead, secret, holder)
			}
		}
	}
	for _, f := range all.forms {
		b.lettersOf(f, len(secret))
	}
	if opaque(secret) {
		b.pieces(bytes.ToLower(onlyLetters(secret)), onlyLetters(holder))
	}
}

// What is left of the lists of a secret's bytes and characters without all punctuation: of \u{41}, U+0041, \N{U+0041}, \U00000041, \x{41}, C#'s \x0041 and
// UTF-16 in hex among them.
var (
	ofBytes   = []string{"%02x", "x%02x", "0x%02x", "%02x00", "%03o", "%o", "o%o", "0o%o", "0%03o", "%08b", "0b%08b"}
	ofPoints  = []string{"u%x", "u%04x", "nu%04x", "U%08x", "x%x", "x%04x", "%04x"}
	ofNumbers = []string{"%d", "%03d", "chr%d", "char%d", "chrw%d"}
)

// numbers adds the lists of a secret's bytes and characters.
func (b *builder) numbers(secret, holder []byte) {
	for _, format := range ofBytes {
		f := list(format, "")
		b.add(f(secret), f(holder))
	}
	for _, format := range ofPoints {
		f := points(format)
		b.add(f(secret), f(holder))
	}
	like := numbersLike(secret)
	for _, format := range ofNumbers {
		b.add(list(format, "")(secret), list(format, "")(like))
		b.add(points(format)(secret), list(format, "")(like))
	}
	b.add(numbered("%d%c", secret), numbered("%d%c", holder))
	b.add(numbered("%d%d", secret), numbered("%d%d", like))
}

// lettersOf adds the letters of a form of a secret of size bytes: all, and those that are left where what looks like a tag or an escape in it is
// read as one.
func (b *builder) lettersOf(f form, size int) {
	read := (&reading{text: f.needle}).letters(nil, len(f.needle), len(f.needle), true)
	for _, needle := range [][]byte{bytes.ToLower(onlyLetters(f.needle)), read} {
		if len(needle) < minApart || len(needle) > maxApart {
			continue
		}
		repl := asLong(onlyLetters(f.repl), len(needle))
		public := 0
		for public < len(needle) && needle[public] == small[repl[public]] {
			public++
		}
		n := len(b.forms)
		if b.add(needle, repl); len(b.forms) > n {
			b.forms[n].deep = min(public+(apartChance*len(needle)+size-1)/size, len(needle))
		}
	}
}

// halves adds what is left of the middle, behind the public prefix, and what is right of it.
func (b *builder) halves(secret, holder []byte) {
	public, half := 0, len(secret)/2
	if len(holder) != len(secret) || !opaque(secret) {
		return
	}
	for public < half && secret[public] == holder[public] {
		public++
	}
	for _, part := range [][2]int{{public, half}, {len(secret) - half, len(secret)}} {
		if from, to := part[0], part[1]; len(onlyLetters(secret[from:to])) >= minHalf && bytes.ContainsAny(secret[from:to], digitsOfTen) {
			b.add(secret[from:to], holder[from:to])
		}
	}
}

const digitsOfTen = "0123456789"

// opaque says whether a secret is a token of which every part is secret, and not an address, a JWT, whose header others have too, or JSON in base64.
// Nor are parts without a digit taken for it: they may be words.
func opaque(secret []byte) bool {
	for _, c := range secret {
		if !alnum(c) && bytes.IndexByte([]byte("-_+="), c) < 0 {
			return false
		}
	}
	return !bytes.HasPrefix(secret, []byte("eyJ"))
}

// points has the number of each character in Unicode.
func points(format string) func([]byte) []byte {
	return func(s []byte) (out []byte) {
		for _, r := range string(s) {
			out = fmt.Appendf(out, format, r)
		}
		return out
	}
}

// excerpt is some letters of a secret, which begin at the letter at of it.
type excerpt struct {
	letters, like []byte // all of the secret, and of its placeholder
	at            int
}

// block is how many letters at a time it grows by: by fewer, who knows one could guess the next.
func (p *excerpt) block() int { return max(minHalf/2, len(p.letters)/minHalf) }

// pieces adds two blocks from the beginning of each on, behind the public prefix, and the last two.
func (b *builder) pieces(secret, holder []byte) {
	all := excerpt{letters: secret, like: asLong(holder, len(secret))}
	public, size := 0, 2*all.block()
	for public < len(secret) && secret[public] == small[all.like[public]] {
		public++
	}
	if len(secret) > maxApart {
		return
	}
	for at, last := public, len(secret)-size; at < last+size/2; at += size / 2 {
		p, n := all, len(b.forms)
		p.at = min(at, last)
		if p.at < public {
			return
		}
		if !bytes.ContainsAny(secret[p.at:p.at+size], digitsOfTen) {
			continue
		}
		if b.add(secret[p.at:p.at+size], p.like[p.at:p.at+size]); len(b.forms) > n {
			b.forms[n].deep, b.forms[n].excerpt = size, &p // nothing of it is held back
		}
	}
}

// numbered has the number of each character before it, as an object with the characters of a text has.
func numbered(format string, s []byte) (out []byte) {
	for i, c := range s {
		out = fmt.Appendf(out, format, i, c)
	}
	return out
}

func asNumber(s []byte, base int) []byte {
	return new(big.Int).SetBytes(s).Append(nil, base)
}

// rot47 is rot13 for all of ASCII that can be seen.
func rot47(s []byte) []byte {
	s = bytes.Clone(s)
	for i, c := range s {
		if '!' <= c && c <= '~' {
			s[i] = '!' + (c-'!'+47)%94
		}
	}
	return s
}

// base32s are those of RFC 4648 (sections 6 and 7), Crockford's and z-base-32.
var base32s = []string{
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV", "0123456789ABCDEFGHJKMNPQRSTVWXYZ", "ybndrfg8ejkmcpqxot1uwisza345h769",
}

// base85s are those of Adobe, of RFC 1924 (git and Python have it) and of ZeroMQ.
var base85s = []string{
	`!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "`abcdefghijklmnopqrstu",
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
}

// base85 writes the whole groups of four bytes.
func base85(alphabet string, s []byte) (out []byte) {
	for ; len(s) >= 4; s = s[4:] {
		group := make([]byte, 5)
		for i, n := 4, binary.BigEndian.Uint32(s); i >= 0; i, n = i-1, n/85 {
			group[i] = alphabet[n%85]
		}
		out = append(out, group...)
	}
	return out
}

// base45 is that of RFC 9285, of the whole pairs of bytes.
func base45(s []byte) (out []byte) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	for ; len(s) >= 2; s = s[2:] {
		n := int(s[0])<<8 | int(s[1])
		out = append(out, alphabet[n%45], alphabet[n/45%45], alphabet[n/45/45])
	}
	return out
}

// uuencoded has six bits in each character from the blank on; the length before each line is not among them.
func uuencoded(s []byte) []byte {
	s = base64Text(s)
	for i, c := range s {
		n := bytes.IndexByte([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), c)
		s[i] = ' ' + byte(n)
	}
	return s
}
