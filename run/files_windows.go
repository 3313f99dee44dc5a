package run

// OpenFiles is 0: this system has no such bound.
func OpenFiles() int { return 0 }
