package policy

import (
	"fmt"
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
func isArgument(s string) bool {
	for i := range len(s) {
		if !bare(s[i]) && s[i] != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

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

// check says whether a value is as the condition wants. wrong is why that cannot be told.
func (c *Condition) check(v any) (holds bool, wrong string) {
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
		return slices.ContainsFunc(spelled, func(s string) bool { return matchSegment(parts, s) })
	}), unless(ok, "is not a text")
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

// conditional is what the rules of one service ask about arguments.
type conditional struct {
	names []string // of all arguments that a rule looks at
	takes map[string]action.Takes
}

// conditionals gives the services for which some rule has conditions; nil where none has.
func conditionals(p *Policy) map[string]*conditional {
	var out map[string]*conditional
	for name, svc := range p.Services {
		asked := append(argumentsOf(p.Allow, name), argumentsOf(p.Deny, name)...)
		if len(asked) == 0 {
			continue
		}
		if out == nil {
			out = map[string]*conditional{}
		}
		out[name] = &conditional{action.Unique(asked), svc.Takes()}
	}
	return out
}

// argumentsOf are those that the conditions of rules ask about at a service.
func argumentsOf(rules map[string]*Rule, service string) (names []string) {
	for _, r := range rules {
		if r.Service != "" && r.Service != service {
			continue
		}
		for i := range r.When {
			names = append(names, r.When[i].Argument)
		}
	}
	return names
}

// applies says whether a condition on an argument restricts an action. It does unless the catalogue knows that the action
// has no such argument: `base` says nothing about a comment. A query of GraphQL has none.
func (c *conditional) applies(argument string, a *action.Action) bool {
	if a.IsQuery() {
		return false
	}
	takes, known := c.takes[a.Operation]
	return !known || takes.Open || takes.Has(argument)
}

// inquiry asks for the arguments of one request, once and only when a rule with conditions could match.
type inquiry struct {
	*conditional
	m      *action.Match
	r      *action.Request
	asked  bool
	values map[string]any
	err    error
	unmet  string // of the last rule that did not match: what it wants and what the request has
	blind  string // of the last deny rule that matched since an argument could not be told
	kind   bool   // what cannot be told is taken for what helps the request, see DecideUnread
}

// inquire is nil where no rule of the service has conditions.
func (p *Policy) inquire(m *action.Match, r *action.Request) *inquiry {
	if p == nil || m == nil || m.Service == nil {
		return nil
	}
	c := p.conditionals[m.Service.Name]
	if c == nil {
		return nil
	}
	return &inquiry{conditional: c, m: m, r: r}
}

// aboutRefs says whether some rule asks which ref is changed.
func (q *inquiry) aboutRefs() bool {
	return q != nil && (slices.Contains(q.names, "ref") || slices.Contains(q.names, "branch"))
}

// met keeps the hits whose conditions hold.
func (q *inquiry) met(hits []hit, a *action.Action, deny bool) []hit {
	if q == nil {
		return hits
	}
	return slices.DeleteFunc(hits, func(h hit) bool { return !q.meets(h.Rule, a, deny) })
}

func (q *inquiry) meets(r *Rule, a *action.Action, deny bool) bool {
	for i := range r.When {
		c := &r.When[i]
		if !q.applies(c.Argument, a) {
			continue
		}
		holds, wrong := q.tell(c, a)
		switch {
		case wrong != "" && q.kind:
			if deny {
				q.unmet = fmt.Sprintf("%s forbids it only where %s is %s", r.Name, c.Argument, c.Want)
				return false
			}
		case wrong != "" && deny:
			q.blind = wrong
		case wrong != "" || !holds:
			q.unmet = fmt.Sprintf("%s %s it only where %s is %s, and %s", r.Name, verb(deny), c.Argument, c.Want, orElse(wrong, q.shown(c.Argument)))
			return false
		}
	}
	return true
}

func verb(deny bool) string {
	if deny {
		return "forbids"
	}
	return "allows"
}

// tell asks for one argument of an action.
func (q *inquiry) tell(c *Condition, a *action.Action) (holds bool, wrong string) {
	if !q.asked || q.m.GraphQL || a.Ref != "" { // else all actions of a request share its arguments
		q.values, q.err = action.Arguments(q.r, q.m, a, q.names...)
		q.asked = true
	}
	if q.err != nil {
		return false, fmt.Sprintf("%s cannot be read: %v", c.Argument, q.err)
	}
	v, there := q.values[c.Argument]
	if !there {
		return false, "the request does not say what " + c.Argument + " is"
	}
	holds, wrong = c.check(v)
	if wrong != "" {
		wrong = "the request's " + c.Argument + " " + wrong
	}
	return holds, wrong
}

// shown is the argument as the request has it.
func (q *inquiry) shown(name string) string {
	text := fmt.Sprint(q.values[name])
	if s, ok := q.values[name].(string); ok {
		if len(s) > 80 {
			s = s[:80] + "..."
		}
		text = strconv.Quote(s)
	}
	return "it is " + text[:min(len(text), 120)]
}

// unmetBy is the refusal of what a rule would allow with other arguments.
func (q *inquiry) unmetBy(a *action.Action) Decision {
	d := denied(a)
	d.Hint = clean("rule " + q.unmet)
	return d
}

// operations are those of a service that names cover: by themselves, by alias, by group or by permission.
func operations(svc *action.Service, list []string) map[string]bool {
	out := map[string]bool{}
	for _, r := range svc.Operations() {
		n := [...]string{r.Operation, r.Action, groupOf(r.Class), action.GroupAll}
		if slices.ContainsFunc(n[:], func(name string) bool { return name != "" && slices.Contains(list, name) }) {
			out[r.Operation] = true
		}
	}
	return out
}

// checkConditions holds the arguments that rules name against what the catalogue knows: one that no action of the rule has
// would be a condition that restricts nothing.
func (d *draft) checkConditions() {
	for _, r := range d.rules {
		services := []*action.Service{r.svc}
		if r.svc == nil {
			if !r.deny || r.service.s != "" {
				continue
			}
			services = sorted(d.policy.Services)
		}
		for i := range r.When {
			d.checkCondition(r, &r.When[i], services)
		}
	}
}

// whenAbsent says what an argument that is not there means.
func whenAbsent(r *ruleDraft) string {
	if r.deny {
		return "the rule denies every request in which it is not there"
	}
	return "the rule allows no request in which it is not there"
}

func (d *draft) checkCondition(r *ruleDraft, c *Condition, services []*action.Service) {
	var known []string
	unsure := false
	for _, svc := range services {
		takes := svc.Takes()
		for operation := range operations(svc, svc.Expand(r.Actions)) {
			t, listed := takes[operation]
			if t.Has(c.Argument) {
				return
			}
			unsure = unsure || !listed || t.Open
			known = append(known, t.Names...)
		}
	}
	known = action.Unique(known)
	own := !slices.ContainsFunc(services, func(svc *action.Service) bool { return action.Lookup(svc.Name) == svc })
	if unsure && r.deny && own {
		return // whoever named the operation knows it, and what lacks the argument is denied
	}
	if unsure {
		d.warn(c.Line, whenAbsent(r), "%s.when: the catalogue does not know whether an action of the rule has an argument %q%s",
			r.Name, c.Argument, d.suggest(c.Argument, known))
		return
	}
	d.fail(c.Line, "known are "+orElse(strings.Join(known, ", "), "none"), "%s.when: no action of the rule has an argument %q%s", r.Name, c.Argument, d.suggest(c.Argument, known))
}
