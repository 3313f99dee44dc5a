//go:build unix

package cmd

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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

// hideTyped has the terminal show nothing that is typed, and give it by the line (termios(3): ECHO, ICANON, ISIG, ICRNL).
func hideTyped(t *tty) error {
	mode, err := unix.IoctlGetTermios(int(t.in.Fd()), getTermios)
	if err == nil {
		mode.Lflag = mode.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
		mode.Iflag |= unix.ICRNL
		err = unix.IoctlSetTermios(int(t.in.Fd()), setTermios, mode)
	}
	if err != nil {
		return fmt.Errorf("the terminal cannot be told to show nothing: %w", err)
	}
	return nil
}

// readHidden reads what hideTyped hides. term.ReadPassword would read on where there is nothing more: Ctrl-D did nothing then, and a
// terminal that is gone was read again and again.
func readHidden(t *tty) ([]byte, error) { return readLine(t.in, maxTyped+1) }
