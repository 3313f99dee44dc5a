package run

import "golang.org/x/sys/unix"

// waitExitOrStop returns when the child has something to report, and leaves it unreported.
func waitExitOrStop(pid int) error {
	return unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil)
}
