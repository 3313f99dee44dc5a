package proxy

import (
	"net/http/httptest"
	"strings"
	"testing"

	"agentguard/policy/action"
)

// TestRefusalsSpeakTheServicesWords: the clients of these services pass over a message that does not stand where theirs does.
func TestRefusalsSpeakTheServicesWords(t *testing.T) {
	for name, want := range map[string]string{
		"stripe": `"error":{"type":"permission_error","code":"agentguard_deny","message":"Action x is denied (why)"}`,
		"notion": `"code":"restricted_resource","error":"Action x is denied","message":"Action x is denied (why)"`,
		"linear": `{"error":"Action x is denied","message":"Action x is denied (why)"`,
	} {
		ex, w := &Exchange{}, httptest.NewRecorder()
		ex.Claim.Service = action.Lookup(name)
		deny("Action x is denied", "why").write(w, ex)
		if w.Code != 403 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
