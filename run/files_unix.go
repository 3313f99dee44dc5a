//go:build unix

package run

import "golang.org/x/sys/unix"

// OpenFiles is how many files this process may have open at once; 0: any number. Package syscall has raised that as far as it may be.
func OpenFiles() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<30 {
		return 0
	}
	return int(l.Cur)
}
