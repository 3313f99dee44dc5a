package sandbox

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Sockets lists the sockets with a name in the file system that this user could connect to, and the pipes of the system's programs:
// whoever listens there acts outside of the box (docker, ssh-agent, gpg-agent, tmux, D-Bus, editors).
//
// The kernel says the name that each was bound to, which need not be the one that it has: ssh links its own to where it is
// wanted, others bind in a working directory, and what a container has of its host was bound elsewhere. So the directories of those
// names are looked through, and those where sockets are kept, and mount points are asked what they are. Such a name is a hint and no
// more: who bound it chose it, and what is there now may be a directory of ours.
func Sockets() []string { return newSurvey().sockets() }

func (s *survey) sockets() []string {
	f := newFinder()
	names, relative := boundNames()
	for _, name := range names { // without a bound: these are most of what there is to hide
		f.ask(name)
	}
	f.look("/run", 3, true)
	for _, name := range names {
		f.look(filepath.Dir(name), 1, true)
	}
	f.look("/tmp", 1, true)
	f.look("/tmp/.X11-unix", 1, true)
	dir, _ := os.Readlink("/proc/self/cwd")
	mounts, remote := withSockets(s.mounts, dir)
	for _, path := range mounts {
		f.mount(path)
	}
	if len(relative) > 0 {
		f.inWorkingDirs(relative, remote)
	}
	f.own("/tmp")
	paths := make([]string, 0, len(f.found))
	for path := range f.found {
		paths = append(paths, path)
	}
	return paths
}

// maxLooked bounds the entries of directories that are looked at, and maxCrowd those of one: there are directories of thousands of
// files, which are no place for sockets. A start waits for all of it, and has a few milliseconds.
const (
	maxLooked = 5_000
	maxCrowd  = 500
)

// finder looks for sockets.
type finder struct {
	found, looked map[string]bool // sockets, and directories
	left          int             // entries that may be looked at still
	entries       []byte          // of one directory, as the kernel gives them
}

func newFinder() *finder {
	return &finder{found: map[string]bool{}, looked: map[string]bool{}, left: maxLooked, entries: make([]byte, entriesSize)}
}

// add notes a path that is one, if we could connect to it.
func (f *finder) add(path string) {
	if unix.Access(path, unix.W_OK) == nil {
		f.found[path] = true
	}
}

// ask adds a path that is a socket now, or leads to one.
func (f *finder) ask(path string) {
	if kindOf(path, unix.Stat) == unix.S_IFSOCK {
		f.add(path)
	}
}

// kindOf is the type of what is at a path, as the kernel has it in a file's mode; 0: nothing that we can see.
func kindOf(path string, stat func(string, *unix.Stat_t) error) uint32 {
	var info unix.Stat_t
	for {
		switch err := stat(path, &info); err {
		case nil:
			return info.Mode & unix.S_IFMT
		case unix.EINTR:
		default:
			return 0
		}
	}
}

// judge adds a path by its type. A pipe in a directory for temporary files is somebody's who works with the command.
func (f *finder) judge(path string, kind uint32, pipes bool) {
	pipes = pipes && !within(path, "/tmp") && !within(path, "/var/tmp")
	if kind == unix.S_IFSOCK || kind == unix.S_IFIFO && pipes {
		f.add(path)
	}
}

// look looks through a directory, as deep as it is told, for sockets and, where it is told so, pipes.
func (f *finder) look(dir string, depth int, pipes bool) {
	if depth == 0 || f.left <= 0 || f.looked[dir] {
		return
	}
	f.looked[dir] = true
	var dirs []string
	crowd := maxCrowd
	readDir(dir, f.entries, func(name []byte, kind uint32) bool {
		if kind == 0 { // this file system does not say
			kind = kindOf(filepath.Join(dir, string(name)), unix.Lstat)
		}
		switch kind {
		case unix.S_IFSOCK, unix.S_IFIFO:
			f.judge(filepath.Join(dir, string(name)), kind, pipes)
		case unix.S_IFDIR:
			if depth > 1 {
				dirs = append(dirs, filepath.Join(dir, string(name)))
			}
		}
		f.left--
		crowd--
		return f.left > 0 && crowd > 0
	})
	for _, d := range dirs {
		f.look(d, depth-1, pipes)
	}
}

// own looks through the directories that some programs make for their sockets among other temporary files: ssh's agent, tmux, emacs,
// Neovim. Where the place is another container's or network's, no name has told of them. One that is the user's for each of its kind to
// come, who executes what it is told, is covered as a whole.
func (f *finder) own(dir string) {
	uid := strconv.Itoa(os.Geteuid())
	readDir(dir, make([]byte, entriesSize), func(name []byte, _ uint32) bool {
		for _, begin := range []string{"ssh-", "tmux-", "emacs", "nvim."} {
			if !strings.HasPrefix(string(name), begin) {
				continue
			}
			path := filepath.Join(dir, string(name))
			if (begin == "nvim." || string(name[len(begin):]) == uid) && isOurs(path) {
				f.add(path)
			} else {
				f.look(path, 2, false)
			}
		}
		return f.left > 0
	})
}

// isOurs says whether a path is a directory that is the user's alone.
func isOurs(path string) bool {
	var info unix.Stat_t
	err := unix.Lstat(path, &info)
	return err == nil && info.Mode&^unix.S_ISVTX == unix.S_IFDIR|0o700 && int(info.Uid) == os.Geteuid()
}

// entriesSize is what os.ReadDir takes, in bytes.
const entriesSize = 8 << 10

// readDir calls do for the entries of a directory, until it has enough. kind is 0 where the file system does not say it. It is
// os.ReadDir without what that allocates for each: few are of interest. What is no directory, as a pipe, is not waited for.
func readDir(dir string, buffer []byte, do func(name []byte, kind uint32) (more bool)) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for err == unix.EINTR {
		fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Getdents(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		for rest := buffer[:n]; len(rest) > 19; { // struct linux_dirent64 of getdents(2)
			size := int(binary.NativeEndian.Uint16(rest[16:]))
			kind := uint32(rest[18]) << 12 // DT_* are the bits of S_IFMT
			name, _, _ := bytes.Cut(rest[19:size], []byte{0})
			rest = rest[size:]
			if string(name) != "." && string(name) != ".." && !do(name, kind) {
				return
			}
		}
	}
}

// boundNames reads the names that the kernel has: those that say where they are, and relative ones, of which are also those that were
// bound by way of a process's directory, as programs do where the whole name is too long.
func boundNames() (absolute, relative []string) {
	var text []byte
	for _, list := range nameLists() {
		names, _ := os.ReadFile(list)
		text = append(text, names...)
	}
	known := map[string]bool{} // each connection to a socket has its name
	for line := range strings.Lines(string(text)) {
		name := socketName(line)
		if name == "" || name[0] == '@' || known[name] {
			continue
		}
		known[name] = true
		switch {
		case name[0] != '/':
			relative = append(relative, name)
		case within(name, "/proc"):
			relative = append(relative, filepath.Base(name))
		default:
			absolute = append(absolute, name)
		}
	}
	return absolute, relative
}

// maxNetworks bounds the networks whose names are read.
const maxNetworks = 32

// nameLists are the kernel's lists of names. Each network has one, while a name in the file system leads to its socket from any of them:
// who works in another than the machine's, as some do to have a VPN for a few programs, has that of the agents and terminals around too.
func nameLists() []string {
	lists, ours := []string{"/proc/self/net/unix"}, networkOf("self")
	if networkOf("1") == ours { // as a rule: the others are containers'
		return lists
	}
	known := map[uint64]bool{0: true, ours: true}
	readDir("/proc", make([]byte, entriesSize), func(pid []byte, _ uint32) bool {
		if network := networkOf(string(pid)); !known[network] {
			known[network] = true
			lists = append(lists, "/proc/"+string(pid)+"/net/unix")
		}
		return len(lists) < maxNetworks
	})
	return lists
}

// networkOf tells the network of a process from others; 0: it cannot be seen.
func networkOf(pid string) uint64 {
	var info unix.Stat_t
	if unix.Stat("/proc/"+pid+"/net/unix", &info) != nil {
		return 0
	}
	return info.Ino
}

// inWorkingDirs looks for names in the working directories of processes.
func (f *finder) inWorkingDirs(names, remote []string) {
	var target [unix.PathMax]byte
	tried := map[string]bool{}
	readDir("/proc", make([]byte, entriesSize), func(pid []byte, _ uint32) bool {
		if pid[0] < '0' || pid[0] > '9' {
			return true
		}
		n, err := unix.Readlink("/proc/"+string(pid)+"/cwd", target[:])
		if err != nil || tried[string(target[:n])] {
			return true
		}
		dir := string(target[:n])
		tried[dir] = true
		for _, name := range names {
			if f.left--; f.left > 0 && !withinAny(dir, remote) {
				path := filepath.Join(dir, name)
				f.ask(path)
				f.look(filepath.Dir(path), 1, false)
			}
		}
		return f.left > 0
	})
}

// mount asks what a mount point is, and what is in it: a container has its host's sockets so.
func (f *finder) mount(path string) {
	if f.left--; f.left > 0 {
		f.judge(path, kindOf(path, unix.Lstat), true)
		f.look(path, 1, true)
	}
}

// withSockets lists mount points where there may be sockets, and the remote ones. It leaves out a mount whose file system is another
// machine's, or another program's, with what is mounted in it: who asks it waits for that one, for ever if it is gone. The one that we
// work in has answered.
func withSockets(mounts []mountPoint, workingDir string) (paths, remote []string) {
	var all []string
	for _, m := range mounts {
		switch {
		case m.kind == "autofs", m.kind == "squashfs", m.kind == "nsfs": // would be mounted; have no listeners
		case within(m.path, "/proc"), within(m.path, "/sys"), within(m.path, "/dev"):
		case isRemote(m.kind) && !within(workingDir, m.path):
			remote = append(remote, m.path)
		default:
			all = append(all, m.path)
		}
	}
	for _, path := range all {
		if !withinAny(path, remote) {
			paths = append(paths, path)
		}
	}
	return paths, remote
}

// isRemote knows the file systems that wait for others. Of those that are programs of this machine, one is what rootless containers
// have for theirs.
func isRemote(kind string) bool {
	switch kind {
	case "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "gfs2", "ocfs2", "orangefs", "pvfs2", "beegfs", "gpfs", "davfs", "9p", "fuse":
		return true
	}
	return strings.HasPrefix(kind, "fuse.") && kind != "fuse.fuse-overlayfs"
}

func withinAny(path string, dirs []string) bool {
	for _, dir := range dirs {
		if within(path, dir) {
			return true
		}
	}
	return false
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
