package vault

import (
	osexec "os/exec"
	"syscall"
)

func dieWithParent(*syscall.SysProcAttr) {}

func lockedRun(cmd *osexec.Cmd) error { return cmd.Run() }
