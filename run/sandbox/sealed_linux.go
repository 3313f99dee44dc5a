package sandbox

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox/shim"
)

// inside is what a command in a box is without, beyond what the box holds: its rights, the user's keyrings, and what held says.
func (c *Config) inside(s *survey, seen []Rule) (*shim.Config, error) {
	filter, err := Filter(Calls{Nested: c.Nested, UDP: true})
	if err != nil {
		return nil, &Problem{Step: "filter system calls", Err: err}
	}
	held, err := c.held(s, seen)
	if err != nil {
		return nil, err
	}
	return &shim.Config{Keyring: true, Slack: slack(), Landlock: held, Ignore: ignored(), Seccomp: filter}, nil
}

// slack is by how much our timers may be late, in nanoseconds: init has another, which the command is not to have.
func slack() uint64 {
	n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}

// ignored are the signals that the child finds ignored, as we did: SIGQUIT goes with SIGINT (POSIX, Shell Command Language, section 2.11).
func ignored() (list []syscall.Signal) {
	if signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	if signal.Ignored(syscall.SIGINT) {
		list = append(list, syscall.SIGINT, syscall.SIGQUIT)
	}
	return list
}
