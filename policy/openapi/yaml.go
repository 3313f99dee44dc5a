package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// yamlSource reads of YAML 1.2 what descriptions of APIs are written in: one document of block mappings and sequences, with
// plain, quoted and block scalars, flow collections and comments. Keys stand on one line. Where something is read (a name,
// an address, the keys on the way to them) it takes the simplest spelling alone; anchors, tags, flow collections and
// scalars of several lines may stand where all is passed over.
//
// It refuses what readers are known to take differently or to let pass: tabs for indentation, a line that is indented like
// nothing before it, the continuation of a quoted or flow value that is indented less than the value, plain words that some
// take for other than text.
type yamlSource struct {
	lines []yamlLine
	at    int // the next line
	depth int

	// The value that is next: what stands behind its key or dash. It is taken by object, list, text or skip.
	rest    string
	indent  int // of its key or dash; what is indented more belongs to it
	line    int
	inList  bool // behind a dash: a sequence that is indented like it is not its value
	pending bool
}

// yamlLine is a line that holds something.
type yamlLine struct {
	text   string // without indentation, and spaces at the end
	indent int
	number int
	note   bool // a comment, unless a block scalar holds it
}

const hintJSON = "or convert the description to JSON"

func newYAML(b []byte) (*yamlSource, error) {
	if !utf8.Valid(b) || bytes.Contains(b, []byte("\ufeff")) || bytes.IndexByte(b, 0) >= 0 {
		return nil, &Error{1, "is not UTF-8 text without byte order mark and NUL", ""}
	}
	y := &yamlSource{lines: make([]yamlLine, 0, bytes.Count(b, []byte{'\n'})+1)}
	number := 0
	for raw := range strings.Lines(string(b)) {
		number++
		line := strings.TrimRight(raw, " \t\r\n")
		text := strings.TrimLeft(line, " ")
		switch {
		case text == "":
			continue
		case strings.ContainsAny(text, "\r\u0085\u2028\u2029"):
			return nil, y.fail(number, "holds a character that some readers take for the end of a line")
		}
		y.lines = append(y.lines, yamlLine{text, len(line) - len(text), number, text[0] == '#'})
	}
	if l := y.peek(); l != nil && l.indent == 0 && l.text == "---" {
		y.at++
	}
	l := y.peek()
	if l == nil {
		return nil, &Error{1, "is empty", ""}
	}
	y.rest, y.indent, y.line, y.pending = "", -1, l.number, true
	return y, nil
}

//go:noinline
func (y *yamlSource) fail(line int, format string, a ...any) error {
	return &Error{line, fmt.Sprintf(format, a...), hintJSON}
}

// peek gives the next line that is no comment, nil at the end.
func (y *yamlSource) peek() *yamlLine {
	for y.at < len(y.lines) {
		if l := &y.lines[y.at]; !l.note {
			return l
		}
		y.at++
	}
	return nil
}

// below gives the next line if it belongs to a value whose key is indented so.
func (y *yamlSource) below(indent int) *yamlLine {
	if l := y.peek(); l != nil && l.indent > indent {
		return l
	}
	return nil
}

// value lets one value be taken, and passes over it where it was not.
func (y *yamlSource) value(rest string, indent, line int, inList bool, take func() error) error {
	y.rest, y.indent, y.line, y.inList, y.pending = rest, indent, line, inList, true
	if err := take(); err != nil {
		return err
	}
	if y.pending {
		return y.skip()
	}
	return nil
}

// enter begins a nested value.
func (y *yamlSource) enter(line int) error {
	if y.depth++; y.depth > maxDepth {
		return y.fail(line, "is nested too deeply")
	}
	return nil
}

func (y *yamlSource) object(each func(string, int) error) error {
	y.pending = false
	if withoutNote(y.rest) == "{}" {
		return y.alone()
	}
	if y.rest != "" {
		return y.fail(y.line, "a mapping must stand here, its keys on lines of their own")
	}
	keys := map[string]int{}
	return y.mapping(y.indent, func(key string, line int) error {
		if first, twice := keys[key]; twice {
			return y.fail(line, "%q stands here for the second time; the first is in line %d", key, first)
		}
		keys[key] = line
		return each(key, line)
	})
}

// mapping reads the keys that are indented more than what they belong to. It may have none.
func (y *yamlSource) mapping(parent int, each func(string, int) error) error {
	first := y.below(parent)
	if first == nil {
		return nil
	}
	if err := y.enter(first.number); err != nil {
		return err
	}
	defer func() { y.depth-- }()
	for indent := first.indent; ; {
		l := y.below(parent)
		if l == nil {
			return nil
		}
		if l.indent != indent {
			return y.fail(l.number, "is indented by %d, and the line that it belongs to by %d", l.indent, indent)
		}
		number := l.number
		key, rest, explicit, err := y.entry(l)
		if err != nil {
			return err
		}
		if err := y.value(rest, indent, number, explicit, func() error { return each(key, number) }); err != nil {
			return err
		}
	}
}

// entry takes a key, and gives what follows it on its line. A long key may be explicit: "? key", and on the next line ": rest".
func (y *yamlSource) entry(l *yamlLine) (key, rest string, explicit bool, err error) {
	if !strings.HasPrefix(l.text, "? ") {
		key, rest, err = y.key(l)
		y.at++
		return key, rest, false, err
	}
	y.at++
	v := y.peek()
	if v == nil || v.indent != l.indent || v.text != ":" && !strings.HasPrefix(v.text, ": ") {
		return "", "", true, y.fail(l.number, "a key must stand here on one line, and its value below a colon on the next")
	}
	key, rest, err = y.key(&yamlLine{text: strings.TrimLeft(l.text[2:], " ") + ":", indent: 1, number: l.number})
	if err == nil && rest != "" {
		err = y.fail(l.number, "the key must be a text")
	}
	return key, y.behind(v), true, err
}

// behind gives what follows the sign that a line begins with. What is itself the first line of a mapping or a list becomes
// a line of its own, indented so far.
func (y *yamlSource) behind(l *yamlLine) string {
	rest := strings.TrimLeft(l.text[1:], " ")
	switch {
	case y.isKey(rest) || isItem(rest):
		l.indent += len(l.text) - len(rest)
		l.text = rest
		return ""
	case strings.HasPrefix(rest, "#"):
		rest = ""
	}
	y.at++
	return rest
}

func (y *yamlSource) list(each func(int) error) error {
	y.pending = false
	if withoutNote(y.rest) == "[]" {
		return y.alone()
	}
	if y.rest != "" {
		return y.fail(y.line, "a list must stand here, its items on lines of their own")
	}
	return y.sequence(y.indent, y.inList, each)
}

// sequence reads the items below a key, which may be indented like it, or below a dash, where they must be indented more.
func (y *yamlSource) sequence(parent int, inList bool, each func(int) error) error {
	first := y.peek()
	if first == nil || first.indent < parent || first.indent == parent && (inList || !isItem(first.text)) {
		return nil
	}
	if err := y.enter(first.number); err != nil {
		return err
	}
	defer func() { y.depth-- }()
	for indent := first.indent; ; {
		l := y.peek()
		switch {
		case l == nil || l.indent < indent || l.indent == parent && !isItem(l.text):
			return nil
		case l.indent > indent || !isItem(l.text):
			return y.fail(l.number, "an item of the list that begins in line %d must stand here", first.number)
		}
		number := l.number
		if err := y.value(y.behind(l), indent, number, true, func() error { return each(number) }); err != nil {
			return err
		}
	}
}

// isItem says whether a line begins with the dash of a sequence.
func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// isKey says whether a line begins with a key. It is asked of every item of a list.
func (y *yamlSource) isKey(text string) bool {
	if strings.HasPrefix(text, "? ") {
		return true
	}
	if !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") {
		return false
	}
	_, _, err := y.key(&yamlLine{text: text, indent: 1})
	return err == nil
}

// key takes "key: rest" apart. The rest has no comment where it is nothing else.
func (y *yamlSource) key(l *yamlLine) (key, rest string, err error) {
	text := l.text
	switch c := text[0]; {
	case c == '\t':
		return "", "", y.fail(l.number, "is indented with a tab")
	case l.indent == 0 && (strings.HasPrefix(text, "---") || text == "..." || c == '%'):
		return "", "", y.fail(l.number, "a second document, or a directive, begins here")
	case c == '"' || c == '\'':
		end := quotedEnd(text)
		if end < 0 {
			return "", "", y.fail(l.number, "neither a key nor the end of a quoted text is on this line")
		}
		if key, err = y.quoted(text[:end], l.number); err != nil {
			return "", "", err
		}
		rest = text[end:]
	default:
		i := strings.Index(text, ": ")
		if i < 0 && strings.HasSuffix(text, ":") {
			i = len(text) - 1
		}
		if note := strings.Index(text, " #"); i < 0 || note >= 0 && note < i {
			return "", "", y.fail(l.number, "a key must stand here, and a colon behind it")
		}
		if key, rest = strings.TrimRight(text[:i], " "), text[i:]; strings.IndexByte("?[{]},|>@`&*!", c) >= 0 || key == "<<" || isItem(text) || strings.Contains(key, ":\t") {
			return "", "", y.fail(l.number, "%q is no key that can be read", key)
		}
	}
	if rest != ":" && !strings.HasPrefix(rest, ": ") {
		return "", "", y.fail(l.number, "a colon and a space must follow the key %q", key)
	}
	if rest = strings.TrimLeft(rest[1:], " \t"); strings.HasPrefix(rest, "#") {
		rest = ""
	}
	return key, rest, nil
}

// notText says whether YAML readers of one version or another take a plain word for nothing, a truth value, a number or a
// date. A version, like 3.0.3, is none of these.
func notText(s string) bool {
	switch strings.ToLower(s) {
	case "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return true
	}
	if strings.IndexByte("0123456789+-.", s[0]) < 0 {
		return false
	}
	_, notFloat := strconv.ParseFloat(s, 64)
	_, notInt := strconv.ParseInt(s, 0, 64)
	return notFloat == nil || notInt == nil || s[0] == '.' || strings.Trim(s, "0123456789-+:._ TtZz") == "" && strings.ContainsAny(s, "-:_")
}

func (y *yamlSource) text() (string, error) {
	y.pending = false
	rest, line := y.rest, y.line
	if l := y.below(y.indent); l != nil {
		return "", y.fail(line, "a text on one line must stand here, and it goes on in line %d", l.number)
	}
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		end := quotedEnd(rest)
		if end < 0 || !isNote(rest[end:]) {
			return "", y.fail(line, "the quoted text must end on its line, and nothing follow it")
		}
		return y.quoted(rest[:end], line)
	}
	rest = withoutNote(rest)
	switch {
	case notText(rest):
		return "", y.fail(line, "%q may be read as other than a text: put quotes around it", rest)
	case strings.IndexByte("&*!|>@`%{}[],?\"'", rest[0]) >= 0 || isItem(rest) || strings.Contains(rest, ": ") || strings.HasSuffix(rest, ":"):
		return "", y.fail(line, "%q is no plain text: put quotes around it", rest)
	}
	return rest, nil
}

// quotedEnd is where a quoted text that begins here ends, behind its last quote; -1: not on this line.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[0] == '"' && s[i] == '\\':
			i++
		case s[i] == s[0] && s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return -1
}

// quoted gives what a quoted text on one line says. Of the escapes it takes those that JSON has.
func (y *yamlSource) quoted(s string, line int) (string, error) {
	if s[0] == '\'' {
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'"), nil
	}
	var text string
	if err := json.Unmarshal([]byte(s), &text); err != nil || strings.ContainsFunc(text, unicode.IsControl) {
		return "", y.fail(line, "%s holds what cannot be read: use single quotes", s)
	}
	return text, nil
}

// isNote says whether nothing but a comment follows a value.
func isNote(s string) bool {
	t := strings.TrimLeft(s, " \t")
	return t == "" || t[0] == '#' && len(t) < len(s)
}

// withoutNote takes a comment off a plain value.
func withoutNote(s string) string {
	if i := strings.Index(s, " #"); i >= 0 {
		s = s[:i]
	}
	return strings.TrimRight(s, " \t")
}

// alone is the end of a value that is on one line.
func (y *yamlSource) alone() error {
	if l := y.below(y.indent); l != nil {
		return y.fail(l.number, "is indented more than line %d, to which it cannot belong", y.line)
	}
	return nil
}
