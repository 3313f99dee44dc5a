package child

import (
	"errors"
	"syscall"

	"agentguard/run/job"
	"agentguard/run/sandbox"
	"agentguard/run/sandbox/shim"
)

// forkInBox starts the child in its box.
func (c *Child) forkInBox(path string, cfg Config, group job.Group, files []uintptr) (pid int, err error) {
	pid, err = c.box.Exec(sandbox.Command{Path: path, Argv: cfg.Argv, Env: cfg.Env, Dir: cfg.Dir, Group: group, Files: [3]uintptr(files)})
	var failure *shim.Failure
	if errors.As(err, &failure) && failure.Step == shim.StepExecute {
		err = explain(path, cfg.Dir, failure.Errno)
		var exit *ExitError
		if errors.As(err, &exit) && failure.Errno == syscall.EPERM { // capabilities(7), "Safety checking for capability-dumb binaries"
			exit.Hint = "it has capabilities as a file, which nobody gets in a sealed run: getcap shows them"
		}
		return 0, err
	}
	return pid, err
}

// waitInBox is wait, for a child that init reaps.
func (c *Child) waitInBox() {
	for {
		e, ok := c.box.Next()
		switch {
		case ok && e.Stopped:
			if c.mode == interactive {
				c.stops <- syscall.Signal(e.Signal)
			}
			continue
		case !ok:
			c.waitErr = errors.New("the sandbox was ended from outside")
		default:
			c.status = syscall.WaitStatus(e.Code << 8)
		}
		c.gone.Lock()
		c.reaped = true
		c.gone.Unlock()
		return
	}
}
