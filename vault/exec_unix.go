//go:build !windows

package vault

import (
	osexec "os/exec"
	"syscall"
)

// alone gives the command a session of its own: no terminal to prompt on, and one process group that is killed as a whole.
func alone(cmd *osexec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	dieWithParent(cmd.SysProcAttr)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
