package inner

import (
	"strconv"
	"syscall"
	"unsafe"
)

// Of linux/wait.h and asm-generic/siginfo.h.
const (
	waitAll    = 0 // P_ALL
	waitExited = 4
	waitNoWait = 0x01000000
	codeExited = 1
	codeStop   = 5
)

// siginfo is siginfo_t of SIGCHLD on 64-bit systems.
type siginfo struct {
	signo, errno, code int32
	_                  int32
	pid, uid, status   int32
	_                  [25]int32
}

// waitFor waits for something that a child of ours has to report, and leaves it unreported.
func waitFor(info *siginfo) error {
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, waitAll, 0, uintptr(unsafe.Pointer(info)), waitExited|syscall.WSTOPPED|waitNoWait, 0, 0)
		if errno == 0 {
			return nil
		}
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// nextReport waits for the next report, which is still to be taken, or for ever if it is the child's last.
func (p *initProcess) nextReport() (pid int, last bool) {
	var info siginfo
	if waitFor(&info) != nil {
		return -1, false
	}
	if pid = int(info.pid); pid != p.child || info.code == codeStop {
		return pid, false
	}
	code := int(info.status)
	if info.code != codeExited {
		code += 128
	}
	p.conn.Send(Exited, []string{strconv.Itoa(code)})
	return pid, true
}
