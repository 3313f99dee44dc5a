package policy

import (
	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// Effect is what the policy says. The zero value denies.
type Effect uint8

// The effects; ask arrives with approvals.
const (
	Deny Effect = iota
	Allow
)

func (e Effect) String() string { return [...]string{"deny", "allow"}[e] }

// ClaimKind says how the policy knows a host. The zero value is Unclaimed.
type ClaimKind uint8

// The kinds of claim.
const (
	Unclaimed  ClaimKind = iota // refused
	ForService                  // a service's host
	Open                        // [network] allow: intercepted, no credential
	Tunnel                      // [network] tunnel: passed through unread
)

// Claim is how the policy knows an authority.
type Claim struct {
	Kind        ClaimKind
	Service     *action.Service // of ForService
	Host        *action.Host    // of ForService
	Credentials []*Credential   // bound to that service, by name
	Reason      string          // of Unclaimed: what to write in the policy
}

// Decision is the policy's answer to one request. The zero value denies.
type Decision struct {
	Effect     Effect
	Rule       string        // the rule that decided, "" when none matched
	Reason     string        // for a person: "Action delete_repo is denied"
	Hint       string        // what to change, or ""
	Action     action.Action // the action that decided (the denied one, else the first)
	Credential string        // the credential the rule names, "" for the service's only one
	Limits     []limit.Take  // to be taken before the request is sent
}
