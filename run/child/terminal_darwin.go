package child

import (
	"os"

	"golang.org/x/sys/unix"
)

// line is how a terminal's open file behaves, which is shared with the shell above us (fcntl(2), F_SETFL).
type line struct {
	flags int
	known bool // else there is nothing to put back
}

func lineOf(f *os.File) line {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return line{flags, err == nil}
}

// restore puts it back.
func (l line) restore(f *os.File) {
	if l.known {
		unix.FcntlInt(f.Fd(), unix.F_SETFL, l.flags)
	}
}
