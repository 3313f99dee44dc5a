package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"agentguard/policy"
	"agentguard/vault"
)

// perSecret bounds one reading: a vault that waits for somebody must not keep the others from being looked at.
const perSecret = 10 * time.Second

// checkVault reads each credential of the policy, and shows none.
func checkVault(ctx context.Context, c *Config) []Finding {
	p := c.usable()
	if p == nil || len(p.Credentials) == 0 {
		return one(Skip, "vault", "no policy of use that names credentials", "")
	}
	names := slices.Sorted(maps.Keys(p.Credentials))
	findings := make([]Finding, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { findings[i] = readable(ctx, c.Vault, p.Credentials[name]) })
	}
	all.Wait()
	return findings
}

func readable(ctx context.Context, v *vault.Vault, c *policy.Credential) Finding {
	ctx, cancel := context.WithTimeout(ctx, perSecret)
	defer cancel()
	f := Finding{Object: c.Name, What: "readable from " + c.From, Status: OK}
	ref, err := vault.ParseRef(c.From)
	if err == nil {
		_, err = v.Get(ctx, ref)
	}
	if err == nil {
		return f
	}
	f.Status, f.What, f.Fix = Fail, err.Error(), "agentguard vault where"
	if e := (*vault.Error)(nil); errors.As(err, &e) && e.Hint != "" {
		f.Fix = e.Hint
	}
	return f
}
