//go:build unix

package cmd

import (
	"io"
	"os"
	"syscall"
)

// steady writes to the standard error output, whose reader may be gone. A write by *os.File would end this program then (package
// os/signal, "SIGPIPE"), and the command of a run with it.
type steady struct{ *os.File }

func steadily(f *os.File) io.Writer { return steady{f} }

// Write implements io.Writer.
func (s steady) Write(b []byte) (n int, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for n < len(b) {
			var m int
			switch m, failed = syscall.Write(int(fd), b[n:]); failed {
			case nil:
				n += m
			case syscall.EINTR:
			default:
				return failed != syscall.EAGAIN
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return n, err
}
