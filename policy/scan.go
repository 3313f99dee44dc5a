package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// scanner walks TOML text for the places of keys. It takes a superset of TOML: what is not TOML is the library's to
// refuse. It stops at the first byte that it cannot read.
type scanner struct {
	text  string
	at    int
	lines []int // offsets of line feeds

	headers []tableHeader
}

// scanError is what stops a scanner, at a line.
type scanError struct {
	line    int
	message string
	final   bool // a bound of ours, past which the library must not be asked
}

func (e *scanError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

func newScanner(text string) *scanner {
	s := &scanner{text: strings.TrimPrefix(text, "\ufeff")}
	for i := range len(s.text) {
		if s.text[i] == '\n' {
			s.lines = append(s.lines, i)
		}
	}
	return s
}

// line is the number of the line that holds the offset.
func (s *scanner) line(offset int) int {
	n, _ := slices.BinarySearch(s.lines, offset)
	return n + 1
}

func (s *scanner) fail(format string, args ...any) *scanError {
	return &scanError{line: s.line(s.at), message: fmt.Sprintf(format, args...)}
}

// refuse is fail for what may be TOML and is refused all the same.
func (s *scanner) refuse(format string, args ...any) *scanError {
	err := s.fail(format, args...)
	err.final = true
	return err
}

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// has steps over the word if it is next.
func (s *scanner) has(word string) bool {
	if strings.HasPrefix(s.text[s.at:], word) {
		s.at += len(word)
		return true
	}
	return false
}

func (s *scanner) skip(set string) {
	for s.at < len(s.text) && strings.IndexByte(set, s.text[s.at]) >= 0 {
		s.at++
	}
}

// space steps over blanks, line ends and comments.
func (s *scanner) space() {
	for {
		s.skip(" \t\r\n")
		if s.peek() != '#' {
			return
		}
		end := strings.IndexByte(s.text[s.at:], '\n')
		if end < 0 {
			s.at = len(s.text)
			return
		}
		s.at += end
	}
}

// quoted steps over a string of any of the four kinds.
func (s *scanner) quoted() *scanError {
	quote := s.text[s.at : s.at+1]
	long := strings.Repeat(quote, 3)
	if s.has(long) {
		return s.multiline(long)
	}
	s.at++
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\n':
			return s.fail("a string ends with its line")
		case c == quote[0]:
			s.at++
			return nil
		case c == '\\' && quote == `"`:
			s.at++
		}
		s.at++
	}
	return s.unclosed()
}

// multiline steps over the rest of a string in three double or single quotes; up to two more quotes may stand before the
// closing three.
func (s *scanner) multiline(long string) *scanError {
	for s.at < len(s.text) {
		if s.text[s.at] == '\\' && long == `"""` {
			s.at += 2
			continue
		}
		if s.has(long) {
			for range 2 {
				s.has(long[:1])
			}
			return nil
		}
		s.at++
	}
	return s.unclosed()
}

func (s *scanner) unclosed() *scanError {
	s.at = len(s.text) // an escape may have stepped past the end
	return s.fail("a string is not closed")
}

// unescape decodes a quoted key.
func (s *scanner) unescape(text string) (string, *scanError) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		r, n, ok := escape(after)
		if !ok {
			return "", s.fail("a key holds an unknown escape")
		}
		b.WriteRune(r)
		text = after[n:]
	}
}

// escape reads what follows a backslash and gives the character and the length.
func escape(s string) (rune, int, bool) {
	if s == "" {
		return 0, 0, false
	}
	if i := strings.IndexByte(`btnfre"\`, s[0]); i >= 0 {
		return rune("\b\t\n\f\r\x1b\"\\"[i]), 1, true
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if digits == 0 || len(s) < 1+digits {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	return rune(n), 1 + digits, err == nil
}

func bare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
