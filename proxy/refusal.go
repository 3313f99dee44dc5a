package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"agentguard/policy/action"
)

// Refusal is why a request was not sent, in words that an agent can act on and tell its user.
type Refusal struct {
	Status   int           // 400, 403, 407, 413, 429, 502; 5xx only for what went wrong upstream (clients retry those)
	Reason   string        // "Action delete_repo is denied"
	Hint     string        // what to change, or ""
	Rule     string        // the rule that decided, or ""
	Action   string        // "delete_repo", or ""
	Resource string        // "repo:myorg/myrepo", or ""
	Field    string        // of a GraphQL document whose action it is: what its result would be called; "" if none is
	Document int           // which one of a batch of them that is, from 0
	Retry    time.Duration // of a 429
	Effect   string        // deny, limit or error
	Unknown  bool          // the policy does not know the host, and nothing else is wrong
}

func deny(reason, hint string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Reason: reason, Hint: hint, Effect: "deny"}
}

func malformed(reason string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: reason, Effect: "deny"}
}

func upstreamFailed(reason, hint string) *Refusal {
	return &Refusal{Status: http.StatusBadGateway, Reason: reason, Hint: hint, Effect: "error"}
}

// unable refuses what the policy allows, and what cannot be done as it asks.
func unable(ex *Exchange, reason, hint string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Reason: reason, Hint: hint, Rule: ex.Decision.Rule, Effect: "error"}
}

// gone answers a client that has ended its request, or its half of the connection, which net/http cannot tell from the other: what it
// sent is whole, so that it may still read. The upstream did nothing wrong.
func gone() *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: "the client ended the connection, or its half of it, before an answer came", Hint: "keep it open until the answer is there", Effect: "error"}
}

type refusalJSON struct {
	OK       *bool    `json:"ok,omitempty"`
	AWS      string   `json:"__type,omitempty"`
	Type     string   `json:"type,omitempty"`
	Code     string   `json:"code,omitempty"`
	Error    any      `json:"error"`
	Message  string   `json:"message"`
	Messages []string `json:"errorMessages,omitempty"`
	Rule     string   `json:"rule,omitempty"`
	Action   string   `json:"action,omitempty"`
	Resource string   `json:"resource,omitempty"`
	Hint     string   `json:"hint,omitempty"`
	By       string   `json:"by"`

	Description string `json:"description,omitempty"` // where clients of Telegram look, and nowhere else
	Warning     string `json:"warning,omitempty"`     // what Composer prints of an answer
}

type nestedError struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

type googleError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
}

// write answers the child in the words of the protocol that it speaks.
func (f *Refusal) write(w http.ResponseWriter, ex *Exchange) {
	h := w.Header()
	h.Set("X-Agentguard", "refused")
	h.Set("Cache-Control", "no-store")
	if f.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.Retry+time.Second-1)/time.Second)))
	}
	switch {
	case strings.HasPrefix(ex.ContentType(), "application/grpc"):
		f.writeGRPC(w)
	case f.writeReport(w, ex):
	case ex.Match.GraphQL:
		f.writeGraphQL(w, ex)
	case ex.refusalShape() == action.RefusalAWS:
		f.writeAWS(w, ex)
	case f.writeRPC(w, ex):
	case isGit(ex), isGoModule(ex):
		// git prints a text/plain answer line by line behind "remote:", and go get behind "server response:".
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(f.Status)
		w.Write([]byte("agentguard: " + f.sentence() + "\n"))
	default:
		f.writeJSON(w, ex)
	}
}

// refusalShape is how the clients of the request's service read a refusal, which they do whether or not the policy knows it.
func (ex *Exchange) refusalShape() action.RefusalShape {
	service := ex.Claim.Service
	if service == nil {
		service = action.Of(ex.Authority.Host)
	}
	switch {
	case service != nil && service.Refusal != action.RefusalFlat:
		return service.Refusal
	case asksModel(ex.Path):
		return action.RefusalNested
	}
	return action.RefusalFlat
}

// asksModel says whether a path is one by which models of all makers are asked: what clients print of a refusal there stands where OpenAI
// and Anthropic have it, and in HTTP/2, which has no phrase behind the status, nowhere else.
func asksModel(path string) bool {
	for _, call := range []string{"/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/messages"} {
		if strings.HasSuffix(path, call) {
			return true
		}
	}
	return false
}

// writeReport refuses a push in git's own report, which git prints for each ref. git reads it only after it has sent
// everything, so what is still to come of the push is taken and thrown away.
func (f *Refusal) writeReport(w http.ResponseWriter, ex *Exchange) bool {
	if ex.body == nil || ex.Method != http.MethodPost || !strings.HasSuffix(ex.Path, "/git-receive-pack") {
		return false
	}
	head, err := ex.body.peek(maxBody)
	if err != nil {
		return false
	}
	report, err := action.ReportStatus(head, f.sentence())
	if err != nil {
		return false
	}
	ex.body.discard(maxDiscard)
	w.Header().Set("Content-Type", action.ReportContentType)
	ex.Status = http.StatusOK
	w.WriteHeader(ex.Status)
	w.Write(report)
	return true
}

// writeRPC refuses a call of JSON-RPC, as servers of MCP take it over HTTP, in an error of JSON-RPC: some of their clients take a status of
// 400 and more for that of an older server and show nothing of what came with it. A limit stays a 429.
func (f *Refusal) writeRPC(w http.ResponseWriter, ex *Exchange) bool {
	if ex.body == nil || f.Status != http.StatusForbidden || !strings.Contains(ex.in.Header.Get("Accept"), "text/event-stream") {
		return false
	}
	head, _ := ex.body.peek(maxBody)
	var call struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
	}
	if json.Unmarshal(head, &call) != nil || call.Version != "2.0" || len(call.ID) == 0 {
		return false
	}
	ex.Status = http.StatusOK
	writeBody(w, ex.Status, map[string]any{"jsonrpc": call.Version, "id": call.ID, "error": map[string]any{"code": rpcRefused, "message": f.sentence()}})
	return true
}

// rpcRefused is a code of those that JSON-RPC 2.0 leaves to servers, and that MCP gives no meaning (section 5.1).
const rpcRefused = -32010

// maxDiscard is how much of a refused push, or of another body, is taken so that the reason can be read, in bytes.
const maxDiscard = 4 << 30

// kind is what a protocol calls the refusal: of what the policy denies, of what a limit stops, of what went wrong upstream.
func (f *Refusal) kind(denied, limited, failed string) string {
	switch {
	case f.Status == http.StatusTooManyRequests:
		return limited
	case f.Status >= 500:
		return failed
	}
	return denied
}

func (f *Refusal) sentence() string {
	if f.Hint == "" {
		return f.Reason
	}
	return f.Reason + " (" + f.Hint + ")"
}

func (f *Refusal) writeJSON(w http.ResponseWriter, ex *Exchange) {
	body := refusalJSON{Error: f.Reason, Message: f.sentence(), Rule: f.Rule, Action: f.Action, Resource: f.Resource, Hint: f.Hint, By: "agentguard"}
	body.AWS = w.Header().Get("X-Amzn-Errortype")
	status := f.Status
	switch ex.refusalShape() {
	case action.RefusalFlat:
		body.Description = body.Message
		if ex.in != nil && strings.HasPrefix(ex.in.UserAgent(), "Composer/") {
			body.Warning = body.Message
		}
	case action.RefusalNested:
		kind := f.kind("permission_error", "rate_limit_error", "api_error")
		body.Type, body.Error = "error", nestedError{kind, "agentguard_" + f.Effect, f.sentence()}
	case action.RefusalNotion:
		body.Code = f.kind("restricted_resource", "rate_limited", "service_unavailable")
	case action.RefusalJira:
		body.Messages = []string{f.sentence()}
	case action.RefusalGoogle:
		body.Error = googleError{f.Status, f.sentence(), f.kind("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE")}
	case action.RefusalSlack:
		if f.refusesMethod(ex) {
			status, ex.Status = http.StatusOK, http.StatusOK
			body.OK, body.Error = new(bool), f.sentence()
		}
	}
	writeBody(w, status, body)
}

// refusesMethod says whether what is denied is a method of Slack's Web API. A limit stays a 429, after which its clients wait.
func (f *Refusal) refusesMethod(ex *Exchange) bool {
	return strings.HasPrefix(ex.Path, "/api/") && f.Status != http.StatusTooManyRequests && f.Status < 500
}

// writeAWS refuses under codes on which the SDKs of AWS do not try again, but for what went wrong upstream.
func (f *Refusal) writeAWS(w http.ResponseWriter, ex *Exchange) {
	code := f.kind("AccessDenied", "LimitExceeded", "ServiceUnavailable")
	text := action.AWSRefusal(ex.Authority.Host, ex.in, code, f.sentence())
	if text == "" {
		w.Header().Set("X-Amzn-Errortype", code+"Exception")
		f.writeJSON(w, ex)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.Status)
	io.WriteString(w, text)
}

func writeBody(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // strings always marshal
		b = []byte(`{"error":"refused"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// graphQLRefusal is an answer of GraphQL (section 7.1, "Response Format") without data.
type graphQLRefusal struct {
	Data    any            `json:"data"`
	Errors  []graphQLError `json:"errors"`
	Message string         `json:"message,omitempty"` // for clients that look no further than at the status
}

type graphQLError struct {
	Message    string            `json:"message"`
	Type       string            `json:"type"` // as GitHub has it
	Path       []string          `json:"path,omitempty"`
	Extensions graphQLExtensions `json:"extensions"`
}

type graphQLExtensions struct {
	Code     string `json:"code"`
	Type     string `json:"type"` // as Linear has it
	Rule     string `json:"rule,omitempty"`
	Action   string `json:"action,omitempty"`
	Resource string `json:"resource,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

// writeGraphQL refuses in errors[], which clients of GraphQL print. What the policy denies is 200, as a server's own refusal
// would be; a limit stays a 429, since that and Retry-After make clients wait.
func (f *Refusal) writeGraphQL(w http.ResponseWriter, ex *Exchange) {
	e := graphQLError{Message: f.sentence(), Type: f.kind("FORBIDDEN", "RATE_LIMITED", "INTERNAL"), Extensions: graphQLExtensions{
		Code: "agentguard_" + f.Effect, Type: f.kind("forbidden", "ratelimited", "internal error"), Rule: f.Rule, Action: f.Action, Resource: f.Resource, Hint: f.Hint}}
	if f.Field != "" {
		e.Path = []string{f.Field}
	}
	if f.Status != http.StatusTooManyRequests && f.Status < 500 {
		ex.Status = http.StatusOK
	}
	if ex.Match.Batch > 0 {
		writeBody(w, ex.Status, f.batch(e, ex.Match.Batch))
		return
	}
	body := graphQLRefusal{Errors: []graphQLError{e}}
	if ex.Status != http.StatusOK {
		body.Message = e.Message
	}
	writeBody(w, ex.Status, body)
}

// batch answers each request of a list, as its client expects. None of them is executed, so each says why.
func (f *Refusal) batch(e graphQLError, n int) []graphQLRefusal {
	other := e
	if f.Field != "" {
		other.Path, other.Message = nil, "another request of the batch is refused: "+e.Message
	}
	all := make([]graphQLRefusal, n)
	for i := range all {
		all[i].Errors = []graphQLError{other}
	}
	if f.Document < n {
		all[f.Document].Errors[0] = e
	}
	return all
}

// writeGRPC is a Trailers-Only answer (gRPC over HTTP/2, "Responses"): PERMISSION_DENIED, RESOURCE_EXHAUSTED or
// UNAVAILABLE.
func (f *Refusal) writeGRPC(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", f.kind("7", "8", "14"))
	w.Header().Set("Grpc-Message", percentMessage("agentguard: "+f.sentence()))
	w.WriteHeader(http.StatusOK)
}

// percentMessage encodes as grpc-message asks: printable ASCII but % stays.
func percentMessage(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func isGit(ex *Exchange) bool {
	return strings.HasSuffix(ex.Path, "/info/refs") || strings.HasSuffix(ex.Path, "/git-upload-pack") || strings.HasSuffix(ex.Path, "/git-receive-pack")
}

// isGoModule is for what the go command asks: proxies of modules (go.dev/ref/mod, "GOPROXY protocol"), and pages that say where a
// module's repository is.
func isGoModule(ex *Exchange) bool {
	return strings.Contains(ex.Path, "/@v/") || strings.HasSuffix(ex.Path, "/@latest") || ex.Query == "go-get=1"
}
