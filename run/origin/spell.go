package origin

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
)

// Spelling is one way in which a service may write a secret. It is made apart from the scrubber on purpose, which has to
// find it.
type Spelling struct {
	Name  string
	Whole string // as it is written
	Sure  string // the part of Whole that no neighbour of the secret shares in: what to look for
}

// Spellings are the secret as it stands and in every encoding that services use.
func Spellings(secret string) []Spelling {
	var all []Spelling
	add := func(name, text string) { all = append(all, Spelling{name, text, text}) }
	b := []byte(secret)
	add("as it is", secret)
	add("upper case", strings.ToUpper(secret))
	add("lower case", strings.ToLower(secret))
	add("reversed", reversed(secret))
	add("hex", hex.EncodeToString(b))
	add("upper hex", strings.ToUpper(hex.EncodeToString(b)))
	add("query escaped", url.QueryEscape(secret))
	for name, format := range map[string]string{"percent": "%%%02X", "JSON": `\u%04x`, "HTML": "&#x%x;", "octal": `\%03o`, "quoted-printable": "=%02X"} {
		add(name, each(b, format))
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(secret)) {
		wide = append(wide, byte(u>>8), byte(u))
	}
	add("UTF-16", string(wide))
	add("base32", strings.TrimRight(base32.StdEncoding.EncodeToString(b), "="))
	all[len(all)-1].Sure = base32.StdEncoding.EncodeToString(b)[:len(b)*8/5]
	twice := base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(b)))
	all = append(all, Spelling{"base64 of base64", twice, twice[:len(b)*16/9-4]})
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.RawURLEncoding} {
		for before := range 3 {
			text := encoding.EncodeToString(append([]byte("x:y"[:before]), b...))
			all = append(all, Spelling{fmt.Sprintf("%s after %d bytes", name, before), text, text[(before*8+5)/6 : (before+len(b))*8/6]})
		}
	}
	return all
}

func each(b []byte, format string) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, format, c)
	}
	return s.String()
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// Spelt names the spellings in which a secret stands in a text.
func Spelt(text string, spellings []Spelling) (names []string) {
	for _, s := range spellings {
		if strings.Contains(text, s.Sure) {
			names = append(names, s.Name)
		}
	}
	return names
}
