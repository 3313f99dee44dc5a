package scrub

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// hurtful are texts, to be repeated, that are made to cause work: nothing but what begins escapes, escapes of escapes,
// those that fail at their last character, a needle but for its last character in every spelling, long runs, and spellings
// by turns.
func hurtful(needle string) map[string]string {
	spelt := func(format, s string) string { return each(format)(s) }
	again := func(s string) string { return strings.ReplaceAll(s, "%", "%25") }
	first, cut := needle[:1], needle[:len(needle)-1]
	texts := map[string]string{
		"needle": needle, "cut": cut, "first": first, "half": cut[:len(cut)/2] + spelt("%%%02x", cut[len(cut)/2:]), "last": cut[:len(cut)-1] + spelt("%%%02x", cut[len(cut)-1:]),
		"by turns": spelt("%%%02x", first) + needle[1:2] + spelt(`\u%04x`, needle[2:3]) + spelt("&#%d;", needle[3:4]),
		"twice":    again(spelt("%%%02x", cut)), "three times": again(again(spelt("%%%02x", cut))), "in JSON": strings.ReplaceAll(spelt(`\u%04x`, cut), `\`, `\\`),
		"wrapped": wrap(76, "\r\n")(strings.Repeat(first, 760)), "quoted": wrap(75, "=\r\n")(strings.Repeat(spelt("=%02X", cut), 20)),
		"long line": strings.Repeat("x", 1400) + cut,
	}
	for _, format := range []string{"%%%02x", `\u%04x`, `\x%02x`, `\%03o`, "&#%d;", "&#x0000%x;", "&#%d", "=%02X"} {
		texts["cut by "+format], texts["first by "+format] = spelt(format, cut), spelt(format, first)
	}
	for _, unit := range []string{
		`\`, "%", "&", "=", `\%&=`, "%25", "&amp;", "&amp;amp;", `\u005c`, "=3D", "%5c", "&#37;", "&#38", "&#0", "&a", "&UnderBa", "%%2", "%2525", "&#x5c;u005c",
		"&#x26;#x26;#x25;", `\\u`, `\\\\\\\u`, "=\n", "=\r", "\r\n", "=%0A", "=0D=0A", "&#x0000", `\u00%32`, "%&#3", strings.Repeat("A", 40) + "\r\n", strings.Repeat("A", 40) + "=\n",
	} {
		texts[unit] = unit
	}
	return texts
}

// counted gives the work that f does.
func counted(f func()) (n int) {
	testOnlyWork = func(more int) { n += more }
	defer func() { testOnlyWork = nil }()
	f()
	return n
}

// TestWorkIsLinear: the third thousand bytes are no more work than the second, whatever they are, in one buffer and as a
// stream; and it is some steps for each byte, with what secrets are like.
func TestWorkIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("millions of steps")
	}
	r := rand.New(rand.NewPCG(9, 9))
	tail := token(r, "", 40)
	var shared, numbered []form
	for i := range 100 {
		shared = append(shared, form{needle: []byte(token(r, "ghp_", 6) + tail), repl: []byte(token(r, "ghp_", 46))})
		numbered = append(numbered, form{needle: fmt.Appendf(nil, "%s%02d%s", tail, i, tail), repl: []byte(token(r, "", 82))})
	}
	run := func(n int, rest string) *Set {
		return newSet([]form{{needle: []byte(strings.Repeat("a", n) + rest), repl: []byte(token(r, "", n+len(rest)))}})
	}
	for name, c := range map[string]struct {
		set   *Set
		bound int // steps for each byte
	}{
		"3 secrets": {secrets(3), 20}, "a tail that 100 share": {newSet(shared), 25}, "100 that differ in two": {newSet(numbered), 25}, "with =": {padded(), 50},
		"a run":    {run(16, "b"), 60},
		"specials": {newSet([]form{{needle: []byte(`p4\ssw&rd=x%y1`), repl: []byte("0123456789abcd")}}), 90},
	} {
		t.Run(name, func(t *testing.T) {
			c.set.guesses.many.Store(c.set.apart != nil) // or it would become so on the way
			for text, unit := range hurtful(string(c.set.forms[0].needle)) {
				all := strings.Repeat(unit, 3000/len(unit)+1)
				for way, scrub := range map[string]func(string){
					"in one":    func(s string) { c.set.String(s) },
					"in pieces": func(s string) { io.Copy(io.Discard, struct{ io.Reader }{c.set.Reader(&pieces{s, 500}, nil)}) },
				} {
					var steps [4]int
					for k := 1; k < len(steps); k++ {
						steps[k] = counted(func() { scrub(all[:1000*k]) })
					}
					second, third := steps[2]-steps[1], steps[3]-steps[2]
					if third > 1000*c.bound || third > second+second/3+3000 {
						t.Errorf("%q %s: %d steps for 1000 bytes, %d more for the next, %d for those after it", text, way, steps[1], second, third)
					}
				}
			}
		})
	}
}

// pieces is a text that comes n bytes at a time.
type pieces struct {
	s string
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.s == "" {
		return 0, io.EOF
	}
	n := copy(b, p.s[:min(len(p.s), p.n)])
	p.s = p.s[n:]
	return n, nil
}

// TestACharacterIsShort: what a place reads as is told by the next maxToken bytes, so that each of the steps is bounded.
func TestACharacterIsShort(t *testing.T) {
	set := newSet([]form{{needle: []byte(`a\%&=`), repl: []byte("01234")}})
	r := rand.New(rand.NewPCG(1, 9))
	for range 30_000 {
		p := make([]byte, 3*maxToken)
		for i := range p {
			p[i] = `\\%%&&==##;;xu00255cCdD26&amp;3aA1`[r.IntN(34)]
		}
		p[0] = `\%&=`[r.IntN(4)]
		for _, v := range set.escapes.views {
			c, size, st := v.read(p)
			if near, n, s := v.read(p[:2*maxToken]); st != yes || size > maxToken || near != c || n != size || s != st {
				t.Fatalf("%q is %q of %d bytes, %d; without its end %q, %d, %d", p, c, size, st, near, n, s)
			}
		}
	}
}

// TestRunsHideNothing: what is skipped of a run of backslashes is what no form can begin or end in.
func TestRunsHideNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for _, secret := range []string{`abc\def`, `\\abcdef`, `abcdef\\`, `ab\\\cd\`, `\a\\b\\\`} {
		skips := newSet([]form{{needle: []byte(secret), repl: []byte(strings.Repeat("-", len(secret)))}})
		all := newSet(skips.forms)
		all.escapes.run = 1 << 20
		for range 100 {
			var text string
			for range 1 + r.IntN(4) {
				text += strings.Repeat(`\`, r.IntN(3)*r.IntN(60))
				for s, n := secret, r.IntN(4); ; n-- {
					if text += strings.Repeat(`\`, r.IntN(2)); n == 0 {
						text += s
						break
					}
					s = strings.ReplaceAll(s, `\`, []string{`\\`, `\u005c`, `\x5c`}[r.IntN(3)])
				}
			}
			want, n := all.String(text)
			if got, m := skips.String(text); got != want || m != n {
				t.Fatalf("%s in %s:\n%d, %s\nwithout skipping\n%d, %s", secret, text, m, got, n, want)
			}
		}
	}
}
