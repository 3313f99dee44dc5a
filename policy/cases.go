package policy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"agentguard/policy/action"
)

// CaseSuffix is how the name of a file of cases ends.
const CaseSuffix = ".test.toml"

// maxRepeat bounds how often a case is asked.
const maxRepeat = 10_000

// effects are what a case may expect: allowed, denied, or over a limit.
var effects = []string{"allow", "deny", "limit"}

// Cases are the tests of a policy: requests, and what it must answer. They stand in a file NAME.test.toml beside the
// policy NAME.toml; policy/suite runs them and documents the format.
type Cases struct {
	File   string // for messages
	Policy string // the policy's file
	Cases  []Case
}

// Case is one [[case]]: a request, sent Repeat times, and the answers.
type Case struct {
	Name    string
	Line    int
	Method  string
	URL     string // as sent; "/proxy/SERVICE/..." is the gateway's form
	Headers map[string]string
	Body    string
	HasBody bool
	Repeat  int

	// IDs is what the service would say about ids in the body: "PR_1" belongs to repo:o/r. A case has nobody to ask.
	IDs map[string]action.Fact

	// Expect counts the answers by effect: "allow", "deny", "limit". What follows is about the last answer; "" where the
	// case does not say.
	Expect     map[string]int
	Rule       string // "none": no rule decided
	Reason     string // a part of the reason or of the hint
	Action     string // the action that decided
	Resource   string // "none": it names none
	Credential string // what goes on the request; "none": nothing does

	Lines map[string]int // where each key stands
}

// LoadCases reads a file of cases.
func LoadCases(file string) (*Cases, error) {
	content, err := readFile(file, maxFile)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	return ParseCases(file, content)
}

// ParseCases checks the text of a file of cases as strictly as a policy. The error is of type Errors, by line.
func ParseCases(file string, content []byte) (*Cases, error) {
	d := &draft{document: &document{file: file}, policy: &Policy{}}
	out := &Cases{File: file}
	if top := d.open(content); top != nil {
		d.version(top)
		out.Policy = d.tested(top)
		names := map[string]int{}
		for _, t := range top.array("case", "a request and what the policy must answer") {
			c := d.caseTable(t)
			if first := names[c.Name]; c.Name != "" && first > 0 {
				t.fail("name", "", "%q is the name of the case in line %d too", c.Name, first)
			}
			names[c.Name] = c.Line
			out.Cases = append(out.Cases, c)
		}
		top.done(nil)
		if len(out.Cases) == 0 && len(d.errs) == 0 {
			d.fail(1, "write [[case]], with name, method, url and expect", "there are no cases")
		}
	}
	if len(d.errs) > 0 {
		d.errs.sort()
		return nil, d.errs
	}
	return out, nil
}

// tested is the file of the policy that the cases are for.
func (d *draft) tested(top *table) string {
	if given, ok := top.text("policy"); ok {
		if filepath.IsAbs(given.s) {
			return given.s
		}
		return filepath.Join(filepath.Dir(d.file), filepath.FromSlash(given.s))
	}
	name, ok := strings.CutSuffix(d.file, CaseSuffix)
	if _, there := top.values["policy"]; !ok && !there {
		d.fail(1, `name the file NAME`+CaseSuffix+` beside NAME.toml, or write policy = "FILE"`, "it is not said which policy the cases are for")
	}
	return name + ".toml"
}

func (d *draft) caseTable(t *table) Case {
	c := Case{Line: t.at.line, Lines: map[string]int{}, Repeat: 1}
	for _, key := range t.names() {
		c.Lines[key] = t.line(key)
	}
	must := func(key, hint string) string {
		v, _ := t.required(key, hint)
		return v.s
	}
	may := func(key string) string {
		v, _ := t.text(key)
		return v.s
	}
	c.Name = must("name", "the name stands in the report")
	c.Method = must("method", `write method = "GET"`)
	c.URL = must("url", `write url = "https://HOST/PATH", or "/proxy/SERVICE/PATH"`)
	if c.URL != "" && !strings.HasPrefix(c.URL, "/proxy/") && !strings.HasPrefix(c.URL, "https://") && !strings.HasPrefix(c.URL, "http://") {
		t.fail("url", `write "https://HOST/PATH", or "/proxy/SERVICE/PATH"`, "is not a URL")
	}
	c.Body, c.HasBody = t.raw("body")
	c.Headers = t.headers("headers")
	c.IDs = t.facts("ids")
	if n, ok := t.integer("repeat"); ok {
		if c.Repeat = int(n); n < 1 || n > maxRepeat {
			t.fail("repeat", "", "must lie between 1 and %d", maxRepeat)
		}
	}
	c.Expect = t.expected("expect", c.Repeat)
	c.Rule, c.Reason, c.Credential = may("rule"), may("reason"), may("credential")
	c.Action, c.Resource = may("action"), may("resource")
	t.done(nil)
	return c
}

// expected reads expect = "allow", or how many answers of each kind there are: { allow = 5, limit = 1 }.
func (t *table) expected(key string, repeat int) map[string]int {
	v, ok := t.values[key]
	switch v.(type) {
	case map[string]any:
		return t.counts(t.sub(key), repeat)
	case string:
		word, _ := t.text(key)
		if !slices.Contains(effects, word.s) {
			t.fail(key, "write one of "+strings.Join(effects, ", "), "is %q%s", word.s, didYouMean(word.s, effects))
			return nil
		}
		return map[string]int{word.s: repeat}
	}
	t.known = append(t.known, key)
	if !ok {
		t.doc.fail(t.at.line, `write expect = "allow", "deny" or "limit"`, "%s is missing", t.path(key))
		return nil
	}
	t.fail(key, `write expect = "allow", or expect = { allow = 5, limit = 1 }`, "must be a word or a table of counts, not %s", kindOf(v))
	return nil
}

func (t *table) counts(sub *table, repeat int) map[string]int {
	out, sum := map[string]int{}, 0
	for _, effect := range effects {
		n, ok := sub.integer(effect)
		if !ok {
			continue
		}
		if n < 1 || n > maxRepeat {
			sub.fail(effect, "", "must lie between 1 and %d", maxRepeat)
			return nil
		}
		out[effect] = int(n)
		sum += int(n)
	}
	sub.done(nil)
	if sum != repeat && len(t.doc.errs) == 0 {
		t.fail("expect", fmt.Sprintf("write repeat = %d, or other counts", sum), "counts %d answers of %d", sum, repeat)
	}
	return out
}

// array reads [[key]], tables without names, each with its own line.
func (t *table) array(key, what string) []*table {
	v, ok := t.get(key)
	list, isList := v.([]map[string]any)
	if ok && !isList {
		t.fail(key, "write [["+key+"]] above each", "must be an array of tables: %s", what)
	}
	var out []*table
	for i, values := range list {
		out = append(out, &table{doc: t.doc, name: t.path(key), values: values, at: t.at.keys[key].items[i]})
	}
	return out
}

// raw reads any text, line feeds and the empty one included.
func (t *table) raw(key string) (string, bool) {
	v, ok := t.get(key)
	if !ok {
		return "", false
	}
	s, isText := v.(string)
	if !isText {
		t.fail(key, "write the text that is sent, as in '{\"title\": \"x\"}'", "must be a string, not %s", kindOf(v))
	}
	return s, isText
}

func (t *table) integer(key string) (int64, bool) {
	v, ok := t.get(key)
	if !ok {
		return 0, false
	}
	n, isInt := v.(int64)
	if !isInt {
		t.fail(key, "", "must be a whole number, not %s", kindOf(v))
	}
	return n, isInt
}

// facts reads ids = { PR_1 = "repo:o/r", REF_1 = "repo:o/r refs/heads/main" }.
func (t *table) facts(key string) map[string]action.Fact {
	sub := t.sub(key)
	if sub == nil {
		return nil
	}
	out := map[string]action.Fact{}
	for _, id := range sub.names() {
		text, ok := sub.text(id)
		if !ok {
			continue
		}
		f, wrong := action.ParseFact(text.s)
		if wrong != nil {
			sub.fail(id, `write "repo:OWNER/NAME", and behind it the ref that it is the id of: "repo:o/r refs/heads/main"`, "%v", wrong)
		}
		out[id] = f
	}
	return out
}

func (t *table) headers(key string) map[string]string {
	sub := t.sub(key)
	if sub == nil {
		return nil
	}
	out := map[string]string{}
	for _, name := range sub.names() {
		value, ok := sub.text(name)
		switch {
		case !ok:
		case !action.IsToken(name):
			sub.fail(name, "", "is not the name of a header")
		default:
			out[name] = value.s
		}
	}
	return out
}
