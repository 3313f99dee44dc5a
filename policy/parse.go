package policy

import (
	"errors"

	"agentguard/policy/action"
)

// Load reads and checks a policy file.
func Load(file string) (*Policy, error) { return nil, errors.New("not built yet") }

// Parse checks the text of a policy; file names it in messages.
func Parse(file string, text []byte) (*Policy, error) { return nil, errors.New("not built yet") }

// Claim says how the policy knows a.
func (p *Policy) Claim(a action.Authority, plain bool) Claim { return Claim{} }

// Decide says whether every action of m is allowed.
func (p *Policy) Decide(m *action.Match) Decision { return Decision{} }
