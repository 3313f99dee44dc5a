package shim

import (
	"syscall"
	"unsafe"
)

// joinKeyring leaves the user's session keyring for an empty one: keys in it (of kernel clients, of other tools) are
// readable by whoever possesses it. Where keyctl itself is forbidden, as under Docker's filter, so it is for the child.
func (c *Config) joinKeyring() *Failure {
	if !c.Keyring {
		return nil
	}
	const joinSession = 1
	_, _, errno := syscall.RawSyscall(syscall.SYS_KEYCTL, joinSession, 0, 0) // no name: a new, anonymous one
	if errno != 0 && errno != syscall.ENOSYS && errno != syscall.EPERM {
		return failed("join a new session keyring", "keyctl", errno)
	}
	return nil
}

// changeUser becomes somebody else, for this thread: the calls are raw, since package syscall's reach for every thread. The
// parent-death signal, which a change of user clears, is set again.
func (c *Config) changeUser() *Failure {
	u := c.User
	if u == nil {
		return nil
	}
	const step = "become the user of the policy"
	var signal, parent = int32(0), syscall.Getppid()
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&signal)), 0)
	var groups *uint32
	if len(u.Groups) > 0 {
		groups = &u.Groups[0]
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(u.Groups)), uintptr(unsafe.Pointer(groups)), 0); errno != 0 {
		return failed(step, "setgroups", errno)
	}
	gid, uid := uintptr(u.GID), uintptr(u.UID)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return failed(step, "setresgid", errno)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return failed(step, "setresuid", errno)
	}
	if signal != 0 {
		syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(signal), 0)
		if syscall.Getppid() != parent {
			return failed(step, "getppid", syscall.ESRCH)
		}
	}
	return nil
}

const stepCapabilities = "drop capabilities"

// dropBounding takes from the bounding set all but Keep, while root's rights are there to do it.
func (c *Config) dropBounding() *Failure {
	for n := range uintptr(64) {
		if c.Keep&(1<<n) != 0 {
			continue
		}
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_CAPBSET_DROP, n, 0)
		if errno == syscall.EINVAL { // past the last one that this kernel has
			break
		}
		// Who has no CAP_SETPCAP cannot take it from the set; without new privileges nothing of that set can come back.
		if errno != 0 && errno != syscall.EPERM {
			return failed(stepCapabilities, "prctl(PR_CAPBSET_DROP)", errno)
		}
	}
	return nil
}

// dropCapabilities empties the other sets but for Keep: ambient, inheritable, permitted and effective.
func (c *Config) dropCapabilities() *Failure {
	const step, ambient, clearAll = stepCapabilities, 47, 4
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, ambient, clearAll, 0, 0, 0, 0); errno != 0 {
		return failed(step, "prctl(PR_CAP_AMBIENT)", errno)
	}
	header := struct {
		version uint32
		pid     int32
	}{version: 0x20080522} // _LINUX_CAPABILITY_VERSION_3
	var sets [2]struct{ effective, permitted, inheritable uint32 }
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0); errno != 0 {
		return failed(step, "capget", errno)
	}
	for i := range sets {
		keep := uint32(c.Keep >> (32 * i))
		sets[i].effective &= keep
		sets[i].permitted &= keep
		sets[i].inheritable = 0
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0); errno != 0 {
		return failed(step, "capset", errno)
	}
	return nil
}
