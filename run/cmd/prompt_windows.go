package cmd

import (
	"os"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

var promptSignals = []os.Signal{os.Interrupt}

func suspends(os.Signal) bool { return false }

// openTTY opens the console whatever stdin and stdout are (https://learn.microsoft.com/windows/console/console-handles).
func openTTY() (*tty, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return nil, err
	}
	return &tty{in, out}, nil
}

// hideTyped does nothing: readHidden does it.
func hideTyped(*tty) error { return nil }

func readHidden(t *tty) ([]byte, error) { return term.ReadPassword(int(t.in.Fd())) }

func flushTyped(t *tty) { windows.FlushConsoleInputBuffer(windows.Handle(t.in.Fd())) }
