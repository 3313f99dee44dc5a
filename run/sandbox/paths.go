package sandbox

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// links follows the links of paths, and asks the system about each directory once: the rules of a run name hundreds of
// paths, most of which are not there, in a dozen of directories.
type links struct {
	known  map[string]string          // where a directory leads; "": nowhere
	asked  map[string]int             // of how many names in a directory it was asked whether they are there
	listed map[string]map[string]bool // the names in one; nil: they do not tell
	left   int                        // that are followed still
	passed []string                   // links on the way of the last resolve, by where they lie
	via    map[string][]string        // those on the ways of known
	ways   map[string]bool            // those on the ways to what leads and settle hid or kept from change
}

func newLinks() *links {
	return &links{known: map[string]string{}, asked: map[string]int{}, listed: map[string]map[string]bool{}, via: map[string][]string{}, ways: map[string]bool{}}
}

// maxLinks bounds a chain of links, as the kernel does (path_resolution(7)).
const maxLinks = 40

// resolve gives where an absolute path leads.
func (r *links) resolve(path string) (real string, there bool) {
	r.left, r.passed = maxLinks, r.passed[:0]
	real = r.last(filepath.Clean(path))
	return real, real != ""
}

// directory is resolve for a directory that may have been on the way of another path.
func (r *links) directory(path string) (real string, there bool) {
	r.left, r.passed = maxLinks, r.passed[:0]
	real = r.follow(filepath.Clean(path))
	return real, real != ""
}

// isThere says whether there is something at a path, be it a link that leads nowhere.
func isThere(path string) bool {
	_, there := lstat(path)
	return there
}

// has is isThere for a clean path, beside which many are asked for.
func (r *links) has(path string) bool {
	dir, name := split(path)
	if real, there := r.directory(dir); !there || real == dir && r.lacks(dir, name) {
		return false
	}
	return isThere(path)
}

// follow is last for a path on the way of another, which is remembered.
func (r *links) follow(path string) (real string) {
	if real, known := r.known[path]; known {
		r.passed = append(r.passed, r.via[path]...)
		return real
	}
	before := len(r.passed)
	real = r.last(path)
	if r.left >= 0 { // else this one may lead somewhere by itself
		r.known[path] = real
		if len(r.passed) > before {
			r.via[path] = slices.Clone(r.passed[before:])
		}
	}
	return real
}

// last is where a clean path leads.
func (r *links) last(path string) string {
	dir, name := split(path)
	if name == "" {
		return path
	}
	switch real := r.follow(dir); real {
	case "":
		return ""
	case dir:
		if r.lacks(dir, name) {
			return ""
		}
		return r.entry(dir, path)
	default:
		return r.entry(real, filepath.Join(real, name))
	}
}

// lacks says whether a directory is known not to have a name: of one that many names are asked of, all that it has are read.
func (r *links) lacks(dir, name string) bool {
	names, listed := r.listed[dir]
	if !listed {
		const worth = 8
		if r.asked[dir]++; r.asked[dir] < worth {
			return false
		}
		names = namesIn(dir)
		r.listed[dir] = names
	}
	return names != nil && !names[name] && !slices.Contains(past, name)
}

// namesIn gives the names in a directory; nil where it cannot be read as a whole, is very large, or may take one name for another.
func namesIn(dir string) map[string]bool {
	const most = 1000
	f, err := os.OpenFile(dir, os.O_RDONLY|openNonblock, 0) // a pipe may lie in its place
	if err != nil {
		return nil
	}
	defer f.Close()
	list, err := f.Readdirnames(most + 1)
	if err != nil && err != io.EOF || len(list) > most {
		return nil
	}
	names := make(map[string]bool, len(list))
	for _, name := range list {
		names[name] = true
	}
	for _, name := range list { // one is enough to see whether it tells capitals from others
		if other := swapCase(name); other != name && !names[other] {
			if _, same := lstat(filepath.Join(dir, other)); same {
				return nil
			}
			return names
		}
	}
	if len(list) > 0 {
		return nil
	}
	return names
}

// swapCase makes small letters of capitals and the other way round.
func swapCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c|' ' && c|' ' <= 'z' {
			b[i] = c ^ ' '
		}
	}
	return string(b)
}

// split is filepath.Dir and filepath.Base of a clean path, which it does not clean again. The name of a root is "".
func split(path string) (dir, name string) {
	dir, name = filepath.Split(path)
	if root := len(filepath.VolumeName(dir)) + 1; len(dir) > root {
		dir = dir[:len(dir)-1]
	}
	return dir, name
}

// entry is where a path leads whose directory dir has no links.
func (r *links) entry(dir, path string) string {
	isLink, there := lstat(path)
	if !there {
		return ""
	}
	if !isLink {
		return path
	}
	target, err := os.Readlink(path)
	if r.left--; err != nil || r.left < 0 {
		return ""
	}
	r.passed = append(r.passed, path)
	at := dir
	if filepath.IsAbs(target) {
		at = filepath.VolumeName(target) + string(filepath.Separator)
	}
	for name := range strings.SplitSeq(filepath.ToSlash(target[len(filepath.VolumeName(target)):]), "/") {
		switch name {
		case "", ".":
			continue
		case "..": // of where the way led, which is not what the text says
			at = filepath.Dir(at)
			continue
		}
		if at = r.follow(filepath.Join(at, name)); at == "" {
			return ""
		}
	}
	return at
}

// parent follows the links of what is there of a path.
func (r *links) parent(path string) string {
	dir, name := split(filepath.Clean(path))
	if name == "" {
		return dir
	}
	r.left = maxLinks
	if real := r.follow(dir); real != "" {
		return filepath.Join(real, name)
	}
	return filepath.Join(r.parent(dir), name)
}

// Seen gives the rules whose paths lead somewhere, by where they lead, parents first. Of several for one path the last counts, and
// what has a rule by another name only, of that.
func Seen(rules []Rule) []Rule { return newSurvey().seen(rules) }

// survey is what a start asks the system about its files, once.
type survey struct {
	*links
	mounts []mountPoint
}

func newSurvey() *survey { return &survey{newLinks(), ourMounts()} }

func (s *survey) seen(rules []Rule) []Rule {
	return s.named(lastOf(s.leads(rules)))
}

// named adds the other names of places, and gives all in order.
func (s *survey) named(views map[string]View) []Rule {
	for _, more := range []func(map[string]View, []mountPoint) map[string]View{layerNames, otherNames, layerNames} { // an overlay may be made of such a name
		for path, view := range more(views, s.mounts) {
			if _, ruled := views[path]; !ruled {
				views[path] = view
			}
		}
	}
	seen := make([]Rule, 0, len(views))
	for path, view := range views {
		seen = append(seen, Rule{path, view})
	}
	sort.Slice(seen, func(i, j int) bool { return seen[i].Path < seen[j].Path })
	return seen
}

// within says whether path is dir or lies below it.
func within(path, dir string) bool {
	return dir != "" && strings.HasPrefix(path, dir) && (len(path) == len(dir) || dir[len(dir)-1] == '/' || path[len(dir)] == '/')
}
