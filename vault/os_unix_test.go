//go:build !windows

package vault

import (
	"io/fs"
	"os"
	"syscall"
)

func ownerOf(info fs.FileInfo) [2]uint32 {
	st := info.Sys().(*syscall.Stat_t)
	return [2]uint32{st.Uid, st.Gid}
}

func killSelf() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }
