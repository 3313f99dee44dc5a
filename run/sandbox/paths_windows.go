package sandbox

import (
	"io/fs"
	"os"
)

// openNonblock is nothing here: pipes have names of their own.
const openNonblock = 0

func lstat(path string) (isLink, there bool) {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0, err == nil
}

func forgeable(string) bool { return true }

func stamp(to []byte, _ string) []byte { return to }
