// Package private opens directories that are for their owner alone: logs, counters and what was trusted lie in such.
package private

import (
	"fmt"
	"os"
)

// Dir makes dir private where it is missing, and opens it. It refuses a symbolic link and another user's directory:
// whoever placed them could read what is kept there or swap it. What other users may do with a directory of ours is taken
// away.
func Dir(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	named, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, fmt.Errorf("%s is not a directory but a %s", dir, kind(named.Mode()))
	}
	if err := checkOwner(named); err != nil {
		return nil, fmt.Errorf("%s %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := makePrivate(root, named); err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return root, nil
}

// makePrivate checks that root is what was looked at, and that it is for its owner only.
func makePrivate(root *os.Root, named os.FileInfo) error {
	opened, err := root.Stat(".")
	if err != nil {
		return err
	}
	if !os.SameFile(named, opened) {
		return fmt.Errorf("it was replaced while it was opened")
	}
	if opened.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return root.Chmod(".", 0o700)
}

func kind(m os.FileMode) string {
	if m&os.ModeSymlink != 0 {
		return "symbolic link"
	}
	return "file"
}
