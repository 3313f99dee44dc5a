//go:build linux && !amd64

package vfork

import "syscall"

// Start knows this system's calls on amd64 alone.
func (c *Command) Start() (pid int, err error) { return 0, syscall.ENOSYS }
