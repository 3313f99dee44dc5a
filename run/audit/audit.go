// Package audit is the append-only record of a run: JSON lines with a hash chain, one file a run. A request's record is
// written before the request leaves, and what Append cannot write it says, so that the caller can refuse the request.
// What became of it may follow a few milliseconds later, see [Log.Defer]. The package does no network, reads no environment, and is safe for concurrent use.
//
// # The file
//
// Each line is one [Record] as a JSON object in UTF-8 with LF at its end, at most [maxLine] bytes. Control characters,
// line separators, bidirectional controls and whatever else does not print are written as \uXXXX, so that a line is safe
// on a terminal; strings beyond a field's bound are cut and end in "...[cut N bytes]".
//
// # The chain
//
// The last member of each line is the chain: the line ends in exactly
//
//	,"chain":"<64 lower case hex digits>"}
//
// Let body be the line without that member, that is the bytes before `,"chain"` and then one `}`. Then
//
//	chain(0) = SHA-256("agentguard audit 1\n" + run_id)
//	chain(n) = SHA-256(chain(n-1) as 32 bytes + body(n))
//
// Lines count from 1, line n carries "seq":n, and all carry the run_id that chain(0) was made of.
//
// # The anchor
//
// In another directory lies, under the log's name with .anchor for .jsonl, a file of two lines of fixed size, each
// rewritten in place:
//
//	agentguard-anchor-2 written <seq, 20 digits> <chain(seq), 64 hex digits> <CRC-32 (IEEE) of all before, space included, 8 hex digits>
//	agentguard-anchor-2 writing <seq> <chain(seq)> <CRC-32>
//
// One or more lines of the log are written at once, in three steps: "writing" becomes the last of them, which announces
// them all, for its chain covers them; they are added to the log; "written" becomes the same line. So the log ends
// between the two, and after all is done they are equal. Whoever dies between the steps leaves either none of the
// announced lines, or all, or (where the system cut the writing short) some, the last of them torn perhaps. [Verify]
// accepts that much and says it: lines after "written" only as many as are announced, and when all are there, only those.
//
// The steps follow each other for everybody who reads the files on this system, whatever happens to the process, since
// what it has written or stored into a shared mapping is the system's. A kill may cut the storing of a line short, and a
// processor may show its bytes to others out of order: then its checksum does not fit, and the other line, which is not
// touched meanwhile, holds alone. That one is then what the log must end in: a torn "writing" is from before anything of
// it was added, a torn "written" from after all was.
//
// Records that were deferred are in neither file until they are written, so that what a kill takes of them is not missed;
// the records after them, which would need their chain, are written with them or not at all.
//
// # What this shows, and what not
//
// It shows damage, and edits by whoever does not redo the rest: a line altered, removed, added or moved, the end cut off,
// the whole file replaced. It does not stop the user who owns both files, nor a program that runs as that user: whoever
// can write both can make a new, whole chain. Nothing here is signed. A log whose anchor is copied elsewhere during the
// run (to another host, say) does show a rewrite of what came before the copy. A power failure
// may lose the last seconds of either file; a kill of the process loses nothing that Append returned nil for, and of what
// was deferred at most the last 5 ms (more while the disk is full).
package audit

import "time"

// Event says what a record is about.
type Event string

// The events.
const (
	RunStart Event = "run.start"
	Sent     Event = "request"  // written before the request leaves
	Ended    Event = "response" // written when it ended, a stream's end included
	Refused  Event = "refused"  // it never left
	RunEnd   Event = "run.end"
)

// The effects.
const (
	Allow = "allow"
	Deny  = "deny"
	Limit = "limit"
	Error = "error"
)

// Record is one line. Empty fields are left out.
type Record struct {
	Seq     uint64    `json:"seq"`       // set by Append and Defer, as all that is "set by Append" below
	Time    time.Time `json:"timestamp"` // if zero, set by Append
	Event   Event     `json:"event"`
	RunID   string    `json:"run_id,omitempty"`   // set by Append
	AgentID string    `json:"agent_id,omitempty"` // if empty, set by Append
	Owner   string    `json:"owner,omitempty"`
	ID      uint64    `json:"exchange,omitempty"` // ties a request to its response

	Service    string   `json:"service,omitempty"`
	Action     string   `json:"action,omitempty"`     // the one that decided
	Actions    []string `json:"actions,omitempty"`    // when there are several
	Operations []int    `json:"operations,omitempty"` // how many of Actions, in their order, are one operation, when that is more than one
	Resource   string   `json:"resource,omitempty"`
	Resources  []string `json:"resources,omitempty"` // of Actions, one for each, when they differ
	Rule       string   `json:"rule,omitempty"`
	Effect     string   `json:"effect,omitempty"` // allow, deny, limit, error
	Reason     string   `json:"reason,omitempty"`
	Credential string   `json:"credential_used,omitempty"` // its name

	Request  Request  `json:"request,omitzero"`
	Response Response `json:"response,omitzero"`

	DurationMS float64 `json:"duration_ms,omitempty"` // kept to the microsecond
	Stages     Stages  `json:"stages_us,omitempty"`
	Pid        int     `json:"pid,omitempty"`
	IPAddress  string  `json:"ip_address,omitempty"`
	Transport  string  `json:"transport,omitempty"` // connect, absolute, gateway, tunnel, captured, websocket, preflight: agentguard's own question

	Requests uint64 `json:"requests,omitempty"` // of run.end: how many "request" records there are; set by Append
	Denied   uint64 `json:"denied,omitempty"`   // of run.end: how many "refused" records there are; set by Append

	// Detail is for what only some events have: of run.start the policy's hash, the isolation, the program's name.
	Detail map[string]string `json:"detail,omitempty"`
}

// Request is what was asked. The caller has taken secrets out.
type Request struct {
	Method     string `json:"method,omitempty"`
	Scheme     string `json:"scheme,omitempty"` // "http"; "" is https
	Authority  string `json:"authority,omitempty"`
	Path       string `json:"path,omitempty"`
	Query      string `json:"query,omitempty"`
	Proto      string `json:"proto,omitempty"`
	BodySHA256 string `json:"body_hash,omitempty"` // "sha256:..."
	Bytes      int64  `json:"bytes,omitempty"`
}

// Response is what came back.
type Response struct {
	Status   int    `json:"status,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	Scrubbed int    `json:"scrubbed,omitempty"` // secrets taken out
	Error    string `json:"error,omitempty"`
	Result   Result `json:"result,omitempty"`
}

// Field is one scalar of the answer's body that the record keeps.
type Field struct {
	Name, Value string
	Literal     bool // a number, true or false, as JSON spells it
}

// Result is what is kept of an answer's body, in order. In JSON it is one object.
type Result []Field

// Stage is how long one stage of the pipeline took.
type Stage struct {
	Name string
	Took time.Duration
}

// Stages are in the order they ran. In JSON they are one object: names, and microseconds with up to three decimals.
type Stages []Stage
