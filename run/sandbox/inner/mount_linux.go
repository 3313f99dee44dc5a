package inner

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"syscall"
	"unsafe"

	"agentguard/run/sandbox/shim"
)

// System calls that package syscall does not know; the numbers are the same on all architectures.
const (
	sysOpenTree     = 428
	sysMoveMount    = 429
	sysPidfdOpen    = 434
	sysMountSetattr = 442
)

// Of linux/mount.h and linux/fcntl.h.
const (
	openTreeClone     = 1
	openTreeCloexec   = syscall.O_CLOEXEC
	atRecursive       = 0x8000
	atEmptyPath       = 0x1000
	atFdcwd           = -100
	moveFromEmptyPath = 0x04
	moveToEmptyPath   = 0x40
	attrReadOnly      = 1
	attrNoSuid        = 2
	attrNoDev         = 4
)

// secretSize and sharedSize bound what a child can write where nothing is kept.
const (
	secretSize = "16m"
	sharedSize = "50%" // of memory, as shared memory has it everywhere
)

func mount(source, target, kind string, flags uintptr, data string) error {
	return syscall.Mount(source, target, kind, flags, data)
}

// patience is how often a mount is asked to become read-only while something writes in it, a tenth of a millisecond apart. It may
// be for a moment alone: who reads writes the time of it (the shim does, as it starts), and that counts.
const patience = 5000

// mountAttr sets attributes of a mount, of all below it too if recursive.
func mountAttr(path string, set uint64, recursive bool) error {
	flags := uintptr(0)
	if recursive {
		flags = atRecursive
	}
	return setAttr(atFdcwd, path, set, flags)
}

func setAttr(at int, path string, set uint64, flags uintptr) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	attr := struct{ set, clear, propagation, userns uint64 }{set: set}
	for tries := 0; ; tries++ {
		_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(at), uintptr(unsafe.Pointer(name)), flags, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
		switch {
		case errno == 0:
			return nil
		case errno != syscall.EBUSY || tries == patience:
			return errno
		}
		syscall.Nanosleep(&syscall.Timespec{Nsec: 100_000}, nil)
	}
}

// at does something with a place, as a descriptor. The paths of steps hold no symbolic link: one that does by now was put there by
// somebody who wants another place shown, or not hidden.
func at(path string, do func(place int) error) error {
	place, errno := shim.OpenPath(path)
	if errno != 0 {
		return errno
	}
	defer syscall.Close(place)
	return do(place)
}

// cloneMount gives a detached copy of what path shows, and attach puts it somewhere: what path shows may be covered between.
func cloneMount(path string) (fd int, err error) {
	err = at(path, func(place int) (err error) {
		fd, err = clone(place)
		return err
	})
	return fd, err
}

// clone is cloneMount of a descriptor.
func clone(place int) (fd int, err error) {
	var empty [1]byte
	r, _, errno := syscall.Syscall(sysOpenTree, uintptr(place), uintptr(unsafe.Pointer(&empty)), openTreeClone|openTreeCloexec|atRecursive|atEmptyPath)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

func attach(fd int, path string) error {
	return at(path, func(place int) error { return attachTo(fd, place) })
}

func attachTo(fd, place int) error {
	var empty [1]byte
	name := uintptr(unsafe.Pointer(&empty))
	if _, _, errno := syscall.Syscall6(sysMoveMount, uintptr(fd), name, uintptr(place), name, moveFromEmptyPath|moveToEmptyPath, 0); errno != 0 {
		return errno
	}
	return nil
}

// pin mounts a link on itself: it leads where it led, and can be neither removed nor replaced. A kernel that mounts nothing on links
// leaves it as it is.
func pin(link string) error {
	const oPath = 0x200000
	err := at(path.Dir(link), func(dir int) error {
		place, err := syscall.Openat(dir, path.Base(link), oPath|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
		if err != nil {
			return ifThere(err)
		}
		defer syscall.Close(place)
		fd, err := clone(place)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		if err := setAttr(fd, "", attrReadOnly|attrNoDev, atEmptyPath); err != nil {
			return err
		}
		return attachTo(fd, place)
	})
	if err == syscall.EINVAL {
		return nil
	}
	return unlinked(err)
}

// absent says that a path leads nowhere for us, and so for the child.
func absent(err error) bool {
	return err == syscall.ENOENT || err == syscall.ENOTDIR || err == syscall.EACCES || err == syscall.ELOOP || err == syscall.ENAMETOOLONG
}

// ifThere takes an error that only says that there is nothing to hide for none.
func ifThere(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

// unlinked is ifThere for the places of at: a link there is something, and what it hides from us is not to be passed over.
func unlinked(err error) error {
	if err == syscall.ELOOP {
		return err
	}
	return ifThere(err)
}

// hide covers a directory with an empty one that is forgotten at the end, and anything else with the null device: a file
// reads as empty, a socket refuses.
func hide(path string) error {
	return unlinked(at(path, func(place int) error {
		var stat syscall.Stat_t
		if err := syscall.Fstat(place, &stat); err != nil {
			return err
		}
		name := "/proc/self/fd/" + strconv.Itoa(place)
		if stat.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			return mount("tmpfs", name, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0700,size="+secretSize)
		}
		return mount("/dev/null", name, "", syscall.MS_BIND, "")
	}))
}

// bind shows source at path.
func bind(source, path string) error {
	return mount(source, path, "", syscall.MS_BIND|syscall.MS_REC, "")
}

// show puts a file in the place of another.
func show(source, path string) error {
	if err := mount(source, path, "", syscall.MS_BIND, ""); err != nil {
		return ifThere(err)
	}
	return mountAttr(path, attrReadOnly, false)
}

// among shows the files of a directory among those of another. It is a help to programs that look nowhere else: where the kernel has no
// overlays, or none for who is not root (before 5.11), path stays as it is.
func among(source, path string) {
	if bytes.ContainsAny([]byte(source), `,:\`) { // which divide the options of a mount
		return
	}
	mount("overlay", path, "overlay", syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV, "lowerdir="+source+":"+path)
}

// tmpfsMagic is statfs's word for what hide covers directories with (linux/magic.h).
const tmpfsMagic = 0x01021994

// lay copies a file to a place whose directory it makes in one that is hidden. Where nothing hides that one it lays nothing: what is
// there is the user's own.
func lay(source, place string) error {
	dir := path.Dir(place)
	var over syscall.Statfs_t
	if err := syscall.Statfs(path.Dir(dir), &over); err != nil || over.Type != tmpfsMagic {
		return err
	}
	text, err := os.ReadFile(source)
	if err == nil {
		err = syscall.Mkdir(dir, 0o700)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(place, text, 0o600)
}

// readOnly makes what is at path unchangeable, and the name itself: a mount point can be neither removed nor replaced.
func readOnly(path string) error {
	if err := bind(path, path); err != nil {
		return ifThere(err)
	}
	return mountAttr(path, attrReadOnly, true)
}

// procfs shows the processes of our namespace alone. Where a container's runtime covers parts of /proc the kernel refuses a
// fresh one, which would show them: the old one stays, whose processes outside are closed to a child in a user namespace of
// its own. What root could set through it stays closed in both, unless it is to be whole: the kernel lets a namespace within
// ours have a fresh one only where it sees one without covers (fs/namespace.c, mount_too_revealing).
func procfs(whole bool) error {
	err := mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, "")
	if err != nil && err != syscall.EPERM {
		return err
	}
	if whole {
		return nil
	}
	for _, name := range []string{"sys", "sysrq-trigger", "bus", "irq", "fs", "acpi", "scsi"} {
		if err := readOnly("/proc/" + name); err != nil && err != syscall.EPERM {
			return err
		}
	}
	for _, name := range []string{"kcore", "keys", "timer_list", "sched_debug"} {
		if err := hide("/proc/" + name); err != nil {
			return err
		}
	}
	return nil
}

// devices lists what /dev keeps of the system's own.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// devfs replaces /dev: the devices that every program expects, terminals of its own, shared memory of its own. The user's
// other terminals, disks, cameras and virtual machines are not there.
func devfs(terminal string) (call string, err error) {
	type device struct {
		name string
		fd   int
	}
	var kept []device
	keep := func(path, name string) error {
		fd, err := cloneMount(path)
		if err == nil {
			kept = append(kept, device{name, fd})
			err = setAttr(fd, "", attrReadOnly, atEmptyPath) // its mode and times, which root could change for all: it can be written still
		}
		return err
	}
	defer func() {
		for _, d := range kept {
			syscall.Close(d.fd)
		}
	}()
	for _, name := range devices {
		if err := keep("/dev/"+name, name); err != nil && !absent(err) {
			return "open_tree", err
		}
	}
	if terminal != "" {
		keep(terminal, "console")
	}
	if err := mount("tmpfs", "/dev", "tmpfs", syscall.MS_NOSUID, "mode=0755,size=64k"); err != nil {
		return "mount(tmpfs)", err
	}
	for _, d := range kept {
		if err := place(d.fd, "/dev/"+d.name); err != nil {
			return "move_mount", err
		}
	}
	return furnish()
}

// place attaches a mount at a path, which it makes if it is not there.
func place(fd int, path string) error {
	var stat syscall.Stat_t
	if syscall.Stat(path, &stat) == nil {
		return attach(fd, path)
	}
	if err := syscall.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return attach(fd, path)
	}
	if err := os.MkdirAll(path[:bytes.LastIndexByte([]byte(path), '/')+1], 0o755); err != nil {
		return err
	}
	file, err := syscall.Open(path, syscall.O_CREAT|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	syscall.Close(file)
	return attach(fd, path)
}

// furnish adds what is no device of the system's to a new /dev.
func furnish() (call string, err error) {
	for _, name := range []string{"pts", "shm"} {
		if err := syscall.Mkdir("/dev/"+name, 0o755); err != nil {
			return "mkdir", err
		}
	}
	if err := mount("devpts", "/dev/pts", "devpts", syscall.MS_NOSUID|syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return "mount(devpts)", err
	}
	if err := mount("tmpfs", "/dev/shm", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=1777,size="+sharedSize); err != nil {
		return "mount(tmpfs)", err
	}
	for _, link := range [][2]string{
		{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	} {
		if err := syscall.Symlink(link[0], "/dev/"+link[1]); err != nil {
			return "symlink", err
		}
	}
	return "", mountAttr("/dev", attrReadOnly, false)
}

// content shows a text in place of a file.
func content(path, text string) error {
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		return ifThere(err)
	}
	// A file of the only file system that is surely ours.
	name := "/dev/shm/.agentguard-" + strconv.Itoa(len(text)) + "-" + strconv.Itoa(int(stat.Ino))
	fd, err := syscall.Open(name, syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	_, err = syscall.Write(fd, []byte(text))
	syscall.Close(fd)
	if err == nil {
		err = mount(name, path, "", syscall.MS_BIND, "")
	}
	if err == nil {
		err = mountAttr(path, attrReadOnly, false)
	}
	syscall.Unlink(name)
	return err
}

func write(path, text string) error {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	_, err = syscall.Write(fd, []byte(text))
	return err
}
