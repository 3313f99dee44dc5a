//go:build unix

package testbed

import (
	"os/exec"
	"syscall"
)

// runAs makes cmd run as another user, if uid is not 0.
func runAs(cmd *exec.Cmd, uid int) {
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
}
