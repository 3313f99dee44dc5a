//go:build unix

package cmd

import (
	"os"
	"syscall"
)

// promptSignals are those that would leave the terminal without echo.
var promptSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP}

func suspends(s os.Signal) bool { return s == syscall.SIGTSTP }

func openTTY() (*tty, error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &tty{f, f}, nil
}
