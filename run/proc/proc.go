// Package proc is what the system says of other processes.
package proc

// MaxAncestors bounds a walk up the process tree, which can change on the way.
const MaxAncestors = 256

// Descends says whether a process is the ancestor or a descendant of it. A daemon that left the tree does not.
func Descends(pid, ancestor int) bool {
	for range MaxAncestors {
		if pid <= 0 || ancestor <= 0 {
			return false
		}
		if pid == ancestor {
			return true
		}
		pid = Parent(pid)
	}
	return false
}
