// Package vfork starts a program in namespaces of its own without copying this process for it, as package syscall would where one
// of them is for users: to make a copy of the tables of its memory takes a millisecond, and everybody waits who needs memory
// meanwhile.
package vfork

// Command is a program to start.
type Command struct {
	Path         string
	Argv, Env    []string
	Files        [3]uintptr // its descriptors 0, 1 and 2, none of which is below 3
	Namespaces   uintptr    // flags of clone(2), CLONE_NEWUSER and CLONE_NEWPID among them
	UID, GID     int        // ours, which it has inside too
	Capabilities []uintptr  // that it keeps if that is not root
}
