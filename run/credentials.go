package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"agentguard/policy"
	"agentguard/vault"
	"agentguard/vault/cred"
)

// loadCredentials reads every secret of the policy.
func (s *session) loadCredentials(ctx context.Context) error {
	creds, err := s.readCredentials(ctx)
	if err != nil {
		return err
	}
	if s.creds, err = cred.NewSet(creds...); err != nil {
		return failure(err, "")
	}
	for _, c := range creds { // every value is live before the child starts, so all are kept out of its environment
		if _, err := c.Secret(ctx); err != nil {
			return failure(fmt.Errorf("credential %s: %w", c.Name, err), "")
		}
	}
	return nil
}

// readCredentials makes the policy's credentials, at once and in the order of their names; what is missing is listed all at once.
func (s *session) readCredentials(ctx context.Context) ([]*cred.Credential, error) {
	names := slices.Sorted(maps.Keys(s.Policy.Credentials))
	creds, errs := make([]*cred.Credential, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { creds[i], errs[i] = s.loadCredential(ctx, s.Policy.Credentials[name]) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("credential %s: %w", names[i], err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, failure(err, "")
	}
	return creds, nil
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
