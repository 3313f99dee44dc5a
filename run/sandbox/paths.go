package sandbox

import (
	"os"
	"path/filepath"
	"sort"
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

// Seen gives the rules whose paths lead somewhere, by where they lead, parents first. Of several for one path the last counts.
func Seen(rules []Rule) []Rule {
	last := map[string]View{}
	for _, r := range rules {
		if path, there := resolve(r.Path); there {
			last[path] = r.View
		}
	}
	seen := make([]Rule, 0, len(last))
	for path, view := range last {
		seen = append(seen, Rule{path, view})
	}
	sort.Slice(seen, func(i, j int) bool { return seen[i].Path < seen[j].Path })
	return seen
}

// within says whether path is dir or lies below it.
func within(path, dir string) bool {
	return dir != "" && strings.HasPrefix(path, dir) && (len(path) == len(dir) || dir[len(dir)-1] == '/' || path[len(dir)] == '/')
}
