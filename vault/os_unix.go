//go:build !windows

package vault

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const (
	openNonblock = syscall.O_NONBLOCK
	openNofollow = syscall.O_NOFOLLOW
	homeVariable = "HOME"
)

// sameVersion says whether a and b are one version of one file. The change time sees what keeps size and mtime.
func sameVersion(a, b fs.FileInfo) bool {
	if a == nil || b == nil || !os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) {
		return false
	}
	return changed(a) == changed(b)
}

// private says why others than this user could read or write the file, or nil.
func private(path string, info fs.FileInfo) error {
	st := info.Sys().(*syscall.Stat_t)
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s belongs to user %d, not to you", ErrUnavailable, path, st.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return hint(fmt.Errorf("%w: %s is open to other users (mode %04o)", ErrUnavailable, path, mode), "chmod 600 "+path)
	}
	return nil
}

// privateDir refuses a directory in which anybody could swap the file.
func privateDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if m := info.Mode(); m.Perm()&0o002 != 0 && m&fs.ModeSticky == 0 {
		return hint(fmt.Errorf("%w: anybody can write in %s", ErrUnavailable, dir), "chmod o-w "+dir)
	}
	return nil
}

// keepOwner gives f the owner of info.
func keepOwner(f *os.File, info fs.FileInfo) error {
	st := info.Sys().(*syscall.Stat_t)
	if int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid() {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

func hardLinks(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
