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
	return &shim.Config{Path: path, Argv: argv, Env: env, Keyring: true, Landlock: scopes(), Ignore: ignored(), Seccomp: filter}, nil
}

// tryInside restricts a thread as a command in a box is restricted.
func tryInside(nested bool) error {
	filter, err := Filter(Calls{Nested: nested, UDP: true})
	if err != nil {
		return &Problem{Step: "filter system calls", Err: err}
	}
	return tryThread(scopes(), filter, func() error { return nil })
}

// ignored are the signals that the child finds ignored, as we did.
func ignored() (list []syscall.Signal) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			list = append(list, s)
		}
	}
	return list
}
