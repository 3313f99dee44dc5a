//go:build unix

package private

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner refuses what another user owns.
func checkOwner(info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("has no known owner")
	}
	if me := os.Geteuid(); int(st.Uid) != me {
		return fmt.Errorf("belongs to uid %d, not to uid %d", st.Uid, me)
	}
	return nil
}
