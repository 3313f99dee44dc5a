package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// mountPoint is where a directory of a file system is shown (proc_pid_mountinfo(5)).
type mountPoint struct {
	device, root, kind string // root is the directory within the file system
	path               string
	layers             []string // directories of which an overlay is made, by the names that they had for who made it
}

// mountPoints reads a list of mounts. Of several at one place the last is seen.
func mountPoints(text string) (all []mountPoint) {
	for line := range strings.Lines(text) {
		about, what, _ := strings.Cut(line, " - ")
		fields := strings.SplitN(about, " ", 6)
		if len(fields) < 6 {
			continue
		}
		kind, _, _ := strings.Cut(what, " ")
		m := mountPoint{fields[2], unescape(fields[3]), kind, unescape(fields[4]), nil}
		if kind == "overlay" {
			m.layers = layersOf(what)
		}
		all = append(all, m)
	}
	return all
}

func ourMounts() []mountPoint {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	return mountPoints(string(text))
}

// swapFiles reads the list of files in which the system keeps memory that it has no room for, that of this process perhaps. Root can
// read them (swapon(8)).
func swapFiles(text string) (paths []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "file" {
			paths = append(paths, unescape(fields[0]))
		}
	}
	return paths
}

// layersOf reads the options of an overlay.
func layersOf(what string) (layers []string) {
	for option := range strings.SplitSeq(what[strings.LastIndexByte(what, ' ')+1:], ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(option), "="); name {
		case "lowerdir", "lowerdir+", "datadir+", "upperdir":
			for layer := range strings.SplitSeq(value, ":") {
				if filepath.IsAbs(layer) { // a container's are named from another place, and are not there
					layers = append(layers, unescape(layer))
				}
			}
		}
	}
	return layers
}

// layerNames gives the views of what rules hide or keep from change by the names that it has below the directories of an overlay, as a system
// whose disk is kept as it is shows both; and in an overlay that is made of where it lies.
func layerNames(rules map[string]View, mounts []mountPoint) map[string]View {
	names := map[string]View{}
	add := func(name string, view View) {
		if isThere(name) {
			names[name] = view
		}
	}
	for path, view := range rules {
		if view == Writable {
			continue
		}
		at := mountOf(path, mounts)
		for _, layer := range at.layers {
			add(filepath.Join(layer, at.root, path[len(at.path):]), view)
		}
		for _, m := range mounts {
			for _, layer := range m.layers {
				if inside := filepath.Join("/", strings.TrimPrefix(path, layer)); within(path, layer) && within(inside, m.root) {
					add(filepath.Join(m.path, inside[len(m.root):]), view)
				}
			}
		}
	}
	return names
}

// otherNames gives the views of other names of what rules hide or keep from change, which are by where they lead: a directory of a file
// system can be shown in many places (mount --bind, a disk that is mounted as a whole beside its parts, a host's below /run/host of its
// container).
func otherNames(rules map[string]View, mounts []mountPoint) map[string]View {
	o := others{map[string][]mountPoint{}, map[string]View{}}
	for _, m := range mounts {
		o.shown[m.device] = append(o.shown[m.device], m)
	}
	points := map[string]bool{}
	for path, view := range rules {
		if view != Writable {
			o.name(path, view, mountOf(path, mounts), points)
		}
	}
	// Landlock knows a directory by itself, whatever its name: who is granted one by another name is granted what is mounted in it.
	for done := map[string]bool{}; len(points) > len(done); {
		for point := range points {
			if !done[point] {
				done[point] = true
				o.name(point, Hidden, mountOf(filepath.Dir(point), mounts), points)
			}
		}
	}
	return o.names
}

// others are the other names that were found.
type others struct {
	shown map[string][]mountPoint // by device
	names map[string]View
}

// name adds those of a path, which is in the mount at, and notes the mount points above what is hidden.
func (o *others) name(path string, view View, at mountPoint, points map[string]bool) {
	point := func(m mountPoint) {
		if view == Hidden && m.path != "/" && m.path != "" {
			points[m.path] = true
		}
	}
	point(at)
	if len(o.shown[at.device]) < 2 {
		return
	}
	inside := filepath.Join(at.root, path[len(at.path):])
	for _, m := range o.shown[at.device] {
		name := m.path
		switch {
		case m.path == at.path || within(m.path, path) && !points[path]: // what lies below is as its parent is
			continue
		case within(inside, m.root):
			name = filepath.Join(m.path, inside[len(m.root):])
		case view != Hidden || !within(m.root, inside):
			continue
		}
		point(m)
		if known, twice := o.names[name]; !twice || view < known {
			o.names[name] = view
		}
	}
}

// mountOf finds the mount in which a path is.
func mountOf(path string, mounts []mountPoint) (at mountPoint) {
	for _, m := range mounts {
		if within(path, m.path) && len(m.path) >= len(at.path) {
			at = m
		}
	}
	return at
}

// unescape reads the octal escapes of a mount point.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
