package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds on the shape of a policy, far above any real one: the TOML library recurses into values and takes quadratic
// time for long dotted keys, and hosts are compared with each other.
const (
	maxFile  = 2 << 20 // ten thousand rules
	maxDepth = 16
	maxList  = 1000
)

// place is where a value stands in the file: a tree of the same shape as the decoded TOML. The TOML library tells the
// line of a syntax error alone, so the keys are found a second time, here; agree holds the two readings together.
type place struct {
	line  int
	keys  map[string]*place // of a table
	items []*place          // of an array, and of an array of tables
}

// agree says where a decoded value and its places are not of the same shape: nil if they are, else the place to blame.
func (p *place) agree(v any) *place {
	switch v := v.(type) {
	case map[string]any:
		if len(v) != len(p.keys) || p.items != nil {
			return p
		}
		for k, e := range v {
			c := p.keys[k]
			if c == nil {
				return p
			}
			if wrong := c.agree(e); wrong != nil {
				return wrong
			}
		}
		return nil
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return p.agree(list)
	case []any:
		if len(v) != len(p.items) || p.keys != nil {
			return p
		}
		for i, e := range v {
			if wrong := p.items[i].agree(e); wrong != nil {
				return wrong
			}
		}
		return nil
	}
	if len(p.keys)+len(p.items) > 0 {
		return p
	}
	return nil
}

// child is the place of a key, made when it is new.
func (p *place) child(key string, line int) *place {
	if c := p.keys[key]; c != nil {
		return c
	}
	c := &place{line: line}
	if p.keys == nil {
		p.keys = map[string]*place{}
	}
	p.keys[key] = c
	return c
}

// table is p itself, or the latest element of an array of tables, which is what a header's further keys go into.
func (p *place) table() *place {
	if n := len(p.items); n > 0 {
		return p.items[n-1]
	}
	return p
}

// scanner walks TOML text for the places of keys. It takes a superset of TOML: what is not TOML is the library's to
// refuse. It stops at the first byte that it cannot read.
type scanner struct {
	text  string
	at    int
	lines []int // offsets of line feeds

	headers []tableHeader
}

// tableHeader is a line like [allow.open-prs].
type tableHeader struct {
	line int
	top  string // the first part of its name
}

// scanError is what stops a scanner, at a line.
type scanError struct {
	line    int
	message string
	final   bool // a bound of ours, past which the library must not be asked
}

func (e *scanError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// places finds the place of every key and array element.
func places(text string) (*place, *scanError) {
	s := newScanner(text)
	root := &place{line: 1}
	return root, s.document(root)
}

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

func (s *scanner) document(root *place) *scanError {
	current := root
	for {
		s.space()
		switch {
		case s.at == len(s.text):
			return nil
		case s.peek() == '[':
			t, err := s.header(root)
			if err != nil {
				return err
			}
			current = t
		default:
			if err := s.pair(current, 0); err != nil {
				return err
			}
		}
	}
}

// header reads [a.b] or [[a.b]] and gives the table that follows.
func (s *scanner) header(root *place) (*place, *scanError) {
	line := s.line(s.at)
	array := s.has("[[")
	if !array {
		s.has("[")
	}
	parts, err := s.key()
	if err != nil {
		return nil, err
	}
	s.headers = append(s.headers, tableHeader{line, parts[0]})
	t := root
	for _, part := range parts[:len(parts)-1] {
		t = t.child(part, line).table()
	}
	t = t.child(parts[len(parts)-1], line)
	if !array {
		t.line = line
		if !s.has("]") {
			return nil, s.fail("a table's name must end in ]")
		}
		return t, nil
	}
	if !s.has("]]") {
		return nil, s.fail("a table's name must end in ]]")
	}
	item := &place{line: line}
	t.items = append(t.items, item)
	return item, nil
}

// pair reads key = value into t.
func (s *scanner) pair(t *place, depth int) *scanError {
	line := s.line(s.at)
	parts, err := s.key()
	if err != nil {
		return err
	}
	for _, part := range parts {
		t = t.child(part, line)
	}
	if !s.has("=") {
		return s.fail("a key must be followed by =")
	}
	s.skip(" \t")
	return s.value(t, depth)
}

// key reads a dotted key, and the blanks around it.
func (s *scanner) key() ([]string, *scanError) {
	var parts []string
	for {
		s.skip(" \t")
		part, err := s.keyPart()
		if err != nil {
			return nil, err
		}
		if parts = append(parts, part); len(parts) > maxDepth {
			return nil, s.refuse("a key has more than %d parts", maxDepth)
		}
		s.skip(" \t")
		if !s.has(".") {
			return parts, nil
		}
	}
}

func (s *scanner) keyPart() (string, *scanError) {
	start := s.at
	switch s.peek() {
	case '"':
		if err := s.quoted(); err != nil {
			return "", err
		}
		return s.unescape(s.text[start+1 : s.at-1])
	case '\'':
		if err := s.quoted(); err != nil {
			return "", err
		}
		return s.text[start+1 : s.at-1], nil
	}
	for s.at < len(s.text) && bare(s.text[s.at]) {
		s.at++
	}
	if s.at == start {
		return "", s.fail("a key was expected")
	}
	return s.text[start:s.at], nil
}

func bare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// value reads a value whose place is p.
func (s *scanner) value(p *place, depth int) *scanError {
	if depth > maxDepth {
		return s.refuse("values are nested more than %d deep", maxDepth)
	}
	switch s.peek() {
	case '"', '\'':
		return s.quoted()
	case '[':
		s.at++
		return s.array(p, depth+1)
	case '{':
		s.at++
		return s.inline(p, depth+1)
	}
	start := s.at
	for s.at < len(s.text) && strings.IndexByte(",]}#\r\n", s.text[s.at]) < 0 {
		s.at++
	}
	if s.at == start {
		return s.fail("a value was expected")
	}
	return nil
}

func (s *scanner) array(p *place, depth int) *scanError {
	for {
		s.space()
		if s.has("]") {
			return nil
		}
		if s.peek() == '{' {
			// No key of a policy takes one, and the library loses elements of such lists (BurntSushi/toml 1.6.0:
			// a = [[0], {b = 1}, "x"] gives one element).
			return s.refuse("a list holds a table")
		}
		item := &place{line: s.line(s.at)}
		p.items = append(p.items, item)
		if err := s.value(item, depth); err != nil {
			return err
		}
		s.space()
		if !s.has(",") && s.peek() != ']' {
			return s.fail("a list's entries must be separated by commas")
		}
	}
}

func (s *scanner) inline(p *place, depth int) *scanError {
	for {
		s.space()
		if s.has("}") {
			return nil
		}
		if err := s.pair(p, depth); err != nil {
			return err
		}
		s.space()
		if !s.has(",") && s.peek() != '}' {
			return s.fail("an inline table's entries must be separated by commas")
		}
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
