package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// jsonSource reads JSON that was found valid before, so that passing over a value is counting brackets.
type jsonSource struct {
	b     []byte
	i     int // the next value begins here, or behind white space
	depth int
	line  int // of byte seen
	seen  int
}

func newJSON(b []byte) (*jsonSource, error) {
	s := &jsonSource{b: b, line: 1}
	if !utf8.Valid(b) {
		return nil, &Error{1, "is not UTF-8", ""}
	}
	if !json.Valid(b) {
		return nil, s.invalid()
	}
	return s, nil
}

// invalid finds where the text stops to be JSON.
func (s *jsonSource) invalid() error {
	var nothing json.RawMessage
	err := json.Unmarshal(s.b, &nothing)
	at := 0
	if syntax, ok := err.(*json.SyntaxError); ok {
		at = int(syntax.Offset)
	}
	return s.errorAt(min(at, len(s.b)), "is not JSON: %v", err)
}

// lineAt is the line of a byte behind those that were asked for before.
func (s *jsonSource) lineAt(i int) int {
	if i > s.seen {
		s.line += bytes.Count(s.b[s.seen:i], []byte{'\n'})
		s.seen = i
	}
	return s.line
}

func (s *jsonSource) errorAt(i int, format string, a ...any) error {
	return &Error{s.lineAt(i), fmt.Sprintf(format, a...), ""}
}

// next gives the first byte of what comes, white space, commas and colons passed over.
func (s *jsonSource) next() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *jsonSource) object(each func(string, int) error) error {
	switch c := s.next(); {
	case c == 'n':
		return nil // null; the caller passes over it
	case c != '{':
		return s.errorAt(s.i, "an object must stand here")
	}
	keys := map[string]bool{}
	return s.within(func() error {
		line := s.lineAt(s.i)
		key, err := s.text()
		if err != nil {
			return err
		}
		if keys[key] {
			return &Error{line, fmt.Sprintf("%q stands here for the second time", key), ""}
		}
		keys[key] = true
		return s.value(func() error { return each(key, line) })
	})
}

func (s *jsonSource) list(each func(int) error) error {
	switch c := s.next(); {
	case c == 'n':
		return nil
	case c != '[':
		return s.errorAt(s.i, "a list must stand here")
	}
	return s.within(func() error {
		line := s.lineAt(s.i)
		return s.value(func() error { return each(line) })
	})
}

// within reads what stands between two brackets, member by member.
func (s *jsonSource) within(member func() error) error {
	if s.depth++; s.depth > maxDepth {
		return s.errorAt(s.i, "is nested too deeply")
	}
	s.i++
	for {
		if c := s.next(); c == '}' || c == ']' {
			s.i++
			s.depth--
			return nil
		}
		if err := member(); err != nil {
			return err
		}
	}
}

// value lets one value be taken, and passes over it where it was not.
func (s *jsonSource) value(take func() error) error {
	s.next()
	at := s.i
	if err := take(); err != nil {
		return err
	}
	if s.i == at {
		s.skip()
	}
	return nil
}

func (s *jsonSource) text() (string, error) {
	if s.next() != '"' {
		return "", s.errorAt(s.i, "a string must stand here")
	}
	from := s.i
	s.skip()
	var text string
	if err := json.Unmarshal(s.b[from:s.i], &text); err != nil {
		return "", s.errorAt(from, "%v", err)
	}
	return text, nil
}

// skip passes over one value.
func (s *jsonSource) skip() {
	depth := 0
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case '"':
			s.i += 1 + stringEnd(s.b[s.i+1:])
		case '{', '[':
			depth++
			s.i++
		case '}', ']':
			if depth == 0 {
				return // behind a number or a word
			}
			depth--
			s.i++
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return
			}
			s.i++
			continue
		default:
			s.i++
			continue
		}
		if depth == 0 {
			return
		}
	}
}

// stringEnd is the length of a string's rest, its quote included.
func stringEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
