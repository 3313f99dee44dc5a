package policy

import (
	"errors"
	"fmt"
	"strings"

	"agentguard/policy/action"
)

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

// Claim says how the policy knows a; plain is true for http://. A service's hosts are known once a credential or an allow
// rule is for it, on the ports and with the scheme that it declares and no other. It is the one table by which requests
// are let in and credentials go out: a host that two parts of a policy could claim is an error of Parse.
func (p *Policy) Claim(a action.Authority, plain bool) Claim {
	if p == nil || p.index == nil {
		return Claim{Reason: "there is no policy, so no host is known"}
	}
	for _, s := range p.index.claimed {
		if h := s.service.Host(a); h != nil && h.Plain == plain {
			return Claim{Kind: ForService, Service: s.service, Host: h, Credentials: s.credentials}
		}
	}
	for _, o := range p.index.open {
		switch {
		case !o.covers(a, plain):
		case o.tunnel:
			return Claim{Kind: Tunnel}
		default:
			return Claim{Kind: Open}
		}
	}
	return Claim{Reason: clean(p.unclaimed(a, plain))}
}

// Path reads the path of a request for the claim's service, as action.ParsePath does. hint says what the policy would have
// to say for one that is refused; it may be "".
func (c *Claim) Path(raw string) (path action.Path, hint string, err error) {
	path, err = action.ParsePath(raw, c.Host.EncodedSlash)
	if errors.Is(err, action.ErrEncodedSlash) && action.Lookup(c.Service.Name) == nil {
		hint = "if its server does, write escaped_slash = true into [service." + c.Service.Name + "]"
	}
	return path, hint, err
}

// CredentialFor names the credential with which a service may be asked what only it can tell about some actions: the one
// that all rules need which could allow any of them, on its resource where that is known, else anywhere; "" where the
// service has none. Without actions, any allow rule for the service counts. It is an error where no rule could allow them
// or rules need several.
func (p *Policy) CredentialFor(service string, about []action.Action) (string, error) {
	if p == nil || p.index == nil || p.index.services[service] == nil {
		return "", errors.New("the policy has no rule for " + service)
	}
	var found *compiled
	for _, c := range p.index.services[service].allow.could(about) {
		if found != nil && found.credential != c.credential {
			return "", fmt.Errorf("rules %s and %s use different credentials, so %s cannot be asked", found.Name, c.Name, service)
		}
		found = c
	}
	if found == nil {
		return "", errors.New("no rule could allow it")
	}
	return found.credential, nil
}

// GitHosts are the hosts at which the policy guards git over https, sorted, with their port where it is not 443: those of
// a claimed service that have a route to git's doors (gitprotocol-http) and are named in full.
func (p *Policy) GitHosts() []string {
	if p == nil || p.index == nil {
		return nil
	}
	var out []string
	for _, s := range p.index.claimed {
		for i := range s.service.Hosts {
			if h := &s.service.Hosts[i]; h.ServesGit() && !h.Plain && !h.Pattern.Wildcard() {
				out = append(out, h.At(h.Pattern.String()).Short(false))
			}
		}
	}
	return action.Unique(out)
}

// unclaimed says why a is refused and what would have to be written.
func (p *Policy) unclaimed(a action.Authority, plain bool) string {
	for _, s := range p.index.claimed {
		if urls := urlsOf(s.service, a.Host); len(urls) > 0 {
			return fmt.Sprintf("service %s is reached as %s alone, not as %s", s.service.Name, strings.Join(urls, " and "), a.URL(plain))
		}
	}
	for _, o := range p.index.open {
		switch {
		case !o.pattern.Match(a.Host):
		case o.tunnel && plain:
			return fmt.Sprintf("%s is in [network] tunnel, which is for TLS alone", a.Host)
		default:
			return fmt.Sprintf("%s is in [network] %s, but not with port %d: write %q", a.Host, o.word(), a.Port, a)
		}
	}
	if s := action.Of(a.Host); s != nil {
		return fmt.Sprintf("%s belongs to service %s: write a [credential.NAME] and an [allow.NAME] with service = %q", a.Host, s.Name, s.Name)
	}
	for _, svc := range sorted(p.Services) {
		if len(urlsOf(svc, a.Host)) > 0 {
			return fmt.Sprintf("%s belongs to service %s, which no credential and no rule uses: write an [allow.NAME] with service = %q", a.Host, svc.Name, svc.Name)
		}
	}
	what := a.Host
	if a.Port != 443 && !(plain && a.Port == 80) {
		what = a.String()
	}
	return fmt.Sprintf("add %q to [network] allow, or to the hosts of a [service.NAME] if it needs a credential", what)
}

// urlsOf lists the ways to a host that a service declares.
func urlsOf(svc *action.Service, host string) []string {
	var out []string
	for i := range svc.Hosts {
		if h := &svc.Hosts[i]; h.Pattern.Match(host) {
			out = append(out, h.At(host).URL(h.Plain))
		}
	}
	return out
}

// Ports lists the TCP ports on which the policy knows hosts, in no order.
func (p *Policy) Ports() []uint16 {
	if p == nil || p.index == nil {
		return nil
	}
	seen := map[uint16]bool{}
	for _, s := range p.index.claimed {
		for i := range s.service.Hosts {
			seen[s.service.Hosts[i].EffectivePort()] = true
		}
	}
	for _, o := range p.index.open {
		switch {
		case o.port != 0:
			seen[o.port] = true
		case o.tunnel:
			seen[443] = true
		default:
			seen[80], seen[443] = true, true
		}
	}
	var ports []uint16
	for port := range seen {
		ports = append(ports, port)
	}
	return ports
}
