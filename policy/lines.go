package policy

import "strings"

// Bounds on the shape of a policy, far above any real one: the TOML library recurses into values and takes quadratic
// time for long dotted keys, and hosts are compared with each other.
const (
	maxFile  = 2 << 20 // ten thousand rules
	maxDepth = 16
	maxList  = 1000
)

// tableHeader is a line like [allow.open-prs].
type tableHeader struct {
	line int
	top  string // the first part of its name
}

// places finds the place of every key and array element.
func places(text string) (*place, *scanError) {
	s := newScanner(text)
	root := &place{line: 1}
	return root, s.document(root)
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
