//go:build unix

package run

import "golang.org/x/sys/unix"

// Tasks is how many processes and threads all programs of this user may have at once, which does not hold root; 0: any number.
func Tasks() int { return limitOf(unix.RLIMIT_NPROC) }

// OpenFiles is how many files this process may have open at once; 0: any number. Package syscall has raised that as far as it may be.
func OpenFiles() int { return limitOf(unix.RLIMIT_NOFILE) }

func limitOf(resource int) int {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil || l.Cur > 1<<30 {
		return 0
	}
	return int(l.Cur)
}
