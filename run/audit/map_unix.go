//go:build linux || darwin

package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first n bytes of f. Both systems keep one copy of a file's pages: stores are at once what others
// read, and outlive the process.
func mapFile(f *os.File, n int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmapFile(b []byte) { unix.Munmap(b) }
