package sandbox

import (
	"os/signal"
	"syscall"

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
	return &shim.Config{Path: path, Argv: argv, Env: env, Keyring: true, Slack: slack(), Landlock: scopes(), Ignore: ignored(), Seccomp: filter}, nil
}

// slack is by how much our timers may be late, in nanoseconds: init has another, which the command is not to have.
func slack() uint64 {
	n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
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
