package sandbox

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// noInit explains why there is no init process.
func noInit(err error, as *User) error {
	if as != nil && errors.Is(err, syscall.EACCES) {
		return &Problem{Step: "start the sandbox as another user", Call: "execve", Err: err, Mend: "that user must be able to execute agentguard: chmod 755 its file"}
	}
	return noNamespaces(err)
}

// noNamespaces explains why the kernel did not make the namespaces.
func noNamespaces(err error) error {
	p := &Problem{Step: "make namespaces", Call: "clone(CLONE_NEWUSER|...)", Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EUSERS):
		p.Mend = "sysctl user.max_user_namespaces says how many there may be, here and in each namespace around: raise it, as root, to 15000"
	case errors.Is(err, syscall.EROFS):
		p.Mend = "/proc is read-only here, by which users are mapped: mount -o remount,rw /proc, as root"
	case errors.Is(err, syscall.EINVAL):
		p.Mend = "this kernel is built without user namespaces (CONFIG_USER_NS)"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		p.Mend, p.Profile = whoForbids()
	}
	return p
}

// mendInside is for what fails in namespaces that the kernel did make.
func mendInside(errno syscall.Errno) (mend string, profile bool) {
	switch errno {
	case syscall.EPERM, syscall.EACCES:
		return whoForbids()
	case syscall.EFBIG:
		return "files may be no longer than that here: ulimit -f unlimited", false
	case syscall.ELOOP:
		return "a symbolic link came there while the run started, in the place of what was to be hidden or shown: see who put it there, and start again", false
	}
	return "", false
}

// whoForbids finds out who forbids user namespaces, or what is done in them; profile says that it is AppArmor.
func whoForbids() (mend string, profile bool) {
	switch {
	case setting("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		return "sysctl kernel.unprivileged_userns_clone is 0: set it, as root, to 1", false
	case setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "AppArmor gives no rights in user namespaces to programs without a profile: install one for agentguard with the line \"userns,\" " +
			"(`agentguard doctor --isolation` prints it), or set sysctl kernel.apparmor_restrict_unprivileged_userns, as root, to 0", true
	case strings.Contains(status(), "\nSeccomp:\t2\n"):
		return "a seccomp filter forbids it, as Docker's own does: start the container with --security-opt seccomp=unconfined, " +
			"or with a profile that allows clone, unshare, mount and sethostname", false
	}
	return "no setting that is known explains it: a security module may forbid it (the kernel's log says), a chroot, or a user id that has no mapping in the namespace around", false
}

func setting(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

func status() string {
	text, _ := os.ReadFile("/proc/self/status")
	return string(text)
}
