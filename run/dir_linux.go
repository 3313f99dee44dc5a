package run

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"agentguard/run/reap"
	"agentguard/run/sandbox"
)

// ownPlaces are where a system keeps what is wanted for a run's time alone, and in memory as a rule: first those that a confined command
// of another run cannot write, then the one that all share (shm_overview(7)). Where root's own is on a disk, as in containers, a sealed run
// is in what is shared, to which sealed commands have no way either: each file made and removed would take the disk.
func ownPlaces(level sandbox.Level) (dirs []string) {
	uid := os.Geteuid()
	mine := "/run/user/" + strconv.Itoa(uid)
	if info, err := os.Stat(mine); err == nil && reap.Private(info) == nil {
		dirs = append(dirs, mine)
	}
	switch {
	case uid != 0:
		return append(dirs, everybodys)
	case level == sandbox.Sealed && !inMemory("/run"):
		return append(dirs, everybodys, "/run")
	}
	return append(dirs, "/run", everybodys)
}

const everybodys = "/dev/shm"

// enough bytes for what a run has in its own directory.
const enough = 8 << 20

// isFull says whether there is less room than that, as in the 64 MB that containers have for all shared memory. A file system without a
// bound tells of no blocks.
func isFull(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Blocks > 0 && fs.Bavail*uint64(fs.Bsize) < enough
}

func inMemory(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Type == unix.TMPFS_MAGIC
}
