//go:build unix

package sandbox

import (
	"path/filepath"
	"strconv"
	"syscall"
)

// openNonblock has opening what has become a pipe not wait for its other end (open(2)).
const openNonblock = syscall.O_NONBLOCK

// lstat is os.Lstat without what it allocates: there are hundreds to ask for at each start.
func lstat(path string) (isLink, there bool) {
	var stat syscall.Stat_t
	for {
		err := syscall.Lstat(path, &stat)
		if err != syscall.EINTR {
			return stat.Mode&syscall.S_IFMT == syscall.S_IFLNK, err == nil
		}
	}
}

// forgeable says whether a link may be a confined command's: it is not if it is root's and the command is another user, or if it lies in
// the root of the file system.
func forgeable(link string) bool {
	var stat syscall.Stat_t
	err := syscall.Lstat(link, &stat)
	return err != nil || stat.Uid != 0 || syscall.Geteuid() == 0 && filepath.Dir(link) != "/"
}

// stamp adds what changes with a file: when that was, which nobody can set, and its number.
func stamp(to []byte, path string) []byte {
	var stat syscall.Stat_t
	if syscall.Lstat(path, &stat) != nil {
		return to
	}
	return strconv.AppendUint(strconv.AppendInt(to, changedAt(&stat), 36), stat.Ino, 36)
}
