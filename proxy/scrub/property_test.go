package scrub

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// naive is what Bytes must do to text without escapes: of the matches at a place the longest, then on from its end;
// what overlaps an end gives the rest of its replacement, or all of it if that has another length.
func naive(forms []form, p []byte) (out []byte, hits int) {
	done := 0
	for i := range p {
		best := -1
		for j, f := range forms {
			if bytes.HasPrefix(p[i:], f.needle) && (best < 0 || len(f.needle) > len(forms[best].needle)) {
				best = j
			}
		}
		if best >= 0 && i+len(forms[best].needle) > done {
			f := forms[best]
			repl := f.repl
			if i < done && len(repl) == len(f.needle) {
				repl = repl[done-i:]
			}
			out, done, hits = append(out, repl...), i+len(f.needle), hits+1
		}
		if i >= done {
			out, done = append(out, p[i]), i+1
		}
	}
	return out, hits
}

func word(r *rand.Rand, letters string, most int) []byte {
	b := make([]byte, 1+r.IntN(most))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return b
}

func randomSet(r *rand.Rand, letters string) *Set {
	var b builder
	for range 1 + r.IntN(6) {
		needle := word(r, letters, 7)
		repl := bytes.ToUpper(needle)
		if r.IntN(3) == 0 {
			repl = word(r, "XYZ", 9)
		}
		b.add(needle, repl)
	}
	if len(b.forms) == 0 {
		b.add([]byte("ab"), []byte("XY"))
	}
	return newSet(b.forms)
}

func TestAgainstTheNaiveReference(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range rounds(10000) {
		s := randomSet(r, []string{"ab", "abc", "abcdefgh"}[r.IntN(3)])
		text := word(r, "abcx", 60)
		want, wantHits := naive(s.forms, text)
		if got, hits := s.Bytes(text); string(got) != string(want) || hits != wantHits {
			t.Fatalf("needles %v in %q\ngot  %q, %d\nwant %q, %d", s.forms, text, got, hits, want, wantHits)
		}
		sizes := []int{1 + r.IntN(5), 1 + r.IntN(5), 1 + r.IntN(30)}
		if got, hits := streamed(t, s, string(text), sizes, 1+r.IntN(600)); got != string(want) || hits != wantHits {
			t.Fatalf("needles %v in %q, chunks %v\ngot  %q, %d\nwant %q, %d", s.forms, text, sizes, got, hits, want, wantHits)
		}
	}
}

// rounds is n, or less where time is short.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// oddText is made to meet escapes whole, cut, stacked and nested, and line breaks after long and short lines.
func oddText(r *rand.Rand, n int) string {
	parts := []string{"a", "b", "%", "%61", "%62", "%25", "61", "62", `\`, `\\`, `\u0061`, `\x62`, `\141`, "&", "&#97;", "&#x62;", "&#98", "&amp;", "&plus;", "=", "=61",
		"=\r\n", "\n", "\r\n", "\r", `\n`, "#", ";", "u00", "+", strings.Repeat("a", 33), strings.Repeat("x", 40), "5c", `\u005c`, " "}
	var b strings.Builder
	for range n {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

func TestStreamsGiveWhatBuffersGive(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range rounds(10000) {
		s := randomSet(r, []string{"ab", "ab+", "ab%", "ab\\", "ab&", "ab=", "ab\\%"}[i%7])
		text := oddText(r, 1+r.IntN(14))
		want, wantHits := s.String(text)
		for range 3 {
			sizes := []int{1 + r.IntN(3), 1 + r.IntN(5), 1 + r.IntN(40)}
			if got, hits := streamed(t, s, text, sizes, 1+r.IntN(600)); got != want || hits != wantHits {
				t.Fatalf("needles %v in %q, chunks %v\ngot  %q, %d\nwant %q, %d", s.forms, text, sizes, got, hits, want, wantHits)
			}
		}
	}
}

// what stands as it is before the first escape of a match is none itself, whatever comes after the match
func TestReplacementsDoNotDependOnWhatFollows(t *testing.T) {
	s := New([]Pair{{Secret: []byte(`b--Y\2&2a`), Placeholder: "PPPPPPPPP"}})
	const tail = `&amp;61\141\aGVsbG%38%67d29ybGQg`
	for n := range tail {
		got, _ := s.String(`b--Y\2&2\u006\061` + tail[:n])
		if want := `PPPPPPPP\u005\060` + tail[:n]; got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
}

// what is held back must be the beginning of a form: with another byte after it, all of it comes out
func TestNothingIsHeldBackWithoutNeed(t *testing.T) {
	s := New(pairs())
	for _, text := range []string{
		"data: {\"a\":1}\n\n", "{}\n", "event: x\r\n\r\n", "\x00\x01\x02", "ok!", "100%\n", "a line of a log, and its last word\n", "</html>",
		strings.Repeat("z", 100) + "!\n", "ghp_aZ9x!", "%41%42%20!", `\u4e2d!`, "&amp;!", "a == b\n!", strings.Repeat("=", 3) + "\n\n",
	} {
		pr, pw := io.Pipe()
		out := s.Reader(pr, nil)
		go pw.Write([]byte(text))
		got := make([]byte, 0, len(text))
		for len(got) < len(text) { // deadlocks, and the test with it, if anything stays
			p := make([]byte, 4096)
			n, err := out.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p[:n]...)
		}
		if string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
		pw.Close()
	}
}

func TestOnlyTheBeginningOfAFormIsHeldBack(t *testing.T) {
	s := New(pairs())
	for _, c := range asciiCodecs() {
		text := c.encode(secret)
		for n := 1; n < len(text); n++ {
			pr, pw := io.Pipe()
			out := s.Reader(pr, nil)
			go pw.Write([]byte("!!!" + text[:n]))
			p := make([]byte, 4096)
			if got, _ := out.Read(p); got < 3 {
				t.Fatalf("%s: %d bytes at once", c.name, got)
			}
			pw.Close()
		}
	}
}

// endless gives a pattern over and over, n bytes in all.
type endless struct {
	pattern []byte
	n       int64
	at      int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), e.n)], e.pattern[e.at:])
	e.at, e.n = (e.at+n)%len(e.pattern), e.n-int64(n)
	return n, nil
}

func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("1 GiB takes a second or two")
	}
	s := New(pairs())
	pattern := []byte(strings.Repeat("some clean text, and more of it; ", 4000) + secret)
	r := s.Reader(&endless{pattern: pattern, n: 1 << 30}, nil)
	p := make([]byte, 64<<10)
	var read int64
	allocs := testing.AllocsPerRun(1, func() {
		for {
			n, err := r.Read(p)
			read += int64(n)
			if err != nil {
				return
			}
		}
	})
	if read != 1<<30 || allocs > 100 {
		t.Errorf("%d bytes, %v allocations", read, allocs)
	}
	if got := r.(*reader); cap(got.held)+cap(got.store)+cap(got.own) > 1<<20 {
		t.Errorf("%d, %d and %d bytes are kept", cap(got.held), cap(got.store), cap(got.own))
	}
}

// a secret that overlaps itself, over and over, must not be held back for ever
func TestEndlessOverlapsAreNotKept(t *testing.T) {
	s := New([]Pair{{Secret: []byte("abcabcabcabc"), Placeholder: "xyzxyzxyzxyz"}})
	r := s.Reader(&endless{pattern: []byte("abc"), n: 3 << 20}, nil)
	out, err := io.ReadAll(r)
	if err != nil || len(out) != 3<<20 || bytes.Contains(out, []byte("abc")) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if n := cap(r.(*reader).held); n > 1<<12 {
		t.Errorf("%d bytes are kept", n)
	}
}

// bothWays are a Set that finds the same in a text in chunks as in the whole, and one that also looks for letters that stand apart: of those,
// what has gone out before they were known stays.
func bothWays(p []Pair) map[bool]*Set {
	exact := New(p)
	exact.apart = nil
	return map[bool]*Set{true: exact, false: New(p)}
}

// alike says whether two texts are the same but for letters and digits, as far as both go.
func alike(a, b []byte) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && !(alnum(a[i]) && alnum(b[i])) {
			return false
		}
	}
	return true
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("x "+secret), uint8(3), uint8(9))
	f.Add([]byte(toJSON(secret2)), uint8(1), uint8(1))
	sets := bothWays(pairs())
	f.Fuzz(func(t *testing.T, text []byte, chunk, size uint8) {
		for exact, s := range sets {
			want, wantHits := s.Bytes(text)
			got, hits := streamed(t, s, string(text), []int{int(chunk) + 1}, int(size)*4+1)
			if exact && (got != string(want) || hits != wantHits) || !alike([]byte(got), want) {
				t.Errorf("%q in chunks of %d: %q, %d; whole: %q, %d", text, chunk, got, hits, want, wantHits)
			}
			for _, out := range []string{got, string(want)} {
				if strings.Contains(out, secret) || strings.Contains(out, secret2) {
					t.Errorf("%q became %q", text, out)
				}
				if len(out) != len(text) {
					t.Errorf("%q became %q: another length", text, out)
				}
			}
		}
	})
}

func TestAGlanceAgreesWithAReading(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	v := viewsFor([]byte("plain"))[0]
	told := 0
	for range rounds(100000) {
		p := []byte(oddText(r, 12))
		if len(p) < quickRoom || !odd[p[0]] {
			continue
		}
		c, size := v.quick(p, true)
		if size == 0 {
			continue
		}
		told++
		if want, wantSize, st := v.char(p, len(v)); st != yes || c != want || size != wantSize {
			t.Fatalf("%q: %q in %d at a glance, %q in %d (%v) read", p, c, size, want, wantSize, st)
		}
	}
	if told == 0 {
		t.Error("nothing is ever told at a glance")
	}
}
