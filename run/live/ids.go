package live

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"agentguard/policy"
	"agentguard/policy/action"
	"agentguard/run/origin"
)

// factsOf is what the service is to know of ids: what all cases say. Alone each of them has a service of its own; here there
// is one, which cannot tell them different things.
func factsOf(cases *policy.Cases) (map[string]action.Fact, error) {
	facts, by := map[string]action.Fact{}, map[string]*policy.Case{}
	for i := range cases.Cases {
		c := &cases.Cases[i]
		for id, f := range c.IDs {
			if first := by[id]; first != nil && facts[id] != f {
				return nil, fmt.Errorf("%s:%d: the case %q says of the id %s something else than %q in line %d, and live both ask one service: give them two ids",
					cases.File, c.Lines["ids"], c.Name, id, first.Name, first.Lines["ids"])
			}
			facts[id], by[id] = f, c
		}
	}
	return facts, nil
}

// knowing answers the proxies' own questions about ids; they bear no number of ours. All else goes on.
func knowing(facts map[string]action.Fact, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/graphql" || r.Header.Get(origin.EchoID) != "" {
			next.ServeHTTP(w, r)
			return
		}
		question, _ := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
		if reply, ok := action.ReplyToLookUp(question, facts); ok {
			w.Header().Set("Content-Type", "application/json")
			w.Write(reply)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(question))
		next.ServeHTTP(w, r)
	})
}
