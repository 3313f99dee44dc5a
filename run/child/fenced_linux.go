package child

import (
	"errors"
	"syscall"

	"agentguard/run/sandbox/shim"
)

// forkFenced starts the child by way of the shim, which goes behind the fence, and becomes the child's user, before it becomes
// the child.
func forkFenced(path string, cfg Config, attr *syscall.ProcAttr) (pid int, err error) {
	config := &shim.Config{Path: path, Argv: cfg.Argv, Env: cfg.Env, Core: coreLimit()}
	if cfg.Fence != nil {
		if err := cfg.Fence.Confine(config); err != nil {
			return 0, err
		}
	}
	if cfg.User != nil {
		if err := cfg.User.Confine(config); err != nil {
			return 0, err
		}
	}
	self, err := ownProgram()
	if err != nil {
		return 0, err
	}
	pid, err = shim.Start(self, config, attr)
	var f *shim.Failure
	switch {
	case errors.As(err, &f) && f.Step == shim.StepExecute:
		err = explain(path, cfg.Dir, f.Errno)
		var exit *ExitError
		if errors.As(err, &exit) && errors.Is(f.Errno, syscall.EACCES) && cfg.Fence != nil {
			exit.Hint = "isolation filtered may hide it, or its interpreter: isolation.read in the policy opens a path"
		}
	case err != nil:
		err = &ExitError{Code: 125, Reason: "the child cannot be confined: " + err.Error(), Hint: "--isolation env runs it unconfined", Err: err}
	}
	return pid, err
}
