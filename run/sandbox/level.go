// Package sandbox confines the child of a run: what it can reach beyond the proxy, and which files it sees. What works on a
// machine is found out by doing it, never by a version, and before any secret is loaded. It fails closed: the zero Level is
// none at all, and a level that cannot be set up is an error that names the call, its error and what mends it.
package sandbox

import (
	"fmt"
	"strings"
)

// Level is how far a child is confined. A greater one holds all that a smaller one holds.
type Level uint8

// The levels.
const (
	None     Level = iota // not chosen: nothing starts
	Env                   // a scrubbed environment and proxy variables; a hostile program can go round the proxy
	Filtered              // the kernel lets it connect to the proxy alone, and open the files of an allow-list
	Sealed                // namespaces of its own: a network that has only the proxy, and its own processes and mounts
)

var levelNames = [...]string{None: "none", Env: "env", Filtered: "filtered", Sealed: "sealed"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level %d", l)
}

// LevelNames are those that may be asked for, the strongest first.
func LevelNames() []string {
	return []string{Sealed.String(), Filtered.String(), Env.String()}
}

// ParseLevel reads the name of a level; None has none.
func ParseLevel(s string) (Level, error) {
	for l := Env; l <= Sealed; l++ {
		if s == l.String() {
			return l, nil
		}
	}
	return None, fmt.Errorf("isolation %q: no such level; there are %s", s, strings.Join(LevelNames(), ", "))
}
