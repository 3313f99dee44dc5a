package sandbox

import (
	"io/fs"
	"path/filepath"
	"sort"
)

// Fence is what the level filtered puts around a child. Prepare it once, before the child starts.
type Fence struct {
	Places Places
	Ports  []uint16 // TCP ports that the child may connect to
	Nested bool     // it may make sandboxes of its own
	User   *User    // as whom root has the child run; nil: whoever we are

	built built    // by Prepare
	loose []string // likewise
}

// Loose gives the states of what the prepared fence was to keep as it is and does not: access can only be granted, and is to a directory as a
// whole. The policy, the program and hooks are not among them, of which others tell.
func (f *Fence) Loose() States {
	states := States{}
	for _, path := range f.loose {
		states[path] = stateOf(path)
	}
	return states
}

// States tell by path whether what is there is what was.
type States map[string]string

// Changed lists the paths of which it is not.
func (s States) Changed() (paths []string) {
	for path, state := range s {
		if stateOf(path) != state {
			paths = append(paths, path)
		}
	}
	sort.Strings(paths)
	return paths
}

// maxStates bounds what is looked at of one path, in files.
const maxStates = 1000

// stateOf tells what is at a path, and in it, from what else could be; "" is nothing.
func stateOf(path string) string {
	var all []byte
	left := maxStates
	filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if left--; err != nil || left < 0 {
			return fs.SkipAll
		}
		all = stamp(append(all, at...), at)
		return nil
	})
	return string(all)
}
