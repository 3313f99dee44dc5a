package action

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

// asciiByTables is asciiName's promise for names of any form, kept by x/net/idna in both directions.
func asciiByTables(s string) (string, error) {
	name := strings.ToLower(s)
	if !isASCII(s) {
		var err error
		if name, err = idna.Lookup.ToASCII(s); err != nil {
			return "", err
		}
	}
	if !strings.HasPrefix(name, "xn--") && !strings.Contains(name, ".xn--") {
		return name, nil
	}
	uni, err := idna.Lookup.ToUnicode(name)
	if err != nil {
		return "", err
	}
	if back, err := idna.Lookup.ToASCII(uni); err != nil || back != name {
		return "", errors.New("not canonical")
	}
	return name, nil
}

// sameAsTables holds asciiName to asciiByTables, and gives the answer.
func sameAsTables(t *testing.T, s string) (string, error) {
	t.Helper()
	got, err := asciiName(s)
	if err == nil {
		if want, err := asciiByTables(s); err != nil || got != want {
			t.Errorf("%q is %q; by x/net/idna %q, %v", s, got, want, err)
		}
		return got, nil
	}
	want, wrong := asciiByTables(s)
	refused := wrong != nil || endsInNumber(want) || len(want) > 253
	for label := range strings.SplitSeq(want, ".") {
		refused = refused || checkLabel(label) != nil
	}
	if !refused {
		t.Errorf("%q: %v; by x/net/idna %q", s, err, want)
	}
	return "", err
}

func TestInternationalNames(t *testing.T) {
	for in, want := range map[string]string{
		"bücher.example": "xn--bcher-kva.example", "BÜCHER.Example": "xn--bcher-kva.example", "straße.example": "xn--strae-oqa.example",
		"ａｐｉ.github.com": "api.github.com", "api。github．com": "api.github.com", "git\u00adhub.com": "github.com", "ﬁle.example": "file.example",
		"пример.испытание": "xn--e1afmkfd.xn--80akhbyknj4f", "例え.テスト": "xn--r8jz45g.xn--zckzah", "한국.kr": "xn--3e0b707e.kr",
		"שלום.example": "xn--9dbne9b.example", "u\u0308.example": "xn--tda.example", "xn--tda.example": "xn--tda.example", "😀.example": "xn--e28h.example",
		"xn--bcher-kva.bücher.example": "xn--bcher-kva.xn--bcher-kva.example", "XN--TDA.example": "xn--tda.example",
	} {
		if got, err := sameAsTables(t, in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"xn--", "xn--.example", "xn--a", "xn--abc-", "xn---", "xn--tda-", "xn--zzzzzzzz", "xn--99999999", "xn--api-.github.com",
		"xn--" + strings.Repeat("9", 59), "xn--bcher-kvaa", "xn--BCHER-KVA1.example", "xn--1ch", "xn--ls8h=", "xn--ls8h_", "xn--a-0zb",
		"xn--strasse-", "xn--0ca", "xn--u-ccb.example" /* u and a combining diaeresis */, "xn--n1a" /* upper case */, "xn--1ug",
		"a\u200db", "\u202eabc", "a\xffb", "\xff", "xn--\u00fc", "éxn--a", "a⁄b", "a：443", "a／b", "１２７.０.０.１", "bücher..example", "-ü", "ü-.x", "①.example.1",
		strings.Repeat("ü", 80), strings.Repeat("ü.", 130) + "x", "אa1", "1א.example",
	} {
		sameAsTables(t, in)
	}
	for _, in := range []string{"xn--api-.github.com", "xn--u-ccb.example", "xn--99999999", "a\xffb", "\u202eabc", "a：443", "xn--abc-"} {
		if got, err := asciiName(in); err == nil {
			t.Errorf("%q is %q", in, got)
		}
	}
}

func FuzzInternationalNames(f *testing.F) {
	for _, s := range []string{"bücher.example", "xn--tda.xn--bcher-kva", "例え。テスト", "xn--99999999", "ﬁ\u00ad.x", "אa1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if host, _, _, err := splitAuthority(s); err == nil && !strings.HasPrefix(s, "[") {
			sameAsTables(t, host)
		}
		sameAsTables(t, "xn--"+strings.Trim(strings.ToLower(s), "."))
	})
}

func BenchmarkInternationalName(b *testing.B) {
	for b.Loop() {
		asciiName("xn--bcher-kva.example")
	}
}
