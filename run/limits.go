package run

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"

	"agentguard/policy"
	"agentguard/policy/limit"
	"agentguard/run/private"
	"agentguard/vault"
)

// LimitsDir is where the counts of this machine are kept, below the user's state home.
func LimitsDir(stateHome string) string { return filepath.Join(stateHome, "agentguard", "limits") }

// Limits count what a policy limits.
type Limits struct {
	limit.Store
	password vault.Secret // of Redis; the child must not have it
	close    func()
}

// OpenLimits opens what counts the limits of p: a file below stateHome that all runs of its agent share, or the Redis
// server that it names, once that has answered. Where p limits nothing, nothing is kept. Errors are *child.ExitError.
func OpenLimits(ctx context.Context, p *policy.Policy, v *vault.Vault, stateHome string) (*Limits, error) {
	switch {
	case !p.Limited():
		return &Limits{Store: limit.NewMemory(nil), close: func() {}}, nil
	case p.Limits.Redis != nil:
		return openRedis(ctx, p, v)
	case stateHome == "":
		return nil, failure(errors.New("limits: there is no place to keep them"), "set HOME or XDG_STATE_HOME")
	}
	dir := LimitsDir(stateHome)
	root, err := private.Dir(dir)
	if err != nil {
		return nil, noLimits(fmt.Errorf("limits: %w", err))
	}
	root.Close()
	file, err := limit.OpenFile(dir, p.Agent.Name, nil)
	if err != nil {
		return nil, noLimits(err)
	}
	return &Limits{Store: file, close: func() {}}, nil
}

// Close is for when the last request is over.
func (l *Limits) Close() { l.close() }

func openRedis(ctx context.Context, p *policy.Policy, v *vault.Vault) (*Limits, error) {
	c := limit.RedisConfig{Address: *p.Limits.Redis}
	password, err := limitsPassword(ctx, p, v)
	if err != nil {
		return nil, err
	}
	if !password.Zero() {
		c.Password = password.Reveal
	}
	if c.Address.TLS {
		if c.Roots, err = roots(p); err != nil {
			return nil, err
		}
	}
	r := limit.NewRedis(c)
	if err := r.Ping(ctx); err != nil {
		r.Close()
		return nil, noLimits(err)
	}
	return &Limits{Store: r, password: password, close: func() { r.Close() }}, nil
}

// roots are the system's and the policy's own.
func roots(p *policy.Policy) (*x509.CertPool, error) {
	if p.Upstream.CA == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, failure(fmt.Errorf("the system's certificate roots: %w", err), "")
	}
	pool.AppendCertsFromPEM(p.Upstream.Roots)
	return pool, nil
}

// limitsPassword reads Redis's password; zero where the policy names none.
func limitsPassword(ctx context.Context, p *policy.Policy, v *vault.Vault) (vault.Secret, error) {
	if p.Limits.Password == "" {
		return vault.Secret{}, nil
	}
	ref, err := vault.ParseRef(p.Limits.Password)
	if err != nil {
		return vault.Secret{}, failure(fmt.Errorf("limits.password: %w", err), "")
	}
	s, err := v.Get(ctx, ref)
	if err != nil {
		hint := ""
		if ve := (*vault.Error)(nil); errors.As(err, &ve) {
			hint = ve.Hint
		}
		return s, failure(fmt.Errorf("limits.password: %w", err), hint)
	}
	return s, nil
}

// noLimits is the failure of a run whose limits cannot be counted.
func noLimits(err error) error {
	hint := "nothing runs without them: free space, or set XDG_STATE_HOME to a directory of yours"
	if e := (*limit.Error)(nil); errors.As(err, &e) {
		hint = e.Hint
	}
	return failure(err, hint)
}
