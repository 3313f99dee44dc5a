package vault

import (
	osexec "os/exec"
	"syscall"
)

// alone hides the console window; the ten seconds end the command itself, and its own children with its console.
func alone(cmd *osexec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func lockedRun(cmd *osexec.Cmd) error { return cmd.Run() }
