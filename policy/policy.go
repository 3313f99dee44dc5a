// Package policy says what an agent may do. It reads one strict TOML file and decides over the actions of a request:
// deny beats allow, and what no rule allows is denied. It is pure after Load: no network, no clock, no environment, and
// safe for concurrent use. A nil *Policy denies everything.
package policy

import (
	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// Policy is one agentguard.toml, checked. It comes from Load or Parse: one that was put together otherwise denies. Its
// maps have the names of the file's tables as keys: [allow.open-prs] is Allow["open-prs"].
type Policy struct {
	Source      string // file name, for messages
	Hash        string // hex SHA-256 of the file
	Text        []byte // of the file
	Files       []File // that it names and Load has read
	Agent       Agent
	Credentials map[string]*Credential
	Allow       map[string]*Rule
	Deny        map[string]*Rule
	Services    map[string]*action.Service // those that the file uses: built-in ones named by it, and its own
	Network     Network
	Env         Env
	Upstream    Upstream
	Limits      LimitStore
	Isolation   Isolation
	Warnings    Errors // what is written and has no effect, by line

	index        *index                  // nil, as in the zero Policy: nothing is allowed
	conditionals map[string]*conditional // by service
	observing    bool                    // what a request does is found out even where nothing hangs on it
}

// Agent is whom the policy is for.
type Agent struct{ Name, Purpose, Owner string }

// Credential is where a secret lives, where it may go and what the child sees of it.
type Credential struct {
	Name    string
	From    string        // a vault reference: "keychain:github-token"
	Service string        // its only service
	Env     []string      // the child's variables that hold the placeholder
	Slots   []action.Slot // overrides the service's own (`auth =`); nil: the service's
	Swap    []action.Slot // further places where its placeholder is swapped (`swap =`)
	// Inject is true when an allowed request without the placeholder gets the credential added; `inject = "placeholder"`
	// turns it off.
	Inject bool
	Line   int
}

// Rule is one [allow.x] or [deny.x].
type Rule struct {
	Name       string // "allow.open-prs"
	Service    string // "": every service (deny rules only)
	Credential string // "": the service's only one
	Actions    []string
	Resources  []string
	Limits     map[string]limit.Rate
	When       []Condition    // on the arguments of its actions; all must hold
	Keep       []action.Field // of the answers, for the record
	Line       int
}

// LimitStore is where the limits of rules are counted.
type LimitStore struct {
	Store    string         // as written; "": in a file on this machine
	Redis    *limit.Address // nil: in that file
	Password string         // a vault reference to Redis's password, or ""
}

// Network lists hosts that need no credential.
type Network struct {
	Allow  []action.HostPattern // intercepted
	Tunnel []action.HostPattern // passed through unread

	open []openHost // both, with their ports
}

// Env is what the child's environment gets beyond the safe default.
type Env struct {
	Pass []string // names, or globs with a trailing *
	Set  map[string]string
}

// Upstream is the way out.
type Upstream struct {
	Proxy        string            // URL; "none": no proxy; "": the supervisor's own HTTPS_PROXY
	CA           string            // PEM file added to the system's roots, as the policy names it
	Roots        []byte            // what it holds; nil where it was not read
	Resolve      map[string]string // "host:port" -> "ip:port"
	AllowPrivate []string          // hosts and addresses that may be private, loopback or link-local
}
