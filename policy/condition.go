package policy

import (
	"slices"
	"strconv"
	"strings"

	"agentguard/policy/action"
)

// Condition is one entry of a rule's `when`: what an argument of the request must be. An argument that is absent, of another
// type or not readable in one way meets no condition of an allow rule, and every condition of a deny rule: what cannot be
// told must not be allowed, nor escape a refusal.
type Condition struct {
	Argument string
	Want     string // in words: `"main"`, `"a" or "b*"`, `true`, `<= 4096`
	Line     int

	texts [][]string // patterns, each as the texts between its stars; any of them
	op    string     // "=", "<", "<=", ">", ">=" of a whole number
	n     int64
	truth *bool
}

// comparisons, the longer ones first.
var comparisons = []string{"<=", ">=", "<", ">"}

const hintWhen = `write "main", "release/*", ["a", "b"], true, 4096 or "<= 4096"`

// conditions reads when = { base = "main", draft = true, max_tokens = "<= 4096" }.
func (d *draft) conditions(t *table) []Condition {
	if t == nil {
		return nil
	}
	t.lines = true // as a comment's body has them
	if len(t.values) == 0 {
		d.fail(t.at.line, "leave the key out, or name an argument", "%s is empty", t.name)
	}
	var out []Condition
	for _, name := range t.names() {
		c := Condition{Argument: name, Line: t.line(name)}
		if !isArgument(name) {
			t.fail(name, "name a field at the top of the request's body", "is not the name of an argument")
			continue
		}
		if t.condition(&c) {
			out = append(out, c)
		}
	}
	return out
}

// isArgument takes the names of JSON and form fields that need no quoting.
func isArgument(s string) bool { return isWord(s, ".") }

func (t *table) condition(c *Condition) bool {
	v, _ := t.get(c.Argument)
	switch v := v.(type) {
	case bool:
		c.truth, c.Want = &v, strconv.FormatBool(v)
	case int64:
		c.op, c.n, c.Want = "=", v, strconv.FormatInt(v, 10)
	case string:
		s, ok := t.text(c.Argument)
		return ok && t.words(c, s.s)
	case []any:
		list := t.texts(c.Argument)
		var said []string
		for _, s := range list {
			c.texts = append(c.texts, strings.Split(s.s, "*"))
			said = append(said, strconv.Quote(s.s))
		}
		c.Want = strings.Join(said, " or ")
		return len(list) > 0
	default:
		t.fail(c.Argument, hintWhen, "cannot be compared with %s", kindOf(v))
		return false
	}
	return true
}

// words reads a string: a comparison, or a pattern in which * stands for any text.
func (t *table) words(c *Condition, s string) bool {
	for _, op := range comparisons {
		number, is := strings.CutPrefix(s, op)
		if !is {
			continue
		}
		n, ok := wholeNumber(strings.TrimSpace(number))
		if !ok {
			t.fail(c.Argument, hintWhen, "compares with %q, which is not a whole number", strings.TrimSpace(number))
			return false
		}
		c.op, c.n, c.Want = op, n, op+" "+strconv.FormatInt(n, 10)
		return true
	}
	c.texts, c.Want = [][]string{strings.Split(s, "*")}, strconv.Quote(s)
	return true
}

// wholeNumber reads plain digits: fractions and exponents are read differently by different parsers.
func wholeNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// check says whether a value is as the condition wants, a text as loosely as its server may read it if folds says so. wrong is why
// that cannot be told.
func (c *Condition) check(v any, folds bool) (holds bool, wrong string) {
	if form, ok := v.(action.FormValue); ok {
		v = c.typed(string(form))
	}
	switch {
	case c.truth != nil:
		b, ok := v.(bool)
		return b == *c.truth, unless(ok, "is not true or false")
	case c.op != "":
		text, isNumber := v.(action.Number)
		n, ok := wholeNumber(string(text))
		return c.compare(n), unless(isNumber && ok, "is not a whole number")
	}
	spelled, ok := v.(action.Spellings)
	if s, isText := v.(string); isText {
		spelled, ok = action.Spellings{s}, true
	}
	return slices.ContainsFunc(c.texts, func(parts []string) bool {
		return slices.ContainsFunc(spelled, func(s string) bool { return matchSegment(parts, s) || folds && matchLoosely(parts, s) })
	}), unless(ok, "is not a text")
}

// matchLoosely leaves the pattern its white space, which may be what it is about.
func matchLoosely(parts []string, s string) bool {
	folded := make([]string, len(parts))
	for i, part := range parts {
		folded[i] = strings.ToLower(part)
	}
	return matchSegment(folded, strings.ToLower(s)) || matchSegment(folded, loose(s))
}

// typed gives the text of a form the type that the condition asks for, where the text is spelt so.
func (c *Condition) typed(s string) any {
	switch {
	case c.truth != nil && (s == "true" || s == "false"):
		return s == "true"
	case c.truth != nil:
		return nil
	case c.op != "":
		return action.Number(s)
	}
	return s
}

func (c *Condition) compare(n int64) bool {
	switch c.op {
	case "=":
		return n == c.n
	case "<":
		return n < c.n
	case "<=":
		return n <= c.n
	case ">":
		return n > c.n
	}
	return c.op == ">=" && n >= c.n
}

func unless(ok bool, wrong string) string {
	if ok {
		return ""
	}
	return wrong
}
