//go:build unix && (!linux || race)

package proxy

import "syscall"

// To the race detector, what one end did before it wrote is done before the other end has read, which it knows of these calls.

// readNow reads from a descriptor that does not wait.
func readNow(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

// writeNow writes to a descriptor that does not wait.
func writeNow(fd uintptr, p []byte) (int, error) { return syscall.Write(int(fd), p) }
