package policy

import (
	"testing"

	"agentguard/policy/action"
)

// sound checks what must hold for every accepted policy.
func sound(t *testing.T, p *Policy) {
	t.Helper()
	if p.Agent.Name == "" || p.index == nil {
		t.Fatal("accepted without an agent or an index")
	}
	for _, c := range p.Credentials {
		svc := p.Services[c.Service]
		if svc == nil || c.From == "" {
			t.Fatalf("credential %s has no service or no source", c.Name)
		}
		for _, e := range c.Env {
			if Reserved(e) || p.Env.Set[e] != "" {
				t.Fatalf("credential %s takes %s", c.Name, e)
			}
		}
		for i := range svc.Hosts {
			ownHosts(t, p, c, &svc.Hosts[i])
		}
	}
	for _, r := range p.Allow {
		if r.Service == "" || len(r.Actions) == 0 || p.Services[r.Service] == nil || r.Resources != nil && len(r.Resources) == 0 {
			t.Fatalf("%+v", r)
		}
		if c := p.Credentials[r.Credential]; r.Credential != "" && (c == nil || c.Service != r.Service) {
			t.Fatalf("%s uses another service's credential", r.Name)
		}
		for _, l := range r.Limits {
			if l.N < 1 || l.Per <= 0 {
				t.Fatalf("%s has limit %v", r.Name, l)
			}
		}
	}
	for _, r := range p.Deny {
		if len(r.Actions) == 0 {
			t.Fatalf("%+v", r)
		}
	}
}

// ownHosts checks that every host of a credential's service is claimed for that service, with the credential, and in
// no other way.
func ownHosts(t *testing.T, p *Policy, c *Credential, h *action.Host) {
	t.Helper()
	name := h.Pattern.String()
	if h.Pattern.Wildcard() {
		name = "some.where" + name[1:]
	}
	for _, plain := range []bool{false, true} {
		claim := p.Claim(h.At(name), plain)
		found := false
		for _, bound := range claim.Credentials {
			found = found || bound == c
		}
		if plain == h.Plain && (claim.Kind != ForService || !found || claim.Service.Name != c.Service) {
			t.Fatalf("%s of credential %s is claimed as %+v", name, c.Name, claim)
		}
		if plain != h.Plain && claim.Kind == ForService && claim.Host.Plain != plain {
			t.Fatalf("%s is claimed for another scheme", name)
		}
		if claim.Kind == Open || claim.Kind == Tunnel {
			t.Fatalf("%s holds a credential and is also %v", name, claim.Kind)
		}
	}
}
