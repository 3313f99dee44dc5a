// Package names is the name service of a sealed run. It asks nobody: every name gets an address of its own from a range that
// is nobody's, so that a connection to this address says which name was meant. Whether the name exists, and may be reached,
// is for the proxy to find out. It is safe for concurrent use.
package names

import (
	"net/netip"
	"strings"
	"sync"
)

// Table gives names addresses and addresses their names back. The zero Table is ready.
type Table struct {
	mu     sync.Mutex
	byName map[string]int
	names  []string
}

// maxNames bounds what a child can have us remember; each is at most 253 bytes.
const maxNames = 1 << 14

// first is in 198.18.0.0/15, which RFC 2544 reserves for tests between devices.
var first = [4]byte{198, 18, 0, 1}

// Address gives the address of a name in lower case. ok is false when there are too many names.
func (t *Table) Address(name string) (a netip.Addr, ok bool) {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761 section 6.3
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i, known := t.byName[name]
	if !known {
		if len(t.names) >= maxNames {
			return a, false
		}
		if t.byName == nil {
			t.byName = map[string]int{}
		}
		i = len(t.names)
		t.byName[name], t.names = i, append(t.names, name)
	}
	n := int(first[2])<<8 + int(first[3]) + i
	return netip.AddrFrom4([4]byte{first[0], first[1], byte(n >> 8), byte(n)}), true
}

// Name gives the name that an address was made for.
func (t *Table) Name(a netip.Addr) (name string, ok bool) {
	a = a.Unmap()
	if !a.Is4() {
		return "", false
	}
	b := a.As4()
	if b[0] != first[0] || b[1] != first[1] {
		return "", false
	}
	i := int(b[2])<<8 + int(b[3]) - int(first[2])<<8 - int(first[3])
	t.mu.Lock()
	defer t.mu.Unlock()
	if i < 0 || i >= len(t.names) {
		return "", false
	}
	return t.names[i], true
}
