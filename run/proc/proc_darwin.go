package proc

import "golang.org/x/sys/unix"

// Parent gives a process's parent, 0 where there is none to be known.
func Parent(pid int) int {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	return int(info.Eproc.Ppid)
}
