//go:build unix

package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errorText adds an errno's name, which is what one looks for.
func errorText(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return fmt.Sprintf("%v (%s)", err, unix.ErrnoName(errno))
	}
	return err.Error()
}
