package proxy

import (
	"net/http/httptest"
	"strings"
	"testing"

	"agentguard/policy/action"
)

// TestRefusalsSpeakTheServicesWords: the clients of these services pass over a message that does not stand where theirs does.
func TestRefusalsSpeakTheServicesWords(t *testing.T) {
	denied := deny("Action x is denied", "why")
	for _, c := range []struct {
		service, path string
		refusal       *Refusal
		status        int
		want          string
	}{
		{"stripe", "/v1/refunds", denied, 403, `"error":{"type":"permission_error","code":"agentguard_deny","message":"Action x is denied (why)"}`},
		{"notion", "/v1/pages", denied, 403, `"code":"restricted_resource","error":"Action x is denied","message":"Action x is denied (why)"`},
		{"jira", "/rest/api/3/issue/X-1", denied, 403, `"message":"Action x is denied (why)","errorMessages":["Action x is denied (why)"]`},
		{"linear", "/graphql", denied, 403, `{"error":"Action x is denied","message":"Action x is denied (why)"`},
		{"gemini", "/v1beta/files/f", denied, 403, `"error":{"code":403,"message":"Action x is denied (why)","status":"PERMISSION_DENIED"}`},
		{"github", "/myorg/myrepo/info/refs", denied, 403, "agentguard: Action x is denied (why)\n"},
		{"", "/openai/v1/chat/completions", denied, 403, `"error":{"type":"permission_error","code":"agentguard_deny","message":"Action x is denied (why)"}`},
		{"github", "/chat/completions", denied, 403, `"error":{"type":"permission_error","code":"agentguard_deny","message":"Action x is denied (why)"}`},
		{"notion", "/v1/messages", denied, 403, `"code":"restricted_resource","error":"Action x is denied"`},
		{"", "/chat/completions/notes", denied, 403, `{"error":"Action x is denied"`},
		{"", "/bot1:a/getMe", denied, 403, `"by":"agentguard","description":"Action x is denied (why)"}`},
		{"", "/example.com/m/@v/list", denied, 403, "agentguard: Action x is denied (why)\n"},
		{"slack", "/api/chat.delete", denied, 200, `{"ok":false,"error":"Action x is denied (why)","message":"Action x is denied (why)"`},
		{"slack", "/files-pri/T1/a.png", denied, 403, `{"error":"Action x is denied"`},
		{"slack", "/api/chat.delete", &Refusal{Status: 429, Reason: "enough"}, 429, `{"error":"enough"`},
		{"slack", "/api/chat.delete", upstreamFailed("gone", ""), 502, `{"error":"gone"`},
	} {
		ex, w := &Exchange{Path: c.path}, httptest.NewRecorder()
		ex.Claim.Service = action.Lookup(c.service)
		c.refusal.write(w, ex)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s", c.service, c.path, w.Code, w.Body)
		}
	}
}

// TestRefusalsOfUnknownHostsSpeakTheirWords: who calls a built-in service that the policy does not name reads its words all the same.
func TestRefusalsOfUnknownHostsSpeakTheirWords(t *testing.T) {
	refusal := &Refusal{Status: 403, Reason: "the policy does not know it", Unknown: true}
	for host, want := range map[string]string{
		"b.s3.us-east-1.amazonaws.com":      "<Error><Code>AccessDenied</Code><Message>the policy does not know it</Message>",
		"api.openai.com":                    `"error":{"type":"permission_error","code":"agentguard_","message":"the policy does not know it"}`,
		"generativelanguage.googleapis.com": `"error":{"code":403,"message":"the policy does not know it","status":"PERMISSION_DENIED"}`,
		"api.example.com":                   `{"error":"the policy does not know it"`,
	} {
		ex, w := &Exchange{Authority: action.Authority{Host: host, Port: 443}, in: httptest.NewRequest("PUT", "/k", nil)}, httptest.NewRecorder()
		if refusal.write(w, ex); w.Code != 403 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", host, w.Code, w.Body)
		}
	}
}
