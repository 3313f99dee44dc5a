package scrub

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

// held says how many bytes of text a stream holds back while nothing more comes.
func held(t *testing.T, s *Set, text string) int {
	t.Helper()
	pr, pw := io.Pipe()
	defer pw.Close()
	out := s.Reader(pr, nil)
	go pw.Write([]byte("!" + text))
	p := make([]byte, len(text)+1024)
	n, err := out.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	return len(text) + 1 - n
}

// A child that can have a stream sent to it, and see how much of it comes at once, must not find out a secret by its beginnings.
func TestGuessesTellNothing(t *testing.T) {
	line := strings.Repeat("x", minLine)
	for name, spelt := range map[string]func(string) string{
		"as it is":        func(s string) string { return s },
		"lower":           strings.ToLower,
		"hex":             each("%02x"),
		"UTF-16":          each("%c\x00"),
		"percent":         func(s string) string { return each("%%%02x")(s) + "%" },
		"escaped":         func(s string) string { return each(`\u%04x`)(s) + `\` },
		"last escaped":    func(s string) string { return s[:len(s)-1] + each("%%%02x%%")(s[len(s)-1:]) },
		"at a line's end": func(s string) string { return line + s + "\n" },
		"soft break":      func(s string) string { return line + s[:5] + "=\r\n" + s[5:] },
	} {
		t.Run(name, func(t *testing.T) {
			s := New([]Pair{{Secret: []byte(secret), Placeholder: holder}})
			found := len("ghp_")
			for ; found < len(secret); found++ {
				alike := 0
				for _, c := range []byte(alphabet) {
					if c != secret[found] && held(t, s, spelt(secret[:found]+string(c))) == held(t, s, spelt(secret[:found+1])) {
						alike++
					}
				}
				if alike > len(alphabet)/2 {
					break // the right one is one of many
				}
			}
			if n := found - len("ghp_"); n == 0 || n > 6 { // chance explains four, and two more guesses come true
				t.Errorf("%d characters are found out", n)
			}
		})
	}
}

// A service that echoes a secret in pieces, however often, is no guess, and streams stay as prompt as they were.
func TestPiecesAreNoGuesses(t *testing.T) {
	s := New([]Pair{{Secret: []byte(secret), Placeholder: holder}})
	for _, text := range []string{secret, base64.StdEncoding.EncodeToString([]byte("xy" + secret)), each("%%%02x")(secret)} {
		for size := 1; size < len(text); size++ {
			var pieces []io.Reader
			for rest := []byte("key: " + text + "."); len(rest) > 0; {
				n := min(size, len(rest))
				pieces, rest = append(pieces, bytes.NewReader(rest[:n])), rest[n:]
			}
			got, err := io.ReadAll(s.Reader(io.MultiReader(pieces...), nil))
			if err != nil || bytes.Contains(got, []byte(text)) {
				t.Fatalf("%q, %v", got, err)
			}
		}
	}
	if s.guesses.many.Load() || s.guesses.open.Load() != 0 {
		t.Errorf("%d guesses are counted", s.guesses.open.Load())
	}
	if n := held(t, s, "two words"); n == len("words") {
		t.Errorf("%d bytes of a word are held back", n)
	}
}

// Wary streams still give what ends at a word's end, and everything in the end; a new set stays wary.
func TestWaryStreams(t *testing.T) {
	s := New([]Pair{{Secret: []byte(secret), Placeholder: holder}})
	s.guesses.many.Store(true)
	s = New([]Pair{{Secret: []byte(secret + "x"), Placeholder: holder}}).After(s)
	for text, want := range map[string]int{
		"data: {\"a\": \"ghp_\"}\n\n": 0, "{words}": 0, "{}\n": 0, // no form has a }
		"{two words":                   len("two words"),
		strings.Repeat("z", 3*maxWord): maxWord,
		strings.Repeat("z", 76) + "\r\n" + strings.Repeat("z", 76) + "\n": 76 + 2 + 76 + 1,
	} {
		if n := held(t, s, text); n != want {
			t.Errorf("%.40q: %d bytes are held back, not %d", text, n, want)
		}
		got, err := io.ReadAll(s.Reader(strings.NewReader(text), nil))
		if err != nil || string(got) != text {
			t.Errorf("%.40q became %.40q, %v", text, got, err)
		}
	}
}
