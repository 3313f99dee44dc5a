package sandbox

import (
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox/shim"
)

// Within is what the shim gives up for a command in a box, beyond what the box holds: its rights, the user's keyrings, and
// signals and abstract sockets to the outside, where the kernel can tell (Landlock's sixth version).
func Within(path string, argv, env []string, nested bool) (*shim.Config, error) {
	filter, err := Filter(Calls{Nested: nested, UDP: true})
	if err != nil {
		return nil, err
	}
	c := &shim.Config{Path: path, Argv: argv, Env: env, Keyring: true, Seccomp: filter}
	if landlockVersion() >= 6 {
		c.Landlock = &shim.Landlock{Scoped: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL}
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			c.Ignore = append(c.Ignore, s)
		}
	}
	return c, nil
}

// landlockVersion is that of the kernel's Landlock, 0 without.
func landlockVersion() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(nil)), 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}
