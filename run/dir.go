package run

import "os"

// RuntimeDir makes the run's private directory under base.
func RuntimeDir(base, runID string) (dir string, cleanup func(), err error) {
	dir, err = os.MkdirTemp(base, "agentguard-")
	return dir, func() { os.RemoveAll(dir) }, err
}
