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

// TestRefusalsOfPackages: Composer asks in HTTP/2, and prints of a refusal what it has as a warning alone.
func TestRefusalsOfPackages(t *testing.T) {
	ex, w := &Exchange{in: httptest.NewRequest("GET", "/packages.json", nil)}, httptest.NewRecorder()
	ex.in.Header.Set("User-Agent", "Composer/2.5.5 (Linux; PHP 8.2)")
	if deny("Action x is denied", "why").write(w, ex); !strings.Contains(w.Body.String(), `"warning":"Action x is denied (why)"`) {
		t.Error(w.Body)
	}
}

// TestRefusalsOfJSONRPC: clients of MCP show an error of JSON-RPC, and of another status less or nothing. What asks for no answer gets the
// status, as do limits and who does not say that it takes a stream.
func TestRefusalsOfJSONRPC(t *testing.T) {
	const stream, call, flat = "application/json, text/event-stream", `{"jsonrpc": "2.0", "id": "a-1", "method": "tools/call"}`, `{"error":"Action x is denied"`
	for _, c := range []struct {
		accept, body string
		status, want int
		text         string
	}{
		{stream, call, 403, 200, `{"error":{"code":-32010,"message":"Action x is denied (why)"},"id":"a-1","jsonrpc":"2.0"}`},
		{stream, `{"jsonrpc": "2.0", "method": "notifications/initialized"}`, 403, 403, flat},
		{stream, `[` + call + `]`, 403, 403, flat},
		{stream, `{"id": 1, "model": "m"}`, 403, 403, flat},
		{"application/json", call, 403, 403, flat},
		{stream, call, 429, 429, flat},
	} {
		ex, w := &Exchange{Path: "/mcp", in: httptest.NewRequest("POST", "/mcp", nil), body: newPeeked(t, strings.NewReader(c.body))}, httptest.NewRecorder()
		ex.in.Header.Set("Accept", c.accept)
		(&Refusal{Status: c.status, Reason: "Action x is denied", Hint: "why", Effect: "deny"}).write(w, ex)
		if w.Code != c.want || !strings.HasPrefix(w.Body.String(), c.text) {
			t.Errorf("%s %s: %d %s", c.accept, c.body, w.Code, w.Body)
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
