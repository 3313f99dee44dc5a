//go:build unix

package job

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

// Fork has fork start a process with attr, whose group and terminal it sets.
func Fork(group Group, attr *syscall.ProcAttr, fork func() (pid int, err error)) (pid int, err error) {
	attr.Sys.Setpgid = group != Shared
	if group != Foreground {
		return fork()
	}
	attr.Sys.Foreground, attr.Sys.Ctty = true, int(attr.Files[0])
	return putOffStops(attr.Sys.Ctty, fork)
}

// putOffStops puts off a stop that comes before the command is executed (Ctrl-Z) until it is. A fork returns only then, and
// on Linux that is vfork(2), in which the thread cannot be stopped: we could not follow, and a shell would never see us
// stopped.
func putOffStops(terminal int, fork func() (pid int, err error)) (pid int, err error) {
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2) // a thread in vfork holds its processor, and somebody must look meanwhile
	}
	reports := make(chan os.Signal, 1)
	signal.Notify(reports, syscall.SIGCHLD)
	ended, stopped := make(chan struct{}), make(chan bool)
	go func() { stopped <- undoStops(terminal, reports, ended) }()
	pid, err = fork()
	signal.Stop(reports)
	close(ended)
	if <-stopped && err == nil {
		syscall.Kill(-pid, syscall.SIGTSTP)
	}
	return pid, err
}

// undoStops continues the foreground job whenever a child of ours that leads it stops, until ended is closed, and says
// whether that was ever so. It knows the child by the terminal: the number comes with the end of the fork.
func undoStops(terminal int, reports <-chan os.Signal, ended <-chan struct{}) (stopped bool) {
	for {
		select {
		case <-reports:
			if group := front(terminal); group > 0 && tookStop(group) {
				syscall.Kill(-group, syscall.SIGCONT)
				stopped = true
			}
		case <-ended:
			return stopped
		}
	}
}

// front is the terminal's foreground group, 0 if there is none to be known.
func front(terminal int) int {
	var group int32
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(terminal), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group))); errno != 0 {
		return 0
	}
	return int(group)
}
