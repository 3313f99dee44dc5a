package scrub

import (
	"encoding/ascii85"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func indented(s string) string {
	list, _ := json.MarshalIndent(strings.Split(s, ""), "", "\t")
	return string(list)
}

func everyOther(s string) string {
	b := []byte(strings.ToLower(s))
	for i := 0; i < len(b); i += 2 {
		b[i] = strings.ToUpper(s)[i]
	}
	return string(b)
}

// spreadOut is what leaves the characters of a secret in their order and no form of it in the text.
var spreadOut = map[string]func(string) string{
	"tabs": wrap(1, "\t"), "CR LF": wrap(1, "\r\n"), "slashes": wrap(1, "/"), "two blanks": wrap(1, "  "), "NUL": wrap(1, "\x00"), "soft hyphen": wrap(1, "\u00ad"),
	"joiner": wrap(1, "\u200d"), "no-break": wrap(3, "\u00a0"), "reference": wrap(1, "&nbsp;"), "numeric": wrap(2, "&#8203;"), "in JSON": wrap(1, `\n`), "in JSON, hex": wrap(4, `\u200b`),
	"tags": wrap(1, "<wbr>"), "spans": wrap(1, "</span><span class='k'>"), "CDATA": wrap(9, "]]><![CDATA["), "comment": wrap(13, "<!-- -->"), "colour": wrap(5, "\x1b[0;31m"),
	"fours": wrap(4, " "), "fives": wrap(5, "-"), "short lines": wrap(10, "\n    "), "JavaScript": wrap(10, "\" +\n  \""), "events with names": wrap(7, "\n\nid: 7\nevent: delta\n: x\ndata: "), "events": wrap(7, "\n\ndata: "), "list": indented, "quoted mail": wrap(20, "\n> "),
	"any case": everyOther, "objects": func(s string) string { return string(numbered(`"%d":"%c",`, []byte(s))) }, "codes": func(s string) string { return string(numbered(`"%d": %d, `, []byte(s))) },
	`\u{}`: each(`\u{%x}`), `\U`: each(`\U%08x`), "code points": each("U+%04X "), "Chr": each("Chr(%d) & "), "decimal lines": each("%d\n"), "octal": each("0o%o, "), "hex lines": each("%02x\r\n"),
	"hex words": func(s string) string { return wrap(4, " ")(hex.EncodeToString([]byte(s))) }, "base32 in fours": func(s string) string { return wrap(4, " ")(base32.StdEncoding.EncodeToString([]byte(s))) },
	"base64 in short lines": func(s string) string { return wrap(20, "\n")(toBase(base64.StdEncoding)("x" + s)) }, "base64 in blanks": func(s string) string { return wrap(8, " ")(toBase(base64.StdEncoding)("xy" + s)) },
	"base85": func(s string) string {
		out := make([]byte, ascii85.MaxEncodedLen(len(s)))
		return string(out[:ascii85.Encode(out, []byte(s))])
	},
	"uuencoded": func(s string) string { return string(uuencoded([]byte(s))) }, "base45": func(s string) string { return string(base45([]byte(s))) },
	"UTF-16, apart": func(s string) string { return wrap(1, "\x00 \x00")(s) }, "half and half": func(s string) string { return `{"a":"` + s[:len(s)/2] + `","then":"` + s[len(s)/2:] + `"}` },
}

// TestCharactersApart: what stands between the characters of a secret stays, and they do not.
func TestCharactersApart(t *testing.T) {
	s := New(pairs())
	for name, spread := range spreadOut {
		text := "innocent: " + spread(secret) + " text"
		got, hits := s.String(text)
		always := shared("innocent: "+spread(holder)+" text", text)
		if hits == 0 || len(got) != len(text) || strings.Contains(got, spread(secret)) || shared(got, text) > always+len(text)/8 {
			t.Errorf("%s: %q became %q", name, text, got)
		}
		for way, pieces := range map[string]func(io.Reader) io.Reader{"bytes": iotest.OneByteReader, "halves": iotest.HalfReader} {
			s := New(pairs()) // which has seen no guess
			got, err := io.ReadAll(s.Reader(pieces(strings.NewReader(text)), nil))
			if err != nil || len(got) != len(text) || shared(string(got), text) > always+len(text)/3 {
				t.Errorf("%s in %s: %q became %q, %v", name, way, text, got, err)
			}
		}
	}
}

// shared is how many letters and digits of text got has at their places.
func shared(got, text string) (n int) {
	for i := range min(len(got), len(text)) {
		if got[i] == text[i] && alnum(text[i]) {
			n++
		}
	}
	return n
}

// TestPieces: of a piece of a secret that is long enough no more stays than could be guessed.
func TestPieces(t *testing.T) {
	s := New(pairs()[:1])
	for from := range secret {
		for to := from + 3*minHalf/2 + 1; to <= len(secret); to++ {
			text := "part: " + secret[from:to] + "."
			got, hits := s.String(text)
			if stays := shared(got, text) - len("part") - shared(holder[from:to], secret[from:to]); hits == 0 || len(got) != len(text) || stays > minHalf-2 {
				t.Errorf("%q became %q", text, got)
			}
		}
	}
}

// Of what is no token some parts are everybody's: the words of a passphrase, the beginning of an address, a JWT's header.
func TestPiecesOfWhatIsNoToken(t *testing.T) {
	jwt := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"example","role":"`))
	for live, text := range map[string]string{
		"production-database-password-number-1":                        "The production database is up.",
		"https://hooks.example.com/services/T012345678/B0123/q8Zk3vQ9": "See https://hooks.example.com/services/T012345678 for more.",
		jwt + "q8Zk3vQ9xT1bR7mN5cL8dW2fH6jP4sY0.aUeG1iQ8Zk3vQ9xT1b":    `{"token":"` + jwt + `W2fH6jP4sY0"}`,
	} {
		s := New([]Pair{{Secret: []byte(live), Placeholder: strings.Repeat("X", len(live))}})
		if got, hits := s.String(text); hits != 0 {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestWhatIsNotApart(t *testing.T) {
	s := New(pairs())
	for name, text := range map[string]string{
		"too far apart":                 wrap(1, strings.Repeat(" ", maxGap+1))(secret),
		"with other letters":            wrap(4, "z")(secret),
		"a piece":                       secret[:19],
		"the placeholder":               wrap(4, " ")(holder),
		"behind what is looked through": strings.Repeat("-", lookApart) + wrap(4, " ")(secret),
	} {
		if got, hits := s.String(text); hits != 0 || got != text {
			t.Errorf("%s: %d hits", name, hits)
		}
	}
	for _, text := range []string{"data: {\"a\":\"g\"}\n\n", "g h p _ a Z 9 x Q\n\n", strings.Repeat("g ", 100) + "."} {
		if n := held(t, s, text); n > 1 {
			t.Errorf("%d bytes of %q are held back", n, text)
		}
	}
}

// Whatever comes between and in whatever pieces, a text with nothing else than letters replaced is as long as it was.
func TestApartKeepsLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	s := New(pairs()[:1])
	between := []string{"", " ", "\n", "<b>", "<", "&", "&amp;", "&#", "&#x20;", `\`, `\u`, `\u00`, `\u2028`, "%", "%2", "%20", "\x1b[", "\n\ndata:", "é", `","`, "="}
	spelt := []string{"%c", "%c", "%c", `\u%04x`, "&#%d;", "%%%02x", `\x%02x`}
	for range rounds(3000) {
		var text strings.Builder
		for _, c := range []byte(secret) {
			fmt.Fprintf(&text, spelt[r.IntN(len(spelt))], c)
			text.WriteString(between[r.IntN(len(between))])
		}
		want, _ := s.String(text.String())
		got, _ := streamed(t, s, text.String(), []int{1 + r.IntN(9), 1 + r.IntN(50)}, 1+r.IntN(600))
		if len(want) != text.Len() || len(got) != text.Len() {
			t.Fatalf("%q\nbecame %q\nand    %q", text.String(), want, got)
		}
	}
}

// What is spread over a broken answer is not given away but for its beginning.
func TestBrokenWhileApart(t *testing.T) {
	for n := range len(secret) {
		text := wrap(1, "~")(secret[:n])
		got, err := io.ReadAll(New(pairs()).Reader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF)), nil))
		if given := strings.ReplaceAll(string(got), "~", ""); err != io.ErrUnexpectedEOF || len(given) > len("ghp_")+apartChance {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// Who knows so much of a secret that the rest of it could be guessed by what is held back finds out two more characters.
func TestGuessesApart(t *testing.T) {
	s := New(pairs())
	n := len("ghp_") + apartChance
	for ; n < len(secret) && held(t, s, wrap(1, "~")(secret[:n])+"~") > 1; n++ {
	}
	if known := n - len("ghp_") - apartChance; known == 0 || known > 2 {
		t.Errorf("%d characters are found out", known)
	}
}

// TestSkip: where a letter is, is where it is found, also behind gaps at any place.
func TestSkip(t *testing.T) {
	for before := range 70 {
		text := []byte(strings.Repeat("a", before) + strings.Repeat(" ", maxGap+1) + strings.Repeat("b", 70))
		all := (&reading{text: text}).letters(nil, len(text), len(text), true)
		for i, c := range all {
			r := reading{text: text}
			if r.skip(i + 1); c != 0 && (text[r.at] != c || c == 'b' && len(text)-r.at != len(all)-i) {
				t.Fatalf("%d letters before a gap: letter %d, %q, is found at %d", before, i, c, r.at)
			}
		}
	}
}
