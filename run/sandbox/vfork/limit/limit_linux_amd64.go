// Package limit knows the limit of open files that this process was started with. Package syscall raises it as soon as it is initialized, and
// whom it starts itself has the old one; but it does not tell that. This package needs no other, and its path sorts before all that has
// no need of it: so it comes first (Go specification, "Program initialization").
package limit

// Files is the soft limit and the hard one; zero where they are not known.
var Files = func() (l [2]uint64) {
	getrlimit(&l)
	return l
}()

func getrlimit(l *[2]uint64)
