//go:build unix && !linux

package child

import (
	"errors"

	"agentguard/run/job"
)

func (c *Child) forkInBox(string, Config, job.Group, []uintptr) (int, error) {
	return 0, errors.New("this system has no sandbox of its own")
}

func (c *Child) waitInBox() {}
