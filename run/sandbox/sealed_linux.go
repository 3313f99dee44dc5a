package sandbox

import (
	"os/signal"
	"syscall"

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
	if version, problem := askLandlock(); problem == nil && version >= landlockScopes {
		c.Landlock = &shim.Landlock{Scoped: scopeAbstract | scopeSignal}
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			c.Ignore = append(c.Ignore, s)
		}
	}
	return c, nil
}
