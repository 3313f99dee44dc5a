package sandbox

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"

	"agentguard/run/sandbox/shim"
)

// Accesses of Landlock (linux/landlock.h).
const (
	accessExecute     = 1 << 0
	accessWriteFile   = 1 << 1
	accessReadFile    = 1 << 2
	accessReadDir     = 1 << 3
	accessRemoveDir   = 1 << 4
	accessRemoveFile  = 1 << 5
	accessMakeChar    = 1 << 6
	accessMakeDir     = 1 << 7
	accessMakeReg     = 1 << 8
	accessMakeSock    = 1 << 9
	accessMakeFifo    = 1 << 10
	accessMakeBlock   = 1 << 11
	accessMakeSym     = 1 << 12
	accessRefer       = 1 << 13
	accessTruncate    = 1 << 14
	accessIoctlDev    = 1 << 15 // version 5
	accessResolveUnix = 1 << 16 // version 9

	accessRead  = accessExecute | accessReadFile | accessReadDir
	accessWrite = accessWriteFile | accessRemoveDir | accessRemoveFile | accessMakeDir | accessMakeReg | accessMakeSock | accessMakeFifo |
		accessMakeSym | accessRefer | accessTruncate | accessIoctlDev
	accessAll = accessRead | accessWrite | accessMakeChar | accessMakeBlock
)

// maxGrants bounds the rules of one run. Each costs some microseconds and a piece of kernel memory.
const maxGrants = 10_000

// Grants is what views come to where access can only be granted, as with Landlock: to a directory and all below it, and nothing
// can be taken away below. So a directory that has something hidden in it is not granted. It can be listed, and so can all
// that it has below, but to open a file takes a grant, and what is not hidden in it gets one each, as it is now. What appears
// there later gets none.
type Grants struct {
	Rules  []shim.PathRule
	Frozen []string // would be writable but for what is hidden in them: files can be changed, and new ones not made
}

// Grant says what a child gets that sees the file system as the rules say, and read-only where no rule speaks. Paths of rules
// hold no symbolic link. readDir lists a directory; in one that it cannot list, only what rules name is granted.
//
// A rule that makes something read-only below what is writable counts only where that directory has something hidden in it
// as well: nothing new could be made in it otherwise.
func Grant(rules []Rule, readDir func(string) ([]fs.DirEntry, error)) (Grants, error) {
	g := &granter{view: map[string]View{}, readDir: readDir}
	for _, r := range rules {
		g.view[r.Path] = r.View
	}
	for path := range g.view {
		g.paths = append(g.paths, path)
	}
	sort.Strings(g.paths)
	g.visit("/", ReadOnly)
	if len(g.Rules) > maxGrants {
		return Grants{}, fmt.Errorf("more than %d files would have to be allowed one by one: too much lies beside what is hidden", maxGrants)
	}
	return g.Grants, nil
}

type granter struct {
	Grants
	view    map[string]View
	paths   []string // of the rules, sorted
	readDir func(string) ([]fs.DirEntry, error)
}

// visit grants what is at path and below. view is what the directory above is seen as.
func (g *granter) visit(path string, view View) {
	if v, ok := g.view[path]; ok {
		view = v
	}
	below := g.below(path)
	switch {
	case len(g.Rules) > maxGrants:
	case view == Hidden:
		for name := range g.names(path, below) {
			g.visit(filepath.Join(path, name), Hidden)
		}
	case !g.hidesAny(below):
		g.allow(path, view)
		for _, p := range below {
			if g.view[p] > view {
				g.allow(p, g.view[p])
			}
		}
	default:
		g.list(path, view, below)
	}
}

// list grants each entry of a directory by itself.
func (g *granter) list(path string, view View, below []string) {
	g.Rules = append(g.Rules, shim.PathRule{Access: accessReadDir, Path: path})
	if view > ReadOnly {
		g.Frozen = append(g.Frozen, path)
	}
	names := g.names(path, below)
	entries, _ := g.readDir(path)
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 { // what a link leads to is granted, or not, where it is
			names[e.Name()] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	for _, name := range sorted {
		g.visit(filepath.Join(path, name), view)
	}
}

// below gives the rules' paths below a directory.
func (g *granter) below(dir string) []string {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	from := sort.SearchStrings(g.paths, prefix)
	to := from
	for to < len(g.paths) && strings.HasPrefix(g.paths[to], prefix) {
		to++
	}
	if from < to && g.paths[from] == dir { // "/" is below itself only as text
		from++
	}
	return g.paths[from:to]
}

// names gives the entries of dir through which the rules below it go.
func (g *granter) names(dir string, below []string) map[string]bool {
	names := map[string]bool{}
	for _, p := range below {
		rest := strings.TrimPrefix(p[len(strings.TrimSuffix(dir, "/")):], "/")
		name, _, _ := strings.Cut(rest, "/")
		names[name] = true
	}
	return names
}

func (g *granter) hidesAny(paths []string) bool {
	for _, p := range paths {
		if g.view[p] == Hidden {
			return true
		}
	}
	return false
}

func (g *granter) allow(path string, view View) {
	access := uint64(accessRead)
	if view > ReadOnly {
		access |= accessWrite
	}
	g.Rules = append(g.Rules, shim.PathRule{Access: access, Path: path})
}
