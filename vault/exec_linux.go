package vault

import (
	osexec "os/exec"
	"runtime"
	"syscall"
)

func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// lockedRun keeps the thread: the parent-death signal is tied to it and not to the process (prctl(2)).
func lockedRun(cmd *osexec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}
