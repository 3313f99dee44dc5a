package run

import (
	"errors"
	"syscall"

	"agentguard/run/sandbox"
	"agentguard/run/sandbox/shim"
)

// forkInBox starts the child in its box.
func (c *Child) forkInBox(path string, cfg ChildConfig, files []uintptr) error {
	config, err := sandbox.Within(path, cfg.Argv, cfg.Env, cfg.Nested)
	if err != nil {
		return err
	}
	c.pid, err = c.box.Exec(config, cfg.Dir, c.mode != shared, [3]uintptr(files))
	var failure *shim.Failure
	if errors.As(err, &failure) && failure.Step == shim.StepExecute {
		return explain(path, cfg.Dir, failure.Errno)
	}
	return err
}

// waitInBox is wait for a child that init reaps.
func (c *Child) waitInBox() {
	for {
		e, ok := c.box.Next()
		switch {
		case ok && e.Stopped:
			if c.mode == interactive {
				c.stopped(syscall.Signal(e.Signal))
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
