package sandbox

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox/shim"
)

// held is the ruleset of a sealed command. It keeps signals and abstract sockets within the run, where the kernel can tell. And it
// holds what a mount cannot: one that covers a file goes when somebody outside replaces the file, as editors, shells and git do with
// theirs at each change (rename(2) detaches it in every namespace), and a name that is not there yet cannot be covered at all. So
// where something is hidden, only what was beside it at the start can be read. Any rule on files forbids mounts, which a
// sandbox within needs. It is nil where there is nothing to hold, or this kernel cannot.
//
// The rules of what no mount covers are made here, while init mounts; those of covers, by init.
func (c *Config) held(s *survey, seen []Rule) (*shim.Landlock, error) {
	version, p := askLandlock()
	if p != nil {
		return nil, nil
	}
	l := &shim.Landlock{Scoped: handled(version).Scoped}
	if !c.Nested {
		b := beside{survey: s, views: make(map[string]View, len(seen)), listed: map[string]bool{}}
		covered, open := b.grant(c.Rules, seen)
		if len(covered)+len(open) > 0 {
			l.FS = besideAccess
			if err := begin(l, open); err != nil {
				return nil, err
			}
			l.Paths = covered
		}
	}
	if l.FS|l.Scoped == 0 {
		return nil, nil
	}
	return l, nil
}

// begin makes the ruleset, and has it grant some of its paths.
func begin(l *shim.Landlock, paths []shim.PathRule) error {
	ruleset, f := l.Create()
	if f == nil {
		l.Begun = ruleset
		if f = (&shim.Landlock{Paths: paths}).Add(ruleset); f == nil {
			return nil
		}
		unix.Close(ruleset)
	}
	return &Problem{Step: f.Step, Call: f.Call, Err: f.Errno}
}

// besideAccess is what is granted: a ruleset that has anything to say of files forbids what it grants no access to be moved by, from
// one directory to another.
const besideAccess = accessReadFile | accessRefer

// beside finds what there is in directories in which something is hidden.
type beside struct {
	*survey
	views  map[string]View // of what is there
	listed map[string]bool // directories of which each entry is granted by itself, and those of which it was found that it is not
}

// grant gives the entries, and so all the rest: those on which a mount is put, and the others. What lies below something writable is left
// to its covers: the command must read what it makes there.
func (b *beside) grant(rules, seen []Rule) (covered, open []shim.PathRule) {
	for _, r := range seen {
		b.views[r.Path] = r.View
	}
	tried := map[string]bool{}
	for _, r := range rules {
		if dir, _ := split(r.Path); r.View == Hidden && !tried[dir] {
			tried[dir] = true
			real, there := b.directory(dir)
			for ; !there; real, there = b.directory(dir) {
				dir = filepath.Dir(dir)
			}
			b.list(real)
		}
	}
	for _, r := range seen {
		if r.View == Hidden {
			b.list(filepath.Dir(r.Path)) // where a link leads
		}
	}
	buffer := make([]byte, entriesSize)
	for dir, listed := range b.listed {
		if !listed {
			continue
		}
		readDir(dir, buffer, func(name []byte, kind uint32) bool {
			path := filepath.Join(dir, string(name))
			rule := shim.PathRule{Access: besideAccess, Path: path}
			switch view, ruled := b.views[path]; {
			case b.listed[path] || kind == unix.S_IFLNK:
			case ruled && view == Hidden, path == "/dev", path == "/proc":
				covered = append(covered, rule)
			default:
				open = append(open, rule)
			}
			return true
		})
	}
	return covered, open
}

// systems are directories of the system's own in which root alone replaces anything, by hand and rarely. They have hundreds of
// entries, each of which would take a part of every start.
var systems = []string{"/etc", "/run", "/sys", "/var/lib", "/var/spool"}

func isSystems(dir string) bool {
	return os.Geteuid() == 0 && slices.ContainsFunc(systems, func(s string) bool { return within(dir, s) })
}

// list notes a directory and those above it, if something new can come to be in it by us, and none of them is granted as a whole.
func (b *beside) list(dir string) {
	if _, known := b.listed[dir]; known {
		return
	}
	b.listed[dir] = false
	if isSystems(dir) || unix.Access(dir, unix.W_OK) != nil {
		return
	}
	for at := dir; at != "/"; at = filepath.Dir(at) {
		if view, ruled := b.views[at]; ruled && view != ReadOnly {
			return
		}
	}
	for ; !b.listed[dir]; dir = filepath.Dir(dir) {
		b.listed[dir] = true
	}
}
