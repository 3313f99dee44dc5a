package rundir

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// openNoLink is nothing here: pipes and devices have names of their own.
const openNoLink = 0

// checkBase trusts the profile's own directory for temporary files: Windows gives each user one, with its own ACL.
func checkBase(base string) error {
	_, err := os.Stat(base)
	return err
}

func checkPrivate(info fs.FileInfo) error {
	if !info.IsDir() {
		return errors.New("is not a directory")
	}
	return nil
}

// removeLocked lets go first: Windows removes no open file.
func removeLocked(dir string, lock *flock.Flock) {
	lock.Close()
	os.RemoveAll(dir)
}
