package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// document is a policy file while it is read: it collects all that is wrong.
type document struct {
	file     string
	errs     Errors
	warnings Errors
}

//go:noinline
func (d *document) fail(line int, hint, format string, args ...any) {
	d.errs = append(d.errs, Error{d.file, line, fmt.Sprintf(format, args...), hint})
}

// beyondHelp is how many errors are more than suggestions mend.
const beyondHelp = 100

// suggest is didYouMean until a file has shown to be beyond help: each suggestion compares a word with a catalogue.
//
//go:noinline
func (d *document) suggest(word string, known []string) string {
	if len(d.errs) >= beyondHelp {
		return ""
	}
	return didYouMean(word, known)
}

//go:noinline
func (d *document) warn(line int, hint, format string, args ...any) {
	d.warnings = append(d.warnings, Error{d.file, line, fmt.Sprintf(format, args...), hint})
}

// text is a string and its line.
type text struct {
	s    string
	line int
}

// table reads one table of the file key by key. What nobody asked for is unknown, and said so by done.
type table struct {
	doc    *document
	name   string // as in the file: "allow.open-prs"; "" for the top
	values map[string]any
	at     *place
	known  []string // what was asked for
	lines  bool     // its texts may hold line breaks and tabs
}

// open decodes the text of a whole file; nil if it is not TOML.
func (d *document) open(content []byte) *table {
	s := string(content)
	switch {
	case len(s) > maxFile:
		d.fail(0, "", "a policy is at most %d KiB", maxFile>>10)
		return nil
	case !utf8.ValidString(s) || strings.Contains(s, "\x00"):
		d.fail(0, "an editor may have saved it in another encoding: save it as UTF-8", "a policy is UTF-8 text without NUL")
		return nil
	}
	root, unread := places(s)
	if unread != nil && unread.final {
		d.fail(unread.line, "", "%s", unread.message)
		return nil
	}
	values, err := decodeTOML(s)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		hint := ""
		switch {
		case strings.HasPrefix(syntax.Message, "expected value but found"):
			hint = `a text stands in quotes, as in service = "github"`
		case strings.HasPrefix(syntax.Message, "expected '.' or '='"):
			hint = `a policy is [tables] and lines such as service = "github"; agentguard init writes one to begin with`
		}
		d.fail(syntax.Position.Line, hint, "not TOML: %s", strings.TrimPrefix(syntax.Message, "toml: "))
		return nil
	case err != nil:
		d.fail(0, "", "not TOML: %v", err)
		return nil
	case unread != nil: // the two readings differ, which must not happen; never go on with one of them
		d.fail(unread.line, "", "not readable: %s", unread.message)
		return nil
	}
	if wrong := root.agree(values); wrong != nil {
		d.fail(wrong.line, "", "not readable: two readers would not see the same here")
		return nil
	}
	return &table{doc: d, values: values, at: root}
}

// decodeTOML is toml.Decode with its own bugs made errors: the library panics where it meets what it believes to be
// impossible.
func decodeTOML(s string) (values map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil {
			values, err = nil, fmt.Errorf("%v", r)
		}
	}()
	_, err = toml.Decode(s, &values)
	return values, err
}

// path is a key's full name for messages.
//
//go:noinline
func (t *table) path(key string) string {
	if t.name == "" {
		return key
	}
	return t.name + "." + key
}

func (t *table) fail(key, hint, format string, args ...any) {
	t.doc.fail(t.line(key), hint, "%s %s", t.path(key), fmt.Sprintf(format, args...))
}

// line is that of a key, of the table itself where the key is missing.
//
//go:noinline
func (t *table) line(key string) int {
	if p := t.at.keys[key]; p != nil {
		return p.line
	}
	return t.at.line
}

// get asks for a key.
//
//go:noinline
func (t *table) get(key string) (any, bool) {
	t.known = append(t.known, key)
	v, ok := t.values[key]
	return v, ok
}

// text reads a string that may be missing.
func (t *table) text(key string) (text, bool) {
	v, ok := t.get(key)
	if !ok {
		return text{}, false
	}
	s, ok := t.str(key, v)
	return text{s, t.line(key)}, ok
}

// required reads a string that must be there.
func (t *table) required(key, hint string) (text, bool) {
	if _, ok := t.values[key]; !ok {
		t.known = append(t.known, key)
		t.doc.fail(t.at.line, hint, "%s is missing", t.path(key))
		return text{}, false
	}
	return t.text(key)
}

// forbids says whether a text of the table may not hold r.
func (t *table) forbids(r rune) bool {
	return unicode.IsControl(r) && (!t.lines || r != '\n' && r != '\r' && r != '\t')
}

// str checks that v is a string of printable characters.
func (t *table) str(key string, v any) (string, bool) {
	s, ok := v.(string)
	switch {
	case !ok:
		t.fail(key, "", "must be a string, not %s", kindOf(v))
	case s == "":
		t.fail(key, "", "is empty")
	case strings.IndexFunc(s, t.forbids) >= 0:
		t.fail(key, "", "holds a control character")
	default:
		return s, true
	}
	return "", false
}

// boolean reads true or false that may be missing.
func (t *table) boolean(key string) bool {
	v, there := t.get(key)
	value, ok := v.(bool)
	if there && !ok {
		t.fail(key, "", "must be true or false, not %s", kindOf(v))
	}
	return value
}

// texts reads a list of strings that may be missing, but not empty: an empty list could be read as "none" or as "all".
func (t *table) texts(key string) []text {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	switch {
	case !ok:
		t.fail(key, fmt.Sprintf("write %s = [...]", key), "must be a list of strings, not %s", kindOf(v))
	case len(list) == 0:
		t.fail(key, "leave the key out, or name something", "is an empty list")
	case len(list) > maxList:
		t.fail(key, "", "names more than %d", maxList)
		return nil
	}
	var out []text
	for i, e := range list {
		s, isString := e.(string)
		item := text{s, t.at.keys[key].items[i].line}
		switch {
		case !isString:
			t.doc.fail(item.line, "", "%s must be a list of strings and holds %s", t.path(key), kindOf(e))
		case s == "" || strings.IndexFunc(s, t.forbids) >= 0:
			t.doc.fail(item.line, "", "%s holds %q, which is no name", t.path(key), s)
		default:
			out = append(out, item)
		}
	}
	return out
}

// textOrTexts reads one string or a list of them.
func (t *table) textOrTexts(key string) []text {
	if _, one := t.values[key].(string); one {
		if s, ok := t.text(key); ok {
			return []text{s}
		}
		return nil
	}
	return t.texts(key)
}

// sub reads a table that may be missing.
func (t *table) sub(key string) *table {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		return &table{doc: t.doc, name: t.path(key), values: v, at: t.at.keys[key]}
	case []map[string]any:
		t.doc.fail(t.at.keys[key].items[0].line, fmt.Sprintf("write [%s.NAME], with a name of your own: it stands in errors and in the audit log", t.path(key)),
			"[[%s]] is an array of tables, which has no names", t.path(key))
	default:
		t.fail(key, "", "must be a table, not %s", kindOf(v))
	}
	return nil
}

// named reads a table of named tables, like [allow.x], in the order of the file.
func (t *table) named(key string) []*table {
	parent := t.sub(key)
	if parent == nil {
		return nil
	}
	var out []*table
	for _, name := range parent.names() {
		if _, isTable := parent.values[name].(map[string]any); !isTable && !isTables(parent.values[name]) {
			parent.fail(name, fmt.Sprintf("write [%s.NAME] above it, with a name of your own", key), "stands outside of a named table")
			continue
		}
		if !isName(name) {
			parent.fail(name, "", "is not a name: use letters, digits, - and _, at most 64")
			continue
		}
		if sub := parent.sub(name); sub != nil {
			out = append(out, sub)
		}
	}
	return out
}

func isTables(v any) bool {
	_, ok := v.([]map[string]any)
	return ok
}

// short is the last part of the table's name.
func (t *table) short() string { return t.name[strings.LastIndexByte(t.name, '.')+1:] }

// names are the table's keys in the order of the file.
func (t *table) names() []string {
	names := slices.Collect(maps.Keys(t.values))
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		if d := t.at.keys[a].line - t.at.keys[b].line; d != 0 {
			return d < 0
		}
		return a < b
	})
	return names
}

// done reports the keys that nobody asked for. Those in later belong to something that is planned: they are refused
// rather than ignored, since a condition that is not checked would allow too much.
func (t *table) done(later map[string]string) {
	for _, key := range t.names() {
		if slices.Contains(t.known, key) {
			continue
		}
		if what, ok := later[key]; ok {
			t.fail(key, "take it out until then; it is not ignored, since that would allow more than it says", "is not supported yet: %s", what)
			continue
		}
		t.doc.fail(t.line(key), t.choices(), "unknown key %s%s", t.path(key), t.doc.suggest(key, t.known))
	}
}

// choices is a hint that lists the keys of this table.
func (t *table) choices() string {
	if len(t.known) == 0 {
		return ""
	}
	return "known here: " + strings.Join(t.known, ", ")
}

// isName says whether s can name a rule, a credential or a service: names stand in log lines, URLs and commands.
func isName(s string) bool { return isWord(s, "") && s[0] != '-' && s[0] != '_' }

// kindOf names a decoded value's type in TOML's words.
//
//go:noinline
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "a number"
	case float64:
		return "a fraction"
	case bool:
		return "true or false"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date"
}
