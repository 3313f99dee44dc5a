package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// resolve follows the links of a path.
func resolve(path string) (string, bool) {
	if _, err := os.Lstat(path); err != nil {
		return "", false
	}
	path, err := filepath.EvalSymlinks(path)
	return path, err == nil
}

// resolveParent follows the links of what is there of a path.
func resolveParent(path string) string {
	dir, rest := filepath.Dir(path), filepath.Base(path)
	if dir == path {
		return path
	}
	if real, ok := resolve(dir); ok {
		return filepath.Join(real, rest)
	}
	return filepath.Join(resolveParent(dir), rest)
}

// within says whether path is dir or lies below it.
func within(path, dir string) bool {
	return dir != "" && strings.HasPrefix(path, dir) && (len(path) == len(dir) || dir[len(dir)-1] == '/' || path[len(dir)] == '/')
}
