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
	set     *scrub.Set
}

// aLot of secrets, in bytes, take ten milliseconds to be made ready for.
const aLot = 1 << 10

// prepare makes ready for them before there is a request to wait for it. For fewer it is not worth it: many runs send nothing.
func (p *Proxy) prepare() {
	size := 0
	for _, v := range p.Credentials.Values() {
		size += len(v.Secret.Reveal())
	}
	if size >= aLot {
		go p.live()
	}
}

func (p *Proxy) live() *scrub.Set { return p.needles.of(p.Credentials) }

// keptFrom is what comes off the answer of an exchange besides: the corporate proxy, which answers plain requests, may have sent its own
// password. Others were never sent it, and a child that could see it taken out of what it had them say could guess at it.
func (p *Proxy) keptFrom(ex *Exchange) *scrub.Set {
	if !ex.Plain {
		return nil
	}
	return p.kept.of(p.Kept)
}

func (n *needles) of(secrets *cred.Set) *scrub.Set {
	n.mu.Lock()
	defer n.mu.Unlock()
	if v := secrets.Version(); v != n.version {
		var pairs []scrub.Pair
		for _, x := range secrets.Values() {
			pairs = append(pairs, withParts(string(x.Secret.Reveal()), x.Placeholder)...)
		}
		old := n.set
		n.set, n.version = scrub.New(pairs).After(old), v
		old.Becomes(n.set)
	}
	return n.set
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
