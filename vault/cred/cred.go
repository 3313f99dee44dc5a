// Package cred is how a secret gets onto a request. It makes the placeholders that the child holds, finds them in a
// request, and puts the secret in their place: only in the slots that the credential's service reads, only after
// everything else that stood there has been removed. It never decides whether a request may be sent.
package cred

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"agentguard/policy/action"
	"agentguard/vault"
)

// Credential is one secret of the run.
type Credential struct {
	Name    string
	Service string        // the only service it may go to
	Slots   []action.Slot // where it goes; if nil, the slots of the service's host
	Swap    []action.Slot // further places where its placeholder is swapped
	Inject  bool          // add it to allowed requests that carry no placeholder

	// Placeholder is what the child holds.
	Placeholder string

	// Read gives the current secret. It is called for each request, so it must be cheap when nothing has changed.
	Read func(context.Context) (vault.Secret, error)

	set  *Set
	last atomic.Pointer[vault.Secret]
}

// Set is every credential of a run, and every value they have had during it. It is safe for concurrent use.
type Set struct {
	byName    map[string]*Credential
	byService map[string][]*Credential // in the order of names

	mu      sync.Mutex
	values  []Value
	version atomic.Uint64
}

// Value is one live secret and the placeholder that stands for it.
type Value struct {
	Secret      vault.Secret
	Placeholder string
}

// NewSet binds credentials together. Names and placeholders must be unique.
func NewSet(all ...*Credential) (*Set, error) {
	s := &Set{byName: map[string]*Credential{}, byService: map[string][]*Credential{}}
	for _, c := range all {
		if c.Placeholder == "" || c.Read == nil {
			return nil, fmt.Errorf("credential %s has no placeholder or no source", c.Name)
		}
		if s.byName[c.Name] != nil {
			return nil, fmt.Errorf("credential %s is there twice", c.Name)
		}
		c.set, s.byName[c.Name] = s, c
		s.byService[c.Service] = append(s.byService[c.Service], c)
	}
	for _, list := range s.byService {
		sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	}
	return s, nil
}

// Get finds a credential by name; nil if there is none.
func (s *Set) Get(name string) *Credential {
	if s == nil {
		return nil
	}
	return s.byName[name]
}

// Of lists the credentials of a service by name. The list is the set's own.
func (s *Set) Of(service string) []*Credential {
	if s == nil {
		return nil
	}
	return s.byService[service]
}

// Secret reads the credential's current value, and registers it as live before anybody can send it.
func (c *Credential) Secret(ctx context.Context) (vault.Secret, error) {
	v, err := c.Read(ctx)
	if err != nil {
		return vault.Secret{}, err
	}
	if v.Zero() {
		return vault.Secret{}, fmt.Errorf("credential %s is empty", c.Name)
	}
	if last := c.last.Load(); last == nil || *last != v {
		c.set.add(Value{v, c.Placeholder})
		c.last.Store(&v)
	}
	return v, nil
}

// Keep makes a secret live that is no credential: it is put on no request.
func (s *Set) Keep(secret vault.Secret) error {
	for _, v := range s.Values() {
		if v.Secret.Equal(secret) {
			return nil
		}
	}
	placeholder, err := NewPlaceholder(nil, secret.Reveal())
	if err == nil {
		s.add(Value{secret, placeholder})
	}
	return err
}

func (s *Set) add(v Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.values {
		if old.Secret.Equal(v.Secret) && old.Placeholder == v.Placeholder {
			return
		}
	}
	s.values = append(s.values, v)
	s.version.Add(1)
}

// Version changes when a value becomes live.
func (s *Set) Version() uint64 {
	if s == nil {
		return 0
	}
	return s.version.Load()
}

// Values lists every value that has been live in this run: a rotated one may still come back in a late response.
func (s *Set) Values() []Value {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values)
}
