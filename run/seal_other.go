//go:build unix && !linux

package run

import (
	"errors"

	"agentguard/run/job"
)

func (c *child) forkInBox(string, childConfig, job.Group, []uintptr) (int, error) {
	return 0, errors.New("this system has no sandbox of its own")
}

func (c *child) waitInBox() {}
