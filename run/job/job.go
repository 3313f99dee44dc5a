// Package job starts a child in its place among the jobs of a terminal, and waits for what it reports. The supervisor does
// so, and whatever else forks the child for it: the package imports little, so that this may happen in a package's init.
package job

// Group is the process group that a child begins in.
type Group string

// The groups.
const (
	Shared Group = "shared" // the caller's
	Own    Group = "own"    // one that it leads
	// Foreground is one that it leads and that has the terminal, its descriptor 0, before its command is executed: the command
	// finds no other state, and a key typed at any moment reaches either the caller's group or all of the child's. The
	// caller's must have the terminal until then, and is in the background from then on, also where that failed.
	Foreground Group = "foreground"
)

// Runtime is the environment of this program's own small processes, beside a GOMAXPROCS: they collect no garbage.
var Runtime = []string{"GOGC=off"}
