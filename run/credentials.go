package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"agentguard/policy"
	"agentguard/vault"
	"agentguard/vault/cred"
)

// loadCredentials reads every secret of the policy; what is missing is listed all at once.
func (s *session) loadCredentials(ctx context.Context) error {
	type loaded struct {
		c   *cred.Credential
		err error
	}
	results := make([]loaded, 0, len(s.Policy.Credentials))
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, pc := range s.Policy.Credentials {
		all.Go(func() {
			c, err := s.loadCredential(ctx, pc)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, loaded{c, err})
		})
	}
	all.Wait()
	sort.Slice(results, func(i, j int) bool { return results[i].c.Name < results[j].c.Name })
	var creds []*cred.Credential
	var problems, hints []string
	for _, r := range results {
		if r.err == nil {
			creds = append(creds, r.c)
			continue
		}
		problems = append(problems, fmt.Sprintf("credential %s: %v", r.c.Name, r.err))
		var ve *vault.Error
		if errors.As(r.err, &ve) && ve.Hint != "" && !slices.Contains(hints, ve.Hint) {
			hints = append(hints, ve.Hint)
		}
	}
	if len(problems) > 0 {
		return failure(errors.New(strings.Join(problems, "\n")), strings.Join(hints, "\n"))
	}
	set, err := cred.NewSet(creds...)
	if err != nil {
		return failure(err, "")
	}
	s.creds = set
	for _, c := range creds { // every value is live before the child starts, so all are kept out of its environment
		if _, err := c.Secret(ctx); err != nil {
			return failure(fmt.Errorf("credential %s: %w", c.Name, err), "")
		}
	}
	return nil
}

func (s *session) loadCredential(ctx context.Context, pc *policy.Credential) (*cred.Credential, error) {
	c := &cred.Credential{Name: pc.Name, Service: pc.Service, Slots: pc.Slots, Swap: pc.Swap, Inject: pc.Inject}
	ref, err := vault.ParseRef(pc.From)
	if err != nil {
		return c, err
	}
	c.Read = func(ctx context.Context) (vault.Secret, error) { return s.Vault.Get(ctx, ref) }
	secret, err := c.Read(ctx)
	if err != nil {
		return c, err
	}
	c.Placeholder, err = cred.NewPlaceholder(nil, secret.Reveal())
	return c, err
}
