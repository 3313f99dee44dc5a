package child

import (
	"os"
	"os/signal"
	"syscall"

	"agentguard/run/job"
)

// adopt reaps the orphans that the system gives us where we are process 1 of a container: nobody else does, and until then each counts
// among the processes that the container may have. Those of a box are its init's.
func (c *Child) adopt() {
	if os.Getpid() != 1 || c.reaper == nil {
		return
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGCHLD)
	go func() {
		defer signal.Stop(ends)
		for {
			c.reapOrphans()
			select {
			case <-ends:
			case <-c.done:
				return
			}
		}
	}()
}

// reapOrphans leaves our own children to those who wait for them. Behind one that has ended none is seen: the next signal sees it.
func (c *Child) reapOrphans() {
	for {
		pid := job.Ended()
		if pid == 0 || pid == c.pid || pid == c.reaper.pid {
			return
		}
		syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	}
}
