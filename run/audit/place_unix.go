//go:build unix

package audit

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inPlace is an error where what is written could not be read again: the file has no name any more, or has lost lines.
func (l *Log) inPlace() error {
	var st unix.Stat_t
	if err := unix.Fstat(int(l.file.Fd()), &st); err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	switch {
	case st.Nlink == 0:
		return fmt.Errorf("%s was removed or replaced during the run", l.path)
	case st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size < l.size:
		return fmt.Errorf("%s was cut off during the run", l.path)
	}
	return nil
}

// hold marks a file as being written, until it is closed. Where the file system knows no locks it stays unmarked.
func hold(f *os.File) { unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// held says whether somebody may be writing the file.
func held(f *os.File) bool {
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil {
		return true
	}
	unix.Flock(int(f.Fd()), unix.LOCK_UN)
	return false
}
