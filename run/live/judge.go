package live

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"

	"agentguard/policy"
	"agentguard/run/origin"
)

// decoded is a body without its content encoding; only a tunnel, which is not read, leaves one on.
func decoded(h http.Header, raw []byte) string {
	if h.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			raw, _ = io.ReadAll(io.LimitReader(z, maxAnswer))
		}
	}
	return string(raw)
}

// verdict is what an answer says, read as an agent would.
type verdict struct {
	effect  string // "allow", "deny", "limit"; "" where there is no answer
	said    string // of a refusal, all its words
	refusal *refusal
}

// refusal is the JSON of one; nil where another protocol is spoken.
type refusal struct{ Rule, Action, Resource, By string }

// verdictOf reads an answer. arrived is how often the request came to the service, which claims to be agentguard: where
// answers are not read, as in a tunnel, only that tells the two apart.
func verdictOf(s *seen, tunnel bool, arrived int) verdict {
	var refused connectError
	switch {
	case errors.As(s.err, &refused):
		return verdict{effect: "deny"}
	case s.err != nil:
		return verdict{}
	case !s.refused || tunnel && arrived > 0:
		return verdict{effect: "allow"}
	}
	v := verdict{effect: "deny", said: words(s.body) + "\n" + s.header.Get("Grpc-Message")}
	var r refusal
	if json.Unmarshal([]byte(s.body), &r) == nil && r.By == "agentguard" {
		v.refusal = &r
	}
	if s.status == http.StatusTooManyRequests || s.header.Get("Grpc-Status") == "8" || strings.Contains(v.said, "Rate limit of ") {
		v.effect = "limit"
	}
	return v
}

// words are the texts in a JSON document, or the text itself.
func words(body string) string {
	var doc any
	if json.Unmarshal([]byte(body), &doc) != nil {
		return body
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key])
			}
		}
	}
	walk(doc)
	return strings.Join(out, "\n")
}

// statusFits says whether a status goes with what was decided. Git, gRPC, GraphQL and Slack's methods are refused in an answer of 200.
func statusFits(effect string, s *seen) bool {
	wrapped := s.status == http.StatusOK && (s.header.Get("Grpc-Status") != "" || strings.HasPrefix(s.header.Get("Content-Type"), "application/x-git-") ||
		strings.Contains(s.body, `"errors"`) || strings.HasPrefix(s.body, `{"ok":false,`))
	switch effect {
	case "allow":
		return s.status == http.StatusOK
	case "limit":
		return s.status == http.StatusTooManyRequests || wrapped
	}
	switch s.status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return wrapped
}

// inspect notes what must hold of every answer, whatever the case says, and gives what was decided.
func (x *run) inspect(s *shot, out *seen) verdict {
	arrival := x.rig.echo.Took(out.id)
	v := verdictOf(out, s.answer.Claim.Kind == policy.Tunnel, arrival.Times)
	leaks := x.leaks(s, out)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count(out, v.effect, len(arrival.Credentials))
	if v.effect == "" {
		x.violate(s.Case, "answer", "an answer", out.err.Error())
		return v
	}
	for _, l := range leaks {
		x.violate(s.Case, "leak", "no credential", l)
	}
	if out.status != 0 && !statusFits(v.effect, out) {
		x.violate(s.Case, "status", "a status of "+v.effect, http.StatusText(out.status)+" "+clip(out.body))
	}
	want := 0
	if v.effect == "allow" {
		want = 1
	}
	if arrival.Times != want {
		x.violate(s.Case, "arrival", times(want), "the answer says "+v.effect+", and it arrived "+times(arrival.Times))
	}
	if v.effect == "allow" {
		x.credential(s, out, arrival.Credentials)
	}
	return v
}

func times(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return "more than once"
}

// credential checks that the service got the one credential that the policy names, and no other.
func (x *run) credential(s *shot, out *seen, got []string) {
	want := "none"
	if c := s.answer.Credential; c != nil {
		if !c.Inject && !out.carried {
			return // it goes on requests with its placeholder alone, and this one has no place for that
		}
		want = c.Name
	}
	if names := orNone(strings.Join(got, ", ")); names != want {
		x.violate(s.Case, "credential", want, names)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// leaks are the credentials in an answer: the throw-away ones in any spelling, and what looks like somebody's, unless it is
// a placeholder or part of the case itself.
func (x *run) leaks(s *shot, out *seen) (found []string) {
	text := out.all + "\n" + out.body
	for name, spellings := range x.rig.spelt {
		for _, how := range origin.Spelt(text, spellings) {
			found = append(found, "credential "+name+", "+how)
		}
	}
	for _, key := range looksLike(text) {
		if !strings.Contains(s.own, key) && !strings.Contains(x.placeholders, strings.ToLower(key)) {
			found = append(found, "what looks like a credential: "+key[:8]+"...")
		}
	}
	sort.Strings(found)
	return found
}
