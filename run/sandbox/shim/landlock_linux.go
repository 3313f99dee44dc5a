package shim

import (
	"bytes"
	"runtime"
	"syscall"
	"unsafe"
)

// System calls that package syscall does not know; the numbers are the same on all architectures.
const (
	sysLandlockCreateRuleset = 444
	sysLandlockAddRule       = 445
	sysLandlockRestrictSelf  = 446
	sysOpenat2               = 437
)

// onFiles are the accesses that a rule on anything but a directory may grant: execute, write, read, truncate, device ioctls
// and connections to a socket. Landlock refuses the others there.
const onFiles = 1<<0 | 1<<1 | 1<<2 | 1<<14 | 1<<15 | 1<<16

const restricting = "restrict files and connections"

// Restrict puts this thread under the ruleset. A nil Landlock restricts nothing.
func (l *Landlock) Restrict() *Failure {
	if l == nil {
		return nil
	}
	begun := l.Begun
	if begun == 0 {
		var f *Failure
		if begun, f = l.Create(); f != nil {
			return f
		}
	}
	defer syscall.Close(begun)
	if f := l.Add(begun); f != nil {
		return f
	}
	if _, _, errno := syscall.RawSyscall(sysLandlockRestrictSelf, uintptr(begun), 0, 0); errno != 0 {
		return failed(restricting, "landlock_restrict_self", errno)
	}
	return nil
}

// Create makes a ruleset that grants nothing yet: a descriptor, which is closed on exec.
func (l *Landlock) Create() (ruleset int, failure *Failure) {
	attr := [3]uint64{l.FS, l.Net, l.Scoped} // struct landlock_ruleset_attr; an older kernel takes zeros for what it does not know
	fd, _, errno := syscall.RawSyscall(sysLandlockCreateRuleset, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return -1, failed(restricting, "landlock_create_ruleset", errno)
	}
	return int(fd), nil
}

// Add has it grant what the rules say. A rule is of a file itself, whatever name it has later and to whom (landlock(7)).
func (l *Landlock) Add(ruleset int) *Failure {
	for _, p := range l.Paths {
		if err := addPath(uintptr(ruleset), p); err != nil {
			return failed("allow "+p.Path, "landlock_add_rule", err)
		}
	}
	for _, p := range l.Ports {
		const rulePort = 2
		attr := [2]uint64{p.Access, uint64(p.Port)} // struct landlock_net_port_attr
		if _, _, errno := syscall.RawSyscall6(sysLandlockAddRule, uintptr(ruleset), rulePort, uintptr(unsafe.Pointer(&attr)), 0, 0, 0); errno != 0 {
			return failed("allow a port", "landlock_add_rule", errno)
		}
	}
	return nil
}

// addPath grants access below a path. What is not there, or cannot be reached, grants nothing; so does a symbolic link:
// where it leads may have changed since the path was resolved.
func addPath(ruleset uintptr, p PathRule) error {
	fd, errno := OpenPath(p.Path)
	switch errno {
	case 0:
	case syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES, syscall.ELOOP:
		return nil
	default:
		return errno
	}
	defer syscall.Close(fd)
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return err
	}
	access := p.Access
	if stat.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		access &= onFiles
	}
	if access == 0 {
		return nil
	}
	const rulePath = 1
	var attr [12]byte // struct landlock_path_beneath_attr, which is packed
	*(*uint64)(unsafe.Pointer(&attr[0])) = access
	*(*int32)(unsafe.Pointer(&attr[8])) = int32(fd)
	if _, _, errno := syscall.RawSyscall6(sysLandlockAddRule, ruleset, rulePath, uintptr(unsafe.Pointer(&attr)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// OpenPath opens a place without its content (open(2), O_PATH), if no symbolic link is on the way.
func OpenPath(path string) (int, syscall.Errno) {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, syscall.EINVAL
	}
	const oPath, noSymlinks, here = 0x200000, 0x04, ^uintptr(99) // AT_FDCWD is -100
	how := [3]uint64{oPath | syscall.O_CLOEXEC, 0, noSymlinks}   // struct open_how
	fd, _, errno := syscall.Syscall6(sysOpenat2, here, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
	runtime.KeepAlive(name)
	if errno == syscall.ENOSYS { // within a sandbox of ours, or of others
		return openEach(path)
	}
	return int(fd), errno
}

// openEach is OpenPath by a call for each name on the way.
func openEach(path string) (int, syscall.Errno) {
	const flags = 0x200000 | syscall.O_NOFOLLOW | syscall.O_CLOEXEC // O_PATH
	at, err := syscall.Open("/", flags, 0)
	for name := range bytes.SplitSeq([]byte(path), []byte("/")) {
		if err != nil || len(name) == 0 {
			continue
		}
		var next int
		var stat syscall.Stat_t
		if next, err = syscall.Openat(at, string(name), flags, 0); err == nil {
			err = syscall.Fstat(next, &stat)
		}
		syscall.Close(at)
		if at = next; err == nil && stat.Mode&syscall.S_IFMT == syscall.S_IFLNK {
			err = syscall.ELOOP
		}
	}
	if err == nil {
		return at, 0
	}
	syscall.Close(at)
	errno, _ := err.(syscall.Errno)
	return -1, errno
}
