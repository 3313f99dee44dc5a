package child

import (
	"os"

	"golang.org/x/sys/unix"
)

// line is what of a terminal outlives a program and is no part of termios: how its open file behaves, which is shared with the shell
// above us (fcntl(2), F_SETFL), the line discipline, and whether others may open it (ioctl_tty(2)).
type line struct {
	flags, discipline int
	exclusive         bool
	known             bool // else there is nothing to put back
}

func lineOf(f *os.File) (l line) {
	fd := f.Fd()
	flags, err1 := unix.FcntlInt(fd, unix.F_GETFL, 0)
	discipline, err2 := unix.IoctlGetInt(int(fd), unix.TIOCGETD)
	exclusive, err3 := unix.IoctlGetInt(int(fd), unix.TIOCGEXCL)
	return line{flags, discipline, exclusive != 0, err1 == nil && err2 == nil && err3 == nil}
}

// restore puts it back, and has output go on that was stopped.
func (l line) restore(f *os.File) {
	fd, now := f.Fd(), lineOf(f)
	if !l.known {
		return
	}
	if now.flags != l.flags {
		unix.FcntlInt(fd, unix.F_SETFL, l.flags)
	}
	if now.discipline != l.discipline {
		unix.IoctlSetPointerInt(int(fd), unix.TIOCSETD, l.discipline)
	}
	if now.exclusive && !l.exclusive {
		unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0)
	}
	unix.IoctlSetInt(int(fd), unix.TCXONC, unix.TCOON)
}
