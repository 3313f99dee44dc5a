// Package inner is the work of the init process of a sealed run: this program again, as process 1 of namespaces of its own.
// It makes network, mounts and listeners there, starts the child, and reports how that ends. It holds no secret.
//
// Like package reap it does all that in this package's init, before the initialisers of the rest of the program, and imports
// as little for the same reason.
package inner

import (
	"strconv"

	"agentguard/run/job"
)

// Name is argv[0] of the init process. Who starts the program under this name gains nothing: it has its caller's rights.
const Name = "agentguard: init"

// Kinds of frames on the control socket. Fields are strings; what has descriptors says so.
const (
	Setup   = 's' // to init: a list of steps, see Step; with the ruleset that "confine" goes on with, if there is one
	Sweep   = 'w' // to init: the name of the run's own directory, which is removed if the supervisor is killed; with the one that it is in
	Start   = 'g' // to init: see PackStart; with the child's files
	End     = 'k' // to init: end every other process, and then itself
	Dial    = 'd' // to init: a port of its loopback
	Ready   = 'r' // from init: setup is done; with the listeners, in the order of their steps
	Failed  = 'e' // from init: step, call, errno; nothing was started
	Started = 'p' // from init: with a pidfd of the child
	Stopped = 't' // from init: signal
	Exited  = 'x' // from init: exit code, as a shell has it
	Ended   = 'z' // from init: no other is left
	Dialled = 'c' // from init: errno; with the connection if that is 0
)

// Step is one thing that init does before the child starts.
type Step struct{ Do, Path, With string }

// WholeProc has the step "proc" cover nothing of it, and WithDevices the step "restore" leave devices what they are.
const (
	WholeProc   = "whole"
	WithDevices = "devices"
)

// PackSteps makes the fields of a Setup frame.
func PackSteps(steps []Step) []string {
	fields := make([]string, 0, 3*len(steps))
	for _, s := range steps {
		fields = append(fields, s.Do, s.Path, s.With)
	}
	return fields
}

func unpackSteps(fields []string) (steps []Step) {
	for ; len(fields) >= 3; fields = fields[3:] {
		steps = append(steps, Step{fields[0], fields[1], fields[2]})
	}
	return steps
}

// PackStart makes the fields of a Start frame.
func PackStart(dir string, group job.Group, path string, argv, env []string) []string {
	fields := append([]string{dir, string(group), path, strconv.Itoa(len(argv))}, argv...)
	return append(fields, env...)
}

func unpackStart(fields []string) (dir string, group job.Group, path string, argv, env []string, ok bool) {
	if len(fields) < 4 {
		return "", "", "", nil, nil, false
	}
	n, err := strconv.Atoi(fields[3])
	if rest := fields[4:]; err == nil && 0 < n && n <= len(rest) {
		return fields[0], job.Group(fields[1]), fields[2], rest[:n], rest[n:], true
	}
	return "", "", "", nil, nil, false
}
