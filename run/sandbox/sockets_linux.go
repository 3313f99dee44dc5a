package sandbox

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Sockets lists the sockets with a name in the file system that this user could connect to, and the pipes of the system's programs:
// whoever listens there acts outside of the box (docker, ssh-agent, gpg-agent, tmux, D-Bus, editors).
//
// The kernel says the name that each was bound to, which need not be the one that it has: ssh links its own to where it is
// wanted, others bind in a working directory, and what a container has of its host was bound elsewhere. So the directories of those
// names are looked through, and those where sockets are kept, and mount points are asked what they are.
func Sockets() []string {
	f := &finder{found: map[string]bool{}, looked: map[string]bool{}, left: maxLooked}
	f.look("/run", 3)
	f.look("/tmp", 1)
	f.look("/tmp/.X11-unix", 1)
	f.mounted()
	if relative := f.bound(); len(relative) > 0 {
		f.inWorkingDirs(relative)
	}
	paths := make([]string, 0, len(f.found))
	for path := range f.found {
		paths = append(paths, path)
	}
	return paths
}

// maxLooked bounds the entries of directories that are looked at, and maxCrowd those of one: there are directories of thousands of
// files, which are no place for sockets.
const (
	maxLooked = 5_000
	maxCrowd  = 1_000
)

// finder looks for sockets.
type finder struct {
	found, looked map[string]bool // sockets, and directories
	left          int             // entries that may be looked at still
}

// add notes a path that is one, if we could connect to it.
func (f *finder) add(path string) {
	if unix.Access(path, unix.W_OK) == nil {
		f.found[path] = true
	}
}

// bound reads the names that the kernel has, and gives those that do not say where they are: relative ones, and what was bound by
// way of a process's directory, as programs do where the whole name is too long.
func (f *finder) bound() (relative []string) {
	names, err := os.Open("/proc/self/net/unix")
	if err != nil {
		return nil
	}
	defer names.Close()
	for lines := bufio.NewReader(names); ; {
		line, err := lines.ReadString('\n')
		switch name := socketName(line); {
		case name == "" || name[0] == '@':
		case name[0] != '/':
			relative = append(relative, name)
		case within(name, "/proc"):
			relative = append(relative, filepath.Base(name))
		default:
			f.add(name)
			f.look(filepath.Dir(name), 1)
		}
		if err == io.EOF || err != nil {
			return relative
		}
	}
}

// inWorkingDirs looks for names in the working directories of processes.
func (f *finder) inWorkingDirs(names []string) {
	proc, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer proc.Close()
	pids, _ := proc.Readdirnames(-1)
	tried := map[string]bool{}
	for _, pid := range pids {
		dir, err := os.Readlink("/proc/" + pid + "/cwd")
		if err != nil || tried[dir] {
			continue
		}
		tried[dir] = true
		for _, name := range names {
			path := filepath.Join(dir, name)
			f.add(path)
			f.look(filepath.Dir(path), 1)
		}
	}
}

// mounted asks what mount points are, and what is in them: a container has its host's sockets so (proc_pid_mountinfo(5)).
func (f *finder) mounted() {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			path := unescape(fields[4])
			if within(path, "/proc") || within(path, "/sys") || within(path, "/dev") {
				continue
			}
			if info, err := os.Lstat(path); err == nil {
				f.judge(path, info.Mode())
			}
			f.look(path, 1)
		}
	}
}

// unescape reads the octal escapes of a mount point.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// judge adds a path by what it is. A pipe in a directory for temporary files is somebody's who works with the command.
func (f *finder) judge(path string, mode fs.FileMode) {
	if mode&fs.ModeSocket != 0 || mode&fs.ModeNamedPipe != 0 && !within(path, "/tmp") && !within(path, "/var/tmp") {
		f.add(path)
	}
}

// look looks through a directory, as deep as it is told.
func (f *finder) look(dir string, depth int) {
	if depth == 0 || f.looked[dir] {
		return
	}
	f.looked[dir] = true
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	entries, _ := d.ReadDir(min(maxCrowd, f.left))
	f.left -= len(entries)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if f.judge(path, e.Type()); e.IsDir() && f.left > 0 {
			f.look(path, depth-1)
		}
	}
}

// socketName reads the eighth field of a line of /proc/net/unix, which may hold spaces (unix(7) does not describe it;
// net/unix/af_unix.c, unix_seq_show).
func socketName(line string) string {
	line = strings.TrimSuffix(line, "\n")
	if strings.HasPrefix(line, "Num ") { // the heading
		return ""
	}
	for range 7 {
		_, rest, ok := strings.Cut(strings.TrimLeft(line, " "), " ")
		if !ok {
			return ""
		}
		line = rest
	}
	return strings.TrimLeft(line, " ")
}
