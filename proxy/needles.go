package proxy

import (
	"strings"
	"sync"

	"agentguard/proxy/scrub"
	"agentguard/vault/cred"
)

// needles is the compiled set of live values, made anew when a value becomes live.
type needles struct {
	mu      sync.Mutex
	version uint64
	set     *scrub.Set // replaces with the placeholder
	fixed   *scrub.Set // replaces without changing any length, for framed protocols
}

func (p *Proxy) live() (set, fixed *scrub.Set) {
	n := &p.needles
	n.mu.Lock()
	defer n.mu.Unlock()
	if v := p.Credentials.Version(); v != n.version {
		var pairs, same []scrub.Pair
		for _, x := range p.Credentials.Values() {
			for _, pair := range withParts(string(x.Secret.Reveal()), x.Placeholder) {
				pairs = append(pairs, pair)
				same = append(same, scrub.Pair{Secret: pair.Secret, Placeholder: fit(pair.Placeholder, len(pair.Secret))})
			}
		}
		old, oldFixed := n.set, n.fixed
		n.set, n.version = scrub.New(pairs).After(n.set), v
		if n.fixed = n.set; !n.set.SameLength() {
			n.fixed = scrub.New(same).After(n.set)
		}
		old.Becomes(n.fixed) // also where the length of an answer is told already
		oldFixed.Becomes(n.fixed)
	}
	return n.set, n.fixed
}

// withParts gives the secret, and what a service takes out of it. Of all of them without the padding of base64, which services
// take off, and which tells nothing where it stays.
func withParts(secret, placeholder string) (pairs []scrub.Pair) {
	for _, part := range append([]string{secret}, cred.Parts(secret)...) {
		if plain := strings.TrimRight(part, "="); len(plain) >= cred.MinPart {
			part = plain
		}
		own := placeholder
		if at := strings.Index(secret, part); at >= 0 && len(placeholder) == len(secret) {
			own = placeholder[at : at+len(part)]
		}
		pairs = append(pairs, scrub.Pair{Secret: []byte(part), Placeholder: own})
	}
	return pairs
}

// fit cuts or pads a placeholder to n bytes.
func fit(s string, n int) string {
	if len(s) >= n {
		return s[:n]
	}
	return s + strings.Repeat("x", n-len(s))
}
