// Package doctor looks whether agentguard can work here: one check per file, each of which says what it looked at, why
// that matters and how to mend it. Checks change nothing, and each is bounded in time. What a check cannot find out is a
// failure, never a pass.
package doctor

import (
	"context"
	"sync"
	"time"

	"agentguard/policy"
	"agentguard/run/sandbox"
	"agentguard/vault"
)

// Status is a check's answer. The zero value is Fail.
type Status uint8

// The answers.
const (
	Fail Status = iota // agentguard will not work, or not safely, until this is mended
	Warn               // it works, but not all of it, or not as one may think
	Skip               // there was nothing to look at
	OK
)

func (s Status) String() string { return [...]string{"fail", "warn", "skip", "ok"}[s] }

// MarshalText is String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one line of the doctor's report.
type Finding struct {
	Check  string `json:"check"`            // the check's name
	Object string `json:"object"`           // what was looked at: a credential, a program
	Status Status `json:"status"`           //
	What   string `json:"what"`             // what is so
	Why    string `json:"why,omitempty"`    // why that matters; empty when all is well
	Fix    string `json:"fix,omitempty"`    // what mends it
	Took   int64  `json:"took_ms,omitzero"` // of the whole check, or of this program
}

// Config is what the checks look at. All of the outside world is in it.
type Config struct {
	// Vault is opened by the checks that need it; the caller closes it.
	Vault *vault.Vault
	// Policy gives the policy that `run` would take; nil, nil where there is none.
	Policy func() (*policy.Policy, error)
	// Trust says why `run` would not take a policy as it is; nil: it would. If nil, it takes each.
	Trust func(*policy.Policy) error
	// Environ is the supervisor's environment, for the sessions in which clients are tried.
	Environ []string
	// StateHome is where the audit logs and the counts of limits go.
	StateHome string
	// Built is when this binary was made; zero: unknown.
	Built time.Time
	// Now reads the clock; if nil, time.Now.
	Now func() time.Time
	// Run is the command that makes a run, as "agentguard run" does; client programs are tried in one each.
	Run []string
	// User is whom a command runs as; "" where that is no question. NoUser is why there is nobody.
	User   string
	NoUser error
	// Fetch is a command that gets its last argument with Go's own client; if empty, Go programs are not tried.
	Fetch []string
	// Quick leaves the client programs out.
	Quick bool
	// Levels is what came of trying each level; it is tried before this process is protected from others.
	Levels []sandbox.Tried
}

func (c *Config) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// taken is the level that a run takes here.
func (c *Config) taken() sandbox.Level {
	for _, t := range c.Levels {
		if t.Err == nil {
			return t.Level
		}
	}
	return sandbox.Env
}

// usable is the policy that `run` would take: of another one nothing is tried, since it may name commands. nil: there is none.
func (c *Config) usable() *policy.Policy {
	p, err := c.Policy()
	if err != nil || p == nil || c.Trust != nil && c.Trust(p) != nil {
		return nil
	}
	return p
}

// check is one thing to look at.
type check struct {
	name  string
	why   string // why a finding that is not well matters
	bound time.Duration
	run   func(ctx context.Context, c *Config) []Finding
}

// checks is every check there is, in the order of the report. A line here and a file of that name add one.
var checks = []check{
	{"keychain", "secrets that are not in a keychain are in a file that a passphrase or a key opens", 10 * time.Second, checkKeychain},
	{"policy", "without a policy nothing starts: what no rule allows is denied", 5 * time.Second, checkPolicy},
	{"vault", "a run starts only when each credential of the policy can be read", 20 * time.Second, checkVault},
	{"clock", "certificates of the run, expiry dates, limits and the audit log go by the clock", 5 * time.Second, checkClock},
	{"roots", "a server is trusted only for a certificate authority that this machine knows", 5 * time.Second, checkRoots},
	{"limits", "a run starts only when its limits can be counted, and a request that cannot be counted is refused", 10 * time.Second, checkLimits},
	{"audit", "a request whose record cannot be written is refused", 5 * time.Second, checkAudit},
	{"isolation", "the level says what a hostile program could still do", 5 * time.Second, checkIsolation},
	{"clients", "a program that does not trust the run's CA, or ignores the proxy, cannot reach any service", 90 * time.Second, checkClients},
}

// Run makes all checks and hands each finding over as it comes, in the order of the table. It says whether none failed.
func Run(ctx context.Context, c Config, each func(Finding)) bool {
	well := true
	results := make([]chan []Finding, len(checks))
	var local sync.WaitGroup
	for i, k := range checks {
		results[i] = make(chan []Finding, 1)
		local.Go(func() { results[i] <- k.bounded(ctx, &c) })
	}
	for i, k := range checks {
		for _, f := range <-results[i] {
			f.Check = k.name
			if f.Status != OK && f.Why == "" {
				f.Why = k.why
			}
			well = well && f.Status != Fail
			each(f)
		}
	}
	return well
}

// bounded gives up on a check that does not come back: a keychain may wait for somebody to type.
func (k check) bounded(ctx context.Context, c *Config) []Finding {
	ctx, cancel := context.WithTimeout(ctx, k.bound)
	defer cancel()
	done := make(chan []Finding, 1)
	start := time.Now()
	go func() { done <- k.run(ctx, c) }()
	select {
	case findings := <-done:
		for i := range findings {
			if findings[i].Took == 0 {
				findings[i].Took = time.Since(start).Milliseconds()
			}
		}
		return findings
	case <-time.After(k.bound + time.Second):
		return one(Fail, k.name, "no answer within "+k.bound.String(), "try again; if it stays so, look for an unlock prompt on the desktop")
	}
}

func one(s Status, object, what, fix string) []Finding {
	return []Finding{{Object: object, Status: s, What: what, Fix: fix}}
}
