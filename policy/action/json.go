package action

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds nesting: the reader recurses.
const maxDepth = 100

// strictJSON reads one JSON text (RFC 8259) in the one way in which every parser reads it, else it is refused: keys that
// stand twice in an object, keys spelt with escapes, keys at the top that equal a known one but for case, anything behind
// the value, a byte order mark, bytes or surrogates that are no UTF-8. Objects are map[string]any, arrays []any, strings
// string, numbers Number, and true, false and nil.
func strictJSON(b []byte, known ...string) (any, error) {
	return read(b, &reader{known: known, build: true})
}

// strictFields reads a JSON object as strictJSON does and gives its known fields alone; the rest is checked but not kept,
// and there only the syntax. It serves for large bodies of which one field matters.
func strictFields(b []byte, known ...string) (map[string]any, error) {
	v, err := read(b, &reader{known: known})
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

// Number is a JSON number as it was written.
type Number string

func read(b []byte, r *reader) (any, error) {
	switch {
	case !utf8.Valid(b):
		return nil, errors.New("not UTF-8")
	case strings.HasPrefix(string(b[:min(len(b), 3)]), "\ufeff"):
		return nil, errors.New("begins with a byte order mark")
	}
	r.text = string(b)
	v, err := r.value(0, r.build, true)
	if err != nil {
		return nil, fmt.Errorf("not strict JSON at byte %d: %w", r.at, err)
	}
	if r.space(); r.at < len(r.text) {
		return nil, fmt.Errorf("not strict JSON: text at byte %d follows the value", r.at)
	}
	return v, nil
}

// reader is a recursive descent over the text; keep says whether a value is built or only checked.
type reader struct {
	text  string
	at    int
	known []string
	build bool
}

func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

func (r *reader) value(depth int, keep, top bool) (any, error) {
	r.space()
	if r.at >= len(r.text) {
		return nil, errors.New("the text ends early")
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	switch c := r.text[r.at]; {
	case c == '{':
		return r.object(depth, keep, top)
	case c == '[':
		return r.array(depth, keep)
	case c == '"':
		return r.str(keep)
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for word, v := range words {
		if strings.HasPrefix(r.text[r.at:], word) {
			r.at += len(word)
			return v, nil
		}
	}
	return nil, errors.New("no value")
}

var words = map[string]any{"true": true, "false": false, "null": nil}

func (r *reader) object(depth int, keep, top bool) (any, error) {
	r.at++
	var m map[string]any
	var seen map[string]bool
	if keep || top {
		m, seen = map[string]any{}, map[string]bool{}
	}
	for first := true; ; first = false {
		if done, err := r.next('}', first); done || err != nil {
			return m, err
		}
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		want := keep
		if seen != nil {
			if seen[key] {
				return nil, fmt.Errorf("the key %q stands there twice", clip(key))
			}
			seen[key] = true
		}
		if top {
			if want, err = r.wanted(key); err != nil {
				return nil, err
			}
		}
		if r.space(); !r.take(':') {
			return nil, errors.New("no colon behind a key")
		}
		v, err := r.value(depth+1, want, false)
		if err != nil {
			return nil, err
		}
		if want && m != nil {
			m[key] = v
		}
	}
}

// wanted says whether a key at the top is kept, and refuses one that a careless parser takes for a known key.
func (r *reader) wanted(key string) (bool, error) {
	for _, k := range r.known {
		if key == k {
			return true, nil
		}
		if strings.EqualFold(key, k) {
			return false, fmt.Errorf("the key %q differs from %q in case alone", clip(key), k)
		}
	}
	return r.build, nil
}

func (r *reader) key() (string, error) {
	r.space()
	if r.at >= len(r.text) || r.text[r.at] != '"' {
		return "", errors.New("no key")
	}
	end := strings.IndexByte(r.text[r.at+1:], '"')
	if end >= 0 && strings.IndexByte(r.text[r.at+1:r.at+1+end], '\\') >= 0 {
		return "", errors.New("a key is spelt with escapes")
	}
	v, err := r.str(true)
	key, _ := v.(string)
	return key, err
}

func (r *reader) array(depth int, keep bool) (any, error) {
	r.at++
	var list []any
	if keep {
		list = []any{}
	}
	for first := true; ; first = false {
		if done, err := r.next(']', first); done || err != nil {
			return list, err
		}
		v, err := r.value(depth+1, keep, false)
		if err != nil {
			return nil, err
		}
		if keep {
			list = append(list, v)
		}
	}
}

// next steps over the end of a list, or over the comma before its next element.
func (r *reader) next(end byte, first bool) (done bool, err error) {
	r.space()
	switch {
	case r.take(end):
		return true, nil
	case !first && !r.take(','):
		return false, fmt.Errorf("neither a comma nor %q", end)
	}
	if r.space(); r.at < len(r.text) && r.text[r.at] == end {
		return false, errors.New("a comma before the end")
	}
	return false, nil
}

func (r *reader) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) str(keep bool) (any, error) {
	r.at++
	start, escaped := r.at, false
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			raw := r.text[start:r.at]
			r.at++
			if !escaped || !keep && !strings.Contains(raw, `\u`) {
				return raw, nil
			}
			return unquote(raw)
		case c < ' ':
			return nil, errors.New("a control character in a string")
		case c == '\\':
			if r.at+1 >= len(r.text) || strings.IndexByte(`"\/bfnrtu`, r.text[r.at+1]) < 0 {
				return nil, errors.New("an escape that JSON does not have")
			}
			escaped = true
			r.at++
		}
		r.at++
	}
	return nil, errors.New("a string is not closed")
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquote undoes the escapes of a string whose escapes are of known kinds.
func unquote(s string) (any, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] != 'u' {
			b.WriteByte(escapes[s[i]])
			continue
		}
		c, err := hex4(s, i+1)
		if err != nil {
			return nil, err
		}
		i += 4
		if utf16.IsSurrogate(c) {
			if !strings.HasPrefix(s[i+1:], `\u`) {
				return nil, errors.New("half a surrogate pair")
			}
			low, err := hex4(s, i+3)
			if c = utf16.DecodeRune(c, low); err != nil || c == utf8.RuneError {
				return nil, errors.New("half a surrogate pair")
			}
			i += 6
		}
		b.WriteRune(c)
	}
	return b.String(), nil
}

func hex4(s string, at int) (rune, error) {
	if at+4 > len(s) || !isHex(s[at]) || !isHex(s[at+1]) || !isHex(s[at+2]) || !isHex(s[at+3]) {
		return 0, errors.New(`a \u that four hexadecimal digits do not follow`)
	}
	n, err := strconv.ParseUint(s[at:at+4], 16, 16)
	return rune(n), err
}

func (r *reader) number() (any, error) {
	start := r.at
	digits := func() int {
		from := r.at
		for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
			r.at++
		}
		return r.at - from
	}
	r.take('-')
	zero := r.at < len(r.text) && r.text[r.at] == '0'
	n := digits()
	ok := n == 1 || n > 1 && !zero
	if r.take('.') {
		ok = digits() > 0 && ok
	}
	if r.take('e') || r.take('E') {
		_ = r.take('+') || r.take('-')
		ok = digits() > 0 && ok
	}
	if !ok {
		return nil, errors.New("not a number of JSON")
	}
	return Number(r.text[start:r.at]), nil
}
