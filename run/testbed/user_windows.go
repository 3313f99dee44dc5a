package testbed

import "os/exec"

// runAs does nothing: the tests that need another user skip here.
func runAs(*exec.Cmd, int) {}
