package learn

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/policy/suite"
)

// maxCases bounds the file of cases: a person reads no more, and each is one kind of request.
const maxCases = 100

// maxCaseBody bounds a body in it, and maxText all of it but the last case: a file of cases may have 256 KiB.
const (
	maxCaseBody = 4 << 10
	maxText     = 200 << 10
)

// caseWriter writes [[case]] tables whose answers it has asked for.
type caseWriter struct {
	policy *policy.Policy
	text   strings.Builder
	names  map[string]int
	asked  map[string]bool // what stands there, by method, address and body
	n      int
	untold int // kinds that cannot be asked again: their headers or the service itself decided
}

// cases are one for each kind of request that was made, and some that must be refused.
func (o *Observer) cases(p *policy.Policy) (string, error) {
	w := &caseWriter{policy: p, names: map[string]int{}, asked: map[string]bool{}}
	w.text.WriteString("# What was done while the policy was learned, and some of what it refuses. A body stands here where it decides what the\n")
	w.text.WriteString("# request does, with no more of it than that takes.\nversion = 1\n")
	var first []*suite.Request
	services := map[string]int{}
	for _, k := range o.order {
		if k.Refused != "" {
			continue
		}
		q, ok := w.again(k)
		if !ok {
			w.untold++
			continue
		}
		w.write(q, "allow")
		if services[k.Service]++; services[k.Service] <= 3 {
			first = append(first, q)
		}
	}
	for _, q := range first {
		w.refuseOther(q)
	}
	for _, k := range o.order {
		if k.Refused != "" {
			w.refuse(&suite.Request{Method: k.Method, URL: k.URL, Header: header(k)})
		}
	}
	w.refuse(&suite.Request{Method: http.MethodGet, URL: "https://elsewhere.example/"})
	if w.untold > 0 {
		fmt.Fprintf(&w.text, "\n# Not here: %d kinds of request that the policy cannot be asked about without the service or their headers.\n", w.untold)
	}
	text := w.text.String()
	if err := hold(p, text); err != nil {
		return "", err
	}
	return text, nil
}

// hold says why cases of a policy do not hold.
func hold(p *policy.Policy, text string) error {
	cases, err := policy.ParseCases("cases.test.toml", []byte(text))
	if err != nil {
		return fmt.Errorf("the cases cannot be read: %w", err)
	}
	for _, r := range suite.Run(p, cases).Results {
		if len(r.Failures) > 0 {
			return fmt.Errorf("the case %q does not hold: %s is %s", r.Case.Name, r.Failures[0].Key, r.Failures[0].Got)
		}
	}
	return nil
}

func header(k *kind) http.Header {
	h := http.Header{}
	if k.ContentType != "" && len(k.Body) > 0 {
		h.Set("Content-Type", k.ContentType)
	}
	return h
}

// again is the least request that the policy reads as it was read when it was made.
func (w *caseWriter) again(k *kind) (*suite.Request, bool) {
	bare, _, _ := strings.Cut(k.URL, "?")
	for _, q := range []*suite.Request{
		{Method: k.Method, URL: bare},
		{Method: k.Method, URL: k.URL},
		{Method: k.Method, URL: bare, Header: header(k), Body: k.Body},
		{Method: k.Method, URL: k.URL, Header: header(k), Body: k.Body},
	} {
		if w.reads(q, k.Actions) {
			w.shorten(q, k.Actions)
			return q, len(q.Body) <= maxCaseBody && utf8.Valid(q.Body)
		}
	}
	return nil, false
}

// reads says whether the policy allows the request, and as these actions.
func (w *caseWriter) reads(q *suite.Request, as []action.Action) bool {
	a, err := suite.Ask(w.policy, q)
	return err == nil && a.Effect == "allow" && slices.EqualFunc(a.Match.Actions, as, func(a, b action.Action) bool {
		return a.Name == b.Name && a.Resource == b.Resource
	})
}

// shorten takes the members of a JSON body away that do not decide, and the values of those that decide by being there:
// they are nobody's business.
func (w *caseWriter) shorten(q *suite.Request, as []action.Action) {
	var members map[string]json.RawMessage
	if json.Unmarshal(q.Body, &members) != nil {
		return
	}
	try := func() bool {
		b, err := json.Marshal(members)
		ok := err == nil && w.reads(&suite.Request{Method: q.Method, URL: q.URL, Header: q.Header, Body: b}, as)
		if ok {
			q.Body = b
		}
		return ok
	}
	for _, name := range keys(members) {
		value := members[name]
		if delete(members, name); try() {
			continue
		}
		if members[name] = json.RawMessage(`"..."`); !try() {
			members[name] = value
		}
	}
}

// refuseOther writes a request that differs in its method alone, if the policy refuses one.
func (w *caseWriter) refuseOther(q *suite.Request) {
	for _, method := range []string{http.MethodDelete, http.MethodPut, http.MethodPost} {
		if method != q.Method && w.refuse(&suite.Request{Method: method, URL: q.URL}) {
			return
		}
	}
}

// refuse writes a case of what the policy refuses, and says whether it does.
func (w *caseWriter) refuse(q *suite.Request) bool {
	a, err := suite.Ask(w.policy, q)
	if err != nil || a.Effect != "deny" {
		return false
	}
	w.write(q, "deny")
	return true
}

func (w *caseWriter) write(q *suite.Request, expect string) {
	a, err := suite.Ask(w.policy, q)
	key := q.Method + " " + q.URL + " " + string(q.Body)
	if err != nil || w.n == maxCases || w.text.Len() > maxText || w.asked[key] || strings.ContainsFunc(q.URL, unicode.IsControl) {
		return
	}
	w.asked[key] = true
	w.n++
	act := a.Decision.Action
	name := comment(strings.TrimSpace(act.Name + " " + act.Resource.String()))
	if act.Name == "" || act.Name == action.UnknownName {
		name = comment(q.Method + " " + q.URL)
	}
	if expect == "deny" {
		name = "not: " + name
	}
	if len(name) > 150 {
		name = strings.ToValidUTF8(name[:150], "")
	}
	if w.names[name]++; w.names[name] > 1 {
		name = fmt.Sprintf("%s (%d)", name, w.names[name])
	}
	fmt.Fprintf(&w.text, "\n[[case]]\nname   = %s\nmethod = %s\nurl    = %s\n", quote(name), quote(q.Method), quote(q.URL))
	if t := q.Header.Get("Content-Type"); t != "" && len(q.Body) > 0 {
		fmt.Fprintf(&w.text, "headers = { Content-Type = %s }\n", quote(t))
	}
	if len(q.Body) > 0 {
		fmt.Fprintf(&w.text, "body   = %s\n", quote(string(q.Body)))
	}
	fmt.Fprintf(&w.text, "expect = %s\n", quote(expect))
	if expect == "allow" && act.Name != "" {
		fmt.Fprintf(&w.text, "action = %s\n", quote(act.Name))
	}
}
