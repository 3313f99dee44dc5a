//go:build unix

package audit

import (
	"fmt"

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
