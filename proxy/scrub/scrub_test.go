package scrub

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

const (
	secret = "ghp_aZ9xQ3vK7mT2wL5nR8cB1dF6gH4jS0pYuVeD"
	holder = "ghp_Qk2WmX8rTz5LbN1vCy7HsJ4dGf9PaE3RtU6o"
	// odd ones: what passwords, URLs and multi-line tools make
	secret2 = `p/w+"q&z=<é>%41\\end 9`
	holder2 = `A/b+"c&d=<é>%23\\pqr 7`
)

func pairs() []Pair {
	return []Pair{{Secret: []byte(secret), Placeholder: holder}, {Secret: []byte(secret2), Placeholder: holder2}}
}

// codec is a way in which a server may write a value, and a client read it.
type codec struct {
	name   string
	encode func(string) string
	decode func(string) string // nil if there is no way back
}

func each(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
}

func unJSON(s string) string {
	var out string
	if err := json.Unmarshal([]byte(`"`+s+`"`), &out); err != nil {
		return "not JSON: " + err.Error() + ": " + s
	}
	return out
}

func toJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

func unPercent(s string) string {
	out, err := url.PathUnescape(s)
	if err != nil {
		return err.Error()
	}
	return out
}

func unQuery(s string) string {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return err.Error()
	}
	return out
}

// listed writes bytes apart, with a separator around them too, as if there were more.
func listed(format, sep string) func(string) string {
	return func(s string) string { return string(list(format, sep)([]byte(s))) }
}

func un64(enc *base64.Encoding) func(string) string {
	return func(s string) string {
		b, err := enc.DecodeString(s)
		if err != nil {
			return err.Error() + ": " + s
		}
		return string(b)
	}
}

func after(f, g func(string) string) func(string) string {
	return func(s string) string { return g(f(s)) }
}

func wrap(n int, sep string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for ; len(s) > n; s = s[n:] {
			b.WriteString(s[:n] + sep)
		}
		return b.String() + s
	}
}

func without(cut ...string) func(string) string {
	return func(s string) string {
		for _, c := range cut {
			s = strings.ReplaceAll(s, c, "")
		}
		return s
	}
}

func toQP(s string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func unQP(s string) string {
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func to16(big bool) func(string) string {
	return func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return string(b)
	}
}

func backwards(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// some escapes the characters of s that pick chooses.
func some(pick func(i int) bool, escape func(c byte) string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			if pick(i) || strings.IndexByte(`%&"\<>=+/ `, s[i]) >= 0 || s[i] >= 0x80 {
				b.WriteString(escape(s[i]))
			} else {
				b.WriteByte(s[i])
			}
		}
		return b.String()
	}
}

func everyThird(i int) bool { return i%3 == 1 }

func hexByte(format string) func(byte) string {
	return func(c byte) string { return fmt.Sprintf(format, c) }
}

func codecs() []codec {
	std, raw, web := base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding
	list := []codec{
		{"raw", strings.Clone, strings.Clone},
		{"json", toJSON, unJSON},
		{"json slash", func(s string) string { return strings.ReplaceAll(toJSON(s), "/", `\/`) }, unJSON},
		{"json in json", after(toJSON, toJSON), after(unJSON, unJSON)},
		{"json in json in json", after(toJSON, after(toJSON, toJSON)), after(unJSON, after(unJSON, unJSON))},
		{"query", url.QueryEscape, unQuery},
		{"path", url.PathEscape, unPercent},
		{"percent lower", some(func(int) bool { return false }, hexByte("%%%02x")), unPercent},
		{"percent every", each("%%%02X"), unPercent},
		{"percent every lower", each("%%%02x"), unPercent},
		{"percent twice", after(url.PathEscape, url.PathEscape), after(unPercent, unPercent)},
		{"percent every twice", after(each("%%%02X"), each("%%%02X")), after(unPercent, unPercent)},
		{"percent some", some(everyThird, hexByte("%%%02x")), unPercent},
		{"x escapes", some(everyThird, hexByte(`\x%02x`)), nil},
		{"html", html.EscapeString, html.UnescapeString},
		{"CSV", func(s string) string { return strings.ReplaceAll(s, `"`, `""`) }, func(s string) string { return strings.ReplaceAll(s, `""`, `"`) }},
		{"html in json", after(html.EscapeString, toJSON), after(unJSON, html.UnescapeString)},
		{"hex", func(s string) string { return hex.EncodeToString([]byte(s)) }, func(s string) string { b, _ := hex.DecodeString(s); return string(b) }},
		{"hex upper", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }, func(s string) string { b, _ := hex.DecodeString(s); return string(b) }},
		{"base32", func(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) }, func(s string) string { b, _ := base32.StdEncoding.DecodeString(s); return string(b) }},
		{"utf16le", to16(false), nil},
		{"utf16be", to16(true), nil},
		{"reversed", backwards, backwards},
		{"upper", upperASCII, nil},
		{"lower", lowerASCII, nil},
		{"quoted-printable", toQP, unQP},
		{"quoted-printable every", each("=%02X"), unQP},
		{"base64", toBase(std), un64(std)},
		{"base64 raw", toBase(raw), un64(raw)},
		{"base64 url", toBase(web), un64(web)},
		{"base64 query", after(toBase(std), url.QueryEscape), nil},
		{"base64 slash", func(s string) string { return strings.ReplaceAll(toBase(std)(s), "/", `\/`) }, nil},
		{"base64 twice", after(toBase(std), toBase(std)), nil},
		{"UTF-8 read as Latin-1", func(s string) string { return string(latin1([]byte(s))) }, nil},
		{"UTF-8 read as Latin-1, in JSON", func(s string) string { return string(runesAs(`\u%04x`)(latin1([]byte(toJSON(s))))) }, nil},
		{"in a shell's word", func(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }, nil},
		{"in Python's word for a shell", func(s string) string { return strings.ReplaceAll(s, "'", `'"'"'`) }, nil},
		{"shell's word without quotes", some(func(int) bool { return false }, func(c byte) string {
			if c >= 0x80 {
				return string([]byte{c})
			}
			return `\` + string(rune(c))
		}), nil},
		{"ISO 8859-1", func(s string) string { return string(narrow([]byte(s))) }, nil},
		{"upper of a language", strings.ToUpper, nil},
		{"lower of a language", strings.ToLower, nil},
		{"base64 of ASCII's json", after(func(s string) string {
			return string(runesAs(`\u%04x`)([]byte(strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s))))
		}, toBase(std)), nil},
		{"base64 of json", after(toJSON, toBase(std)), nil},
		{"base64 of html", after(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace, toBase(std)), nil},
	}
	for _, n := range []int{60, 64, 76} {
		for _, sep := range []string{"\n", "\r\n", `\n`, `\r\n`, "%0A", "&#10;", "\n    ", "\r\n\t", `\n  `} {
			list = append(list, codec{fmt.Sprintf("base64 wrapped %d %q", n, sep), after(toBase(std), wrap(n, sep)), after(without(sep), un64(std))})
		}
	}
	return list
}

// asciiCodecs are for values without characters beyond ASCII.
func asciiCodecs() []codec {
	return append(codecs(),
		codec{"u every", each(`\u%04x`), unJSON},
		codec{"u every upper", each(`\u%04X`), unJSON},
		codec{"octal", some(everyThird, hexByte(`\%03o`)), nil},
		codec{"u some", some(everyThird, hexByte(`\u%04x`)), unJSON},
		codec{"u every in json", after(each(`\u%04x`), toJSON), after(unJSON, unJSON)},
		codec{"u every in json in json", after(each(`\u%04x`), after(toJSON, toJSON)), after(unJSON, after(unJSON, unJSON))},
		codec{"decimal every", each("&#%d;"), html.UnescapeString},
		codec{"decimal zeros", each("&#%06d;"), html.UnescapeString},
		codec{"decimal in go json", after(each("&#%d;"), toJSON), after(unJSON, html.UnescapeString)},
		codec{"hex entity every", each("&#x%x;"), html.UnescapeString},
		codec{"hex entity some", some(everyThird, hexByte("&#x%X;")), html.UnescapeString},
		codec{"decimal some", some(everyThird, hexByte("&#%d;")), html.UnescapeString},
		codec{"decimal one", some(func(i int) bool { return i == 7 }, hexByte("&#%d;")), html.UnescapeString},
		codec{"hex with colons", listed("%02x", ":"), nil},
		codec{"hex with spaces", listed("%02x", " "), nil},
		codec{"hex with hyphens, as .NET has it", listed("%02X", "-"), nil},
		codec{"hex with commas, upper", listed("%02X", ","), nil},
		codec{"bytes of Rust", listed("%02x", ", "), nil},
		codec{"array of C", listed("0x%02x", ", "), nil},
		codec{"array of C, upper", listed("0x%02X", ","), nil},
		codec{"Buffer in JSON", listed("%d", ","), nil},
		codec{"list of Python", listed("%d", ", "), nil},
		codec{"utf32", each("%c\x00\x00\x00"), nil},
		codec{"characters apart", listed("%c", " "), nil},
		codec{"list of characters", listed("%c", `", "`), nil},
		codec{"base64 of hex", after(listed("%02x", ""), toBase(base64.StdEncoding)), nil},
		codec{"base64 of upper hex", after(listed("%02X", ""), toBase(base64.StdEncoding)), nil},
		codec{"array of C, upper", listed("0x%02X", ", "), nil},
		codec{"list of Python's characters", listed("%c", "', '"), nil},
		codec{"characters with commas and spaces", listed("%c", ", "), nil},
		codec{"base64 of UTF-16, big", after(each("\x00%c"), toBase(base64.StdEncoding)), nil},
		codec{"base64 of reversed", after(backwards, toBase(base64.StdEncoding)), nil},
		codec{"upper hex with spaces", listed("%02X", " "), nil},
		codec{"hex with hyphens", listed("%02x", "-"), nil},
		codec{"bytes of C, close", listed("0x%02x", ","), nil},
		codec{"bytes with spaces", listed("%d", " "), nil},
		codec{"octal bytes", listed("%03o", " "), nil},
		codec{"bits", listed("%08b", ""), nil},
		codec{"bits with spaces", listed("%08b", " "), nil},
		codec{"a character a line", listed("%c", "\n"), nil},
		codec{"characters with dots", listed("%c", "."), nil},
		codec{"characters with zero width", listed("%c", "\u200b"), nil},
		codec{"escape of JavaScript", listed("%%u%04x", ""), nil},
		codec{"base64 of UTF-16", after(each("%c\x00"), toBase(base64.StdEncoding)), nil},
		codec{"hex of reversed", after(backwards, listed("%02x", "")), nil},
		codec{"atbash", func(s string) string { return string(atbash([]byte(s))) }, func(s string) string { return string(atbash([]byte(s))) }},
		codec{"full width", func(s string) string { return string(fullWidth([]byte(s))) }, nil},
		codec{"rot13", func(s string) string { return string(rot13([]byte(s))) }, func(s string) string { return string(rot13([]byte(s))) }},
		codec{"swapped case", func(s string) string { return string(swapped([]byte(s))) }, nil},
		codec{"header case", textproto.CanonicalMIMEHeaderKey, nil},
	)
}

// TestOtherBases: what is written so by itself, as other programs write it.
func TestOtherBases(t *testing.T) {
	for _, v := range [][2]string{{secret, holder}, {"sk-proj-0123456789", "sk-proj-QwertzuioP"}, {"12345678", "abcdefgh"}, {"zzzzzzzzz", "111111111"}} {
		s := New([]Pair{{Secret: []byte(v[0]), Placeholder: v[1]}})
		for name, text := range map[string]string{"base32hex": base32.HexEncoding.EncodeToString([]byte(v[0])), "base58": base58Of(v[0])} {
			for _, around := range []string{"", "\n", `"`} {
				got, hits := s.String(around + text + around)
				if hits != 1 || strings.Contains(got, text) || len(got) != len(around+text+around) || !s.SameLength() {
					t.Errorf("%s of %q: %q became %q", name, v[0], text, got)
				}
			}
		}
	}
}

func base58Of(s string) (text string) {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n, m := new(big.Int).SetBytes([]byte(s)), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, big.NewInt(58), m)
		text = digits[m.Int64():m.Int64()+1] + text
	}
	return text
}

func toBase(e *base64.Encoding) func(string) string {
	return func(s string) string { return e.EncodeToString([]byte(s)) }
}

func upperASCII(s string) string { return string(upper([]byte(s))) }
func lowerASCII(s string) string { return string(lower([]byte(s))) }

func TestEveryEncodingIsReplacedByThePlaceholder(t *testing.T) {
	s := New(pairs())
	if !s.SameLength() {
		t.Error("placeholders of the same shape, and yet a length changes")
	}
	for _, v := range []struct {
		secret, holder string
		codecs         []codec
		set            *Set
	}{{secret, holder, asciiCodecs(), s}, {secret2, holder2, codecs(), s}, {secret, holder, asciiCodecs(), New(pairs()[:1])}} {
		s := v.set
		for _, c := range v.codecs {
			for _, around := range []string{"", "x", "xy", "user:", `\`, "the quick brown fox jumps over the lazy dog; "} {
				plain := around + v.secret + around
				text := c.encode(plain)
				got, hits := s.String(text)
				if hits == 0 || strings.Contains(got, c.encode(v.secret)) {
					t.Errorf("%s: %q not found in %q", c.name, v.secret, text)
					continue
				}
				if len(got) != len(text) {
					t.Errorf("%s: length %d became %d: %q", c.name, len(text), len(got), got)
				}
				if c.decode == nil {
					continue
				}
				back := c.decode(got)
				if want := around + v.holder + around; !sameButEdges(back, want, len(around), len(v.holder)) {
					t.Errorf("%s:\nin   %q\nout  %q\nback %q\nwant %q", c.name, text, got, back, want)
				}
			}
		}
	}
}

// sameButEdges compares, but for the two characters that base64 and base32 may share with what is around.
func sameButEdges(got, want string, from, n int) bool {
	return len(got) == len(want) && got[:from] == want[:from] && got[from+1:from+n-1] == want[from+1:from+n-1] &&
		got[from+n:] == want[from+n:]
}

// streamed puts text through a Reader in chunks, and reads it with a buffer of a size.
func streamed(t *testing.T, s *Set, text string, chunks []int, size int) (string, int) {
	t.Helper()
	hits := 0
	r := s.Reader(&chunked{text: text, sizes: chunks}, func(n int) { hits += n })
	var out []byte
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		out = append(out, p[:n]...)
		if err == io.EOF {
			return string(out), hits
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// chunked gives text in pieces of the sizes, over and over.
type chunked struct {
	text  string
	sizes []int
	i     int
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := min(c.sizes[c.i%len(c.sizes)], len(c.text), len(p))
	copy(p, c.text[:n])
	c.text, c.i = c.text[n:], c.i+1
	return n, nil
}

// stride is 1: every point; a prime where time is short.
func stride() int {
	if testing.Short() {
		return 7
	}
	return 1
}

func TestEveryEncodingAtEverySplitPoint(t *testing.T) {
	s := New(pairs())
	for _, c := range asciiCodecs() {
		text := "data: " + c.encode("a user:"+secret+" z") + "\n\n"
		want, wantHits := s.String(text)
		for cut := 1; cut < len(text); cut += stride() {
			if got, hits := streamed(t, s, text, []int{cut, len(text)}, 4096); got != want || hits != wantHits {
				t.Fatalf("%s, split at %d: %d hits\ngot  %q\nwant %q", c.name, cut, hits, got, want)
			}
		}
	}
}

func TestEveryEncodingInEveryChunkSize(t *testing.T) {
	s := New(pairs())
	for _, c := range asciiCodecs() {
		text := "data: " + c.encode("a user:"+secret+" z") + "\n\n"
		want, _ := s.String(text)
		for size := 1; size <= len(text)/2+1; size += stride() { // larger ones cut once, as TestEveryEncodingAtEverySplitPoint does
			buf := 4096
			if size%2 == 0 {
				buf = size
			}
			if got, _ := streamed(t, s, text, []int{size}, buf); got != want {
				t.Fatalf("%s, chunks of %d\ngot  %q\nwant %q", c.name, size, got, want)
			}
		}
	}
}

func TestOtherLengths(t *testing.T) {
	for _, ph := range []string{"vault://github-token", strings.Repeat("long-", 20)} {
		s := New([]Pair{{Secret: []byte(secret), Placeholder: ph}, {Secret: []byte(secret2), Placeholder: ph}})
		if s.SameLength() {
			t.Errorf("%q is as long as the secret?", ph)
		}
		for _, c := range asciiCodecs() {
			if c.decode == nil {
				continue
			}
			text := c.encode("aa:" + secret + ":zz")
			got, hits := s.String(text)
			back := c.decode(got)
			if hits == 0 || !strings.Contains(back, ph[1:len(ph)-1]) || !strings.HasPrefix(back, "aa:") || !strings.HasSuffix(back, ":zz") {
				t.Errorf("%s: %d hits in %q\ngot  %q\nback %q", c.name, hits, text, got, back)
			}
		}
	}
}

// where the match shows what the text escapes, the placeholder's own characters are escaped so
func TestPlaceholdersAreEscapedAsTheSecretWas(t *testing.T) {
	const ph = `v"a&u<l>t%41+x`
	s := New([]Pair{{Secret: []byte(secret), Placeholder: ph}})
	for _, c := range asciiCodecs() {
		switch c.name {
		case "u some", "percent some", "hex entity some", "decimal some", "percent every", "u every in json":
			got, _ := s.String(c.encode("a" + secret + "z"))
			if back := c.decode(got); back != "a"+ph+"z" {
				t.Errorf("%s: %q is %q", c.name, got, back)
			}
		}
	}
}

func TestCleanBuffersAreReturnedAsTheyAre(t *testing.T) {
	p := []byte(`{"nothing":"to see here \u0041 %41 &amp; =3D"}` + "\n")
	out, hits := New(pairs()).Bytes(p)
	if hits != 0 || &out[0] != &p[0] {
		t.Error("a clean buffer was copied")
	}
	s := New(pairs())
	if n := testing.AllocsPerRun(100, func() { s.Bytes(p); s.String("some header value") }); n > 0 {
		t.Errorf("%v allocations for clean text", n)
	}
	dirty := []byte("x " + secret)
	if out, _ := s.Bytes(dirty); &out[0] == &dirty[0] || !bytes.Contains(dirty, []byte(secret)) {
		t.Error("the caller's buffer was written to")
	}
}

func TestNilAndEmptySets(t *testing.T) {
	var s *Set
	if out, n := s.String("x"); out != "x" || n != 0 || !s.SameLength() || s.Header(http.Header{"A": {"b"}}) != 0 {
		t.Error("a nil Set did something")
	}
	r := strings.NewReader("x")
	if s.Reader(r, nil) != io.Reader(r) || New([]Pair{{}}).Reader(r, nil) != io.Reader(r) {
		t.Error("an empty Set did something")
	}
}

func TestHeader(t *testing.T) {
	s := New(pairs())
	h := http.Header{
		"Set-Cookie": {"t=" + secret + "; Path=/", "clean=1"},
		"Location":   {"https://x/?t=" + url.QueryEscape(secret2)},
		textproto.CanonicalMIMEHeaderKey("X-" + secret): {"v"},
	}
	if n := s.Header(h); n != 3 {
		t.Errorf("%d hits", n)
	}
	want := http.Header{
		"Set-Cookie": {"t=" + holder + "; Path=/", "clean=1"},
		"Location":   {"https://x/?t=" + url.QueryEscape(holder2)},
		textproto.CanonicalMIMEHeaderKey("X-" + holder): {"v"},
	}
	if fmt.Sprint(h) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", h, want)
	}
}

func TestErrorsAndHeldTails(t *testing.T) {
	broken := fmt.Errorf("broken")
	for n := range len(secret) { // all but the last character would be as good as the secret
		whole, _ := New(pairs()).String(secret[:n]) // half of it and more is looked for too
		for end, want := range map[error]string{broken: "", io.ErrUnexpectedEOF: "", io.EOF: whole} {
			src := io.MultiReader(strings.NewReader("abc "+secret+" "+secret[:n]), iotest.ErrReader(end))
			out, err := io.ReadAll(New(pairs()).Reader(src, nil)) // a new one, which has seen no guess
			if end == io.EOF {
				end = nil
			}
			if err != end || string(out) != "abc "+holder+" "+want {
				t.Errorf("%d: %q, %v", n, out, err)
			}
		}
	}
}

// A value that becomes live is taken out of what is under way already.
func TestStreamsGoOnWithWhatIsNew(t *testing.T) {
	const fresh, standIn = "ghp_NewValue0123456789NewValue0123456789", "ghp_StandIn0123456789StandIn012345678901"
	both := append(pairs(), Pair{Secret: []byte(fresh), Placeholder: standIn})
	for name, wrap := range map[string]func(*Set, io.Reader) io.Reader{
		"text":     func(s *Set, r io.Reader) io.Reader { return s.Reader(r, nil) },
		"messages": func(s *Set, r io.Reader) io.Reader { return s.Messages(r, nil) },
		"frames":   func(s *Set, r io.Reader) io.Reader { return s.Frames(r, nil) },
	} {
		put := map[string]func(string) string{
			"text":     func(s string) string { return s },
			"messages": func(s string) string { return string([]byte{0, 0, 0, 0, byte(len(s))}) + s },
			"frames":   func(s string) string { return frame(0x82, s) },
		}[name]
		old := New(pairs())
		first, second := New(pairs()).After(old), New(both).After(old)
		pr, pw := io.Pipe()
		r := wrap(old, pr)
		go func() {
			io.WriteString(pw, put("a "+secret))
			old.Becomes(first)
			first.Becomes(second)
			io.WriteString(pw, put("b "+fresh+" "+secret))
			pw.Close()
		}()
		out, err := io.ReadAll(r)
		if err != nil || string(out) != put("a "+holder)+put("b "+standIn+" "+holder) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
		if got, _ := old.String(fresh); got != standIn { // a trailer, say
			t.Errorf("%s: what ends it became %q", name, got)
		}
	}
}

// Where the length of a text is told, a secret that becomes live with a placeholder of another one does not change it.
func TestToldLengthsStay(t *testing.T) {
	const fresh = `pass"word&1`
	old := New(pairs())
	pr, pw := io.Pipe()
	r := old.Reader(pr, nil)
	sent := []string{"a " + secret, ` b ` + fresh, ` c pass\"word\u00261 d pass&quot;word&amp;1 ` + secret}
	go func() {
		for i, text := range sent {
			if i == 1 {
				old.Becomes(New(append(pairs(), Pair{Secret: []byte(fresh), Placeholder: "placeholder_0123456789"})).After(old))
			}
			io.WriteString(pw, text)
		}
		pw.Close()
	}()
	out, err := io.ReadAll(r)
	if err != nil || len(out) != len(strings.Join(sent, "")) || strings.Contains(string(out), "word") {
		t.Errorf("%q, %v", out, err)
	}
}

// TestPrecedence: of two secrets one of which is in the other, the longer one is taken where it stands.
func TestPrecedence(t *testing.T) {
	s := New([]Pair{
		{Secret: []byte("short-secret-1"), Placeholder: "short-holder-1"},
		{Secret: []byte("short-secret-1-and-more"), Placeholder: "longer-holder-2-and-own"},
		{Secret: []byte("secret-1-and-more-still"), Placeholder: "ABCDEFGHIJKLMNOPQRSTUVW"},
	})
	for in, want := range map[string]string{
		"user:short-secret-1":           "user:short-holder-1",
		"short-secret-1":                "short-holder-1",
		"short-secret-1-and-more":       "longer-holder-2-and-own",
		"short-secret-1-and":            "short-holder-1-and",
		"short-secret-1-and-more-still": "longer-holder-2-and-ownRSTUVW",
	} {
		if got, _ := s.String(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
		for size := range len(in) {
			if got, _ := streamed(t, s, in, []int{size + 1}, 4096); got != want {
				t.Errorf("chunks of %d: %q became %q, not %q", size+1, in, got, want)
			}
		}
	}
}

// Mixtures that are found for the secret alone, without what is around it.
func TestMixturesOfTheSecretAlone(t *testing.T) {
	s := New(pairs())
	for name, text := range map[string]string{
		"base64 thrice":   after(toBase(base64.StdEncoding), after(toBase(base64.StdEncoding), toBase(base64.StdEncoding)))(secret),
		"base64 reversed": backwards(base64.StdEncoding.EncodeToString([]byte(secret))),
		"hex of base64":   hex.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(secret)))),
	} {
		if got, hits := s.String("key: " + text); hits != 1 || strings.Contains(got, text[8:]) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
