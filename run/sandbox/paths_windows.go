package sandbox

import (
	"io/fs"
	"os"
)

func lstat(path string) (isLink, there bool) {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0, err == nil
}
