// Package action is the semantic catalogue: it reads one HTTP request and says which service it is for, which actions
// it would perform and on which resources. It does no I/O, keeps no state and is safe for concurrent use. What it does
// not know it names as unknown, never as harmless.
package action

import (
	"errors"
	"io"
	"net/http"
)

// Class says how much power an action needs. The zero value is Unknown, which no group matches.
type Class uint8

// The classes, from the least known to the most powerful.
const (
	Unknown Class = iota // the catalogue does not know the operation
	Read                 // safe: changes nothing
	Write                // changes data
	Admin                // changes settings, access or existence
)

// Resource is what an action works on: a kind ("repo") and a canonical name ("myorg/myrepo"). Both empty: none is known.
type Resource struct{ Kind, Name string }

// String gives the policy's spelling, "repo:myorg/myrepo", or "" for no resource.
func (r Resource) String() string {
	if r.Kind == "" {
		return ""
	}
	return r.Kind + ":" + r.Name
}

// Known says whether it is told which one it is.
func (r Resource) Known() bool { return r.Kind != "" && r.Name != "" }

// Action is one thing that a request would do.
type Action struct {
	Name      string   // the curated alias ("create_pr"), else Operation; "unknown" where the catalogue has none
	Operation string   // the service's own name for it ("pulls/create"), "" where there is none
	Class     Class    // Unknown matches no group
	Resource  Resource // canonical

	// Also is true for what belongs to the action before it: another resource, or another aspect, of the same operation.
	// Limits count the two once.
	Also bool

	// Like are names of what the request's arguments do besides, for which there is another action: rules that forbid those
	// forbid this, and none needs to allow them. Blanks part them.
	Like string

	// Ref is the git ref that the action changes ("refs/heads/main"), where the path, the commands of a push or an id tell; "" where
	// they do not.
	Ref string

	// Public is true for an action that reaches nothing of anybody's (GraphQL introspection, the rate limit): the
	// resources of a rule do not restrict it, its actions and class do.
	Public bool

	// Somewhere is true where nobody has asked yet which resource an action is about, and whichever it is counts as the one
	// that a rule wants: an action in Doubt.Least.
	Somewhere bool

	root *root // of GraphQL, nil for all else
}

// Request is what classification may look at. Path and Query are as sent: what is matched is what is sent.
type Request struct {
	Authority Authority
	Method    string
	Path      Path
	Query     string // raw, without the question mark
	Header    http.Header

	// Body returns the whole body when it has at most max bytes, decoded from its content encoding; an error says
	// why it could not be read whole (too large, unknown encoding, broken). The bytes stay available for sending.
	// If nil, the request has no body.
	Body func(max int64) ([]byte, error)

	// Peek returns up to max first bytes of the decoded body without consuming them. If nil, the request has no body.
	Peek func(max int) ([]byte, error)

	// Stream opens the decoded body from its beginning. What is read of it is held until it is sent: up to 1 MiB in memory,
	// beyond in an unlinked temporary file of mode 0600 up to 256 MiB; then reading fails with ErrHeld. It may be called
	// more than once. If nil, it is not provided: what only a large body tells is then read conservatively.
	Stream func() (io.ReadCloser, error)

	// Watch has judge read the decoded body while it is sent. Its end leaves only when judge has returned nil; an error is why
	// the request is broken off before. If nil, what only the whole body tells must be known before the request is sent.
	Watch func(judge func(body io.Reader) error)

	// Ask puts a question to the service itself: what a request means may hang on what only the service knows, such as
	// the repository behind an id. It is asked only where a rule could allow the answer. If nil, nobody can be asked, and
	// what is not known is read as the most dangerous variant, or not at all.
	Ask func(*Question) (*Reply, error)

	// Known is what was learnt of ids in this run, and gains what is learnt from this request. If nil, nothing is known.
	Known *Known
}

// Question is one request of agentguard's own to the authority of the request that it is about. It carries the credential
// that the request would carry, put on by whoever sends it, and nothing of the child's but what is in these fields.
type Question struct {
	Method string
	Path   string // escaped
	Query  string // raw, without the question mark
	Header http.Header
	Body   []byte // nil: none
	Max    int64  // of the reply's body, in bytes; a longer one is an error. If 0, 1 MiB

	// About are the actions whose reading hangs on the answer. The credential is the one of the rules that could allow
	// them, by name or group; if empty, of any rule for the service.
	About []Action
	// Why stands in the audit log: "which repositories the ids belong to".
	Why string
}

// Reply is what the service answered, whatever its status: redirects are not followed. No live secret is in it.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte // decoded from its content encoding
}

// Match is the reading of one request. Every action in it must be allowed. No actions, or one of class Unknown, is denied.
type Match struct {
	Service *Service
	Actions []Action
	Path    string // decoded, a slash inside a segment as %2F: what a `path:` resource of a rule is matched against

	// Doubt is what only the rest of the request tells, nil where nothing is left. Actions are then all that it may turn
	// out to do.
	Doubt *Doubt

	// Probe is set for a request that only asks whether others may follow and changes nothing: it is one of these actions, whichever
	// is allowed with some arguments. The first of them stands in Actions.
	Probe []string

	// Reason is what a refusal should say besides the rule: why the request could not be read (its action is then of
	// class Unknown), or why it counts as more than it seems. "" where there is nothing to say.
	Reason string

	Unrouted bool // no route of the service has its method and path
	GraphQL  bool // the request is one of GraphQL, read or not: its client expects a refusal of that form
	Batch    int  // how many documents it holds, in a list that is answered with one; 0: it is no list, or one too long

	args map[string]any // those of the body that asides hang on, where they were read with the model; nil: not yet
}

// Service is one upstream API: its hosts, where its credential goes, its operations.
type Service struct {
	Name  string // "github": what policies call it
	Base  string // where the gateway's /proxy/<service>/ leads: "https://api.github.com"
	Hosts []Host // in order; the first whose pattern matches serves

	// Refusal is the shape of a refusal's JSON that this service's clients read.
	Refusal RefusalShape
	// RefuseStatus is the status of a policy refusal; if 0, 403. (Codex retries on 403 and stops at once on 400.)
	RefuseStatus int
	// Signed says that requests carry no credential but are signed with one, so that none can be put on them.
	Signed bool
	// ResourceKinds are the kinds that a policy may name for this service: "repo", "model".
	ResourceKinds []string
}

// Host is a set of host names of a service that share their routes and their credential slots.
type Host struct {
	Pattern HostPattern
	Port    uint16                 // 0: 443, and 80 for services with http:// hosts
	Plain   bool                   // http:// is allowed: the policy said so
	Slots   []Slot                 // where the service reads its credential; the first is where one is added
	Routes  []Route                // how its requests become actions; for a built-in service the hand-written ones, see all
	Refine  func(*Request, *Match) // reads what method and path do not tell; may be nil
	Refined []Route                // what Refine may make of its routes: known to policies, never routed
	Spoken  []Route                // what it may make of a GraphQL document, as far as that is written by hand; see allSpoken

	// EncodedSlash says that paths may hold an escaped slash (the second argument of ParsePath); only a {x...} of a
	// template matches such a segment, or a {x} too where SlashInside says so.
	EncodedSlash, SlashInside bool
	// Canon gives the canonical form of a parameter's value in a resource; an error makes the request unknown. If nil,
	// the value is its own.
	Canon func(param, value string) (string, error)

	whole  func() []Route         // all routes, decoded once; nil: Routes are all
	spoken func() []Route         // all that is spoken; nil: Spoken is all
	takes  func(map[string]Takes) // adds what arguments those take; may be nil
	router func() *node           // built once; nil: nobody called Compile
}

// Route maps one operation to an action. Template segments: literal, {x} one segment, {x}tail one
// segment with a literal tail, {x...} the rest (at least one segment). The router prefers literals over parameters,
// parameters over rests, and backtracks. A trailing slash of the path changes nothing; a segment that differs from a
// literal in case alone matches nothing.
type Route struct {
	Method    string // "*": any; a GET route serves HEAD too
	Template  string // "/repos/{owner}/{repo}/pulls"
	Action    string // curated alias, or ""
	Operation string // the service's own name
	Class     Class
	Resource  string // "repo:{owner}/{repo}", or ""
	Public    bool   // see Action
	Permits   string // the permissions any of which lets a token do this ("issues:write,pull_requests:write"); "": none is known, so that no rule by permission covers it
	By        string // how requests name it, where that is neither path nor a GraphQL document: "JSON", "query"; shown to people alone
}

// RefusalShape is how a refusal is spelt for a service's clients.
type RefusalShape uint8

const (
	// RefusalFlat is {"error": "Action x is denied", "message": same, "rule":, "action":, "resource":, "hint":}.
	RefusalFlat RefusalShape = iota
	// RefusalNested is {"type": "error", "error": {"type": "permission_error", "message": ...}, "rule": ...}: Anthropic, OpenAI, Stripe.
	RefusalNested
	// RefusalAWS is what an AWS service answers in the protocol of the request: see AWSRefusal.
	RefusalAWS
	// RefusalNotion is RefusalFlat and a "code" that Notion has, without which its client passes over the message.
	RefusalNotion
	// RefusalSlack is, for methods of the Web API, {"ok": false, "error": "Action x is denied (why)", ...} under status 200, as Slack
	// refuses: its client for Node takes any other status for a failure of the network, and tries again for half an hour.
	RefusalSlack
	// RefusalGoogle is {"error": {"code": 403, "message": ..., "status": "PERMISSION_DENIED"}, ...} (google.aip.dev/193): its client for
	// Python breaks off over an error that is a text.
	RefusalGoogle
	// RefusalJira is RefusalFlat and the "errorMessages" that Jira has, where some of its clients look for nothing else.
	RefusalJira
)

// Doubt is a question that is worth its cost only where the policy answers differently for either outcome: reading a pack,
// asking the service.
type Doubt struct {
	Least  []Action // what the request does in any case
	Refs   bool     // which ref an action changes hangs on it
	settle func(*Request) (actions []Action, reason string, err error)
}

// ErrHeld says that as much of a body is held back as may be, and that it goes on.
var ErrHeld = errors.New("the body is larger than what is held back to be read")

// AtLeast is the match of what the request does in any case.
func (m *Match) AtLeast() Match {
	least := *m
	if m.Doubt != nil {
		least.Actions, least.Doubt = m.Doubt.Least, nil
	}
	return least
}

// Settle reads what Doubt leaves open, and asks the service where that does not tell. Afterwards Doubt is nil and Actions
// are what the request does; except where it could not be held to its end: then both are as they were.
func (m *Match) Settle(r *Request) {
	if m.Doubt == nil {
		return
	}
	actions, reason, err := m.Doubt.settle(r)
	switch {
	case errors.Is(err, ErrHeld):
		m.Reason = reason
	case err != nil:
		m.Doubt = nil
		m.deny(err.Error())
	default:
		m.Actions, m.Reason, m.Doubt = actions, reason, nil
	}
}
