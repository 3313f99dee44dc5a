//go:build unix

package clients

import "syscall"

// openNonblock has opening a pipe not wait for its other end (open(2)).
const openNonblock = syscall.O_NONBLOCK
