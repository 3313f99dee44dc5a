package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox/shim"
)

// built is a Fence as the shim takes it.
type built struct {
	landlock *shim.Landlock
	filter   []byte
}

// Versions of Landlock's interface by which more can be held (landlock(7)).
const (
	landlockConnect     = 4 // TCP ports
	landlockIoctl       = 5
	landlockScopes      = 6 // signals and abstract sockets
	landlockResolveUnix = 9 // sockets with a path
)

const (
	accessConnectTCP = 1 << 1
	scopeAbstract    = 1 << 0
	scopeSignal      = 1 << 1
)

// askLandlock asks the kernel.
func askLandlock() (int, *Problem) {
	const askVersion = 1
	n, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion)
	switch {
	case errno == 0 && n >= landlockConnect:
		return int(n), nil
	case errno == 0:
		return 0, &Problem{Step: fmt.Sprintf("restrict connections: Landlock of this kernel is version %d, and ports take version %d", n, landlockConnect),
			Mend: "a kernel of version 6.7 or later"}
	}
	p := &Problem{Step: "restrict files and connections", Call: "landlock_create_ruleset", Err: errno}
	switch errno {
	case unix.EOPNOTSUPP:
		p.Mend = "Landlock is built into this kernel and switched off: add landlock to the list lsm= of its command line"
	case unix.ENOSYS:
		p.Mend = "a kernel of version 6.7 or later with Landlock (CONFIG_SECURITY_LANDLOCK); a container needs a runtime that lets its calls pass"
	case unix.EPERM:
		p.Mend = "a seccomp filter forbids Landlock's calls: update the container runtime, or its seccomp profile"
	}
	return 0, p
}

// handled is what a ruleset of this version holds.
func handled(version int) shim.Landlock {
	l := shim.Landlock{FS: accessAll, Net: accessConnectTCP}
	if version < landlockIoctl {
		l.FS &^= accessIoctlDev
	}
	if version >= landlockScopes {
		l.Scoped = scopeAbstract | scopeSignal
	}
	if version >= landlockResolveUnix {
		l.FS |= accessResolveUnix
	}
	return l
}

// filteredLimits is what the level does not hold with this version of Landlock.
func filteredLimits(version int) []string {
	limits := []string{
		"names of hidden files can be seen",
		"what listens on the proxy's port number elsewhere can be reached",
		"your other terminals can be opened",
	}
	if version < landlockResolveUnix {
		limits = append([]string{"sockets with a path (keyring, docker, ssh-agent) can be reached"}, limits...)
	}
	if version < landlockScopes {
		limits = append([]string{"your other programs can be signalled, and abstract sockets reached"}, limits...)
	}
	return limits
}

// tryFiltered restricts a thread that is then thrown away, and has it try what must not work any more.
func tryFiltered() (limits []string, err error) {
	version, p := askLandlock()
	if p != nil {
		return nil, p
	}
	filter, err := Filter(Calls{})
	if err != nil {
		return nil, &Problem{Step: "filter system calls", Err: err}
	}
	l := handled(version)
	if err := tryThread(&l, filter, seeRestricted); err != nil {
		return nil, err
	}
	return filteredLimits(version), nil
}

// tryThread restricts a thread, has it look, and throws it away.
func tryThread(l *shim.Landlock, filter []byte, look func() error) error {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		if f := restrict(l, filter); f != nil {
			tried <- &Problem{Step: f.Step, Call: f.Call, Err: f.Errno}
			return
		}
		tried <- look()
	}()
	return <-tried
}

// restrict does to this thread what the shim does to a command.
func restrict(l *shim.Landlock, filter []byte) *shim.Failure {
	if f := shim.NoNewPrivileges(); f != nil {
		return f
	}
	if f := l.Restrict(); f != nil {
		return f
	}
	return shim.Filter(filter)
}

// seeRestricted tries what must not work any more.
func seeRestricted() error {
	if _, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); !errors.Is(err, unix.EACCES) {
		return &Problem{Step: "see that files are restricted", Call: "open", Err: err}
	}
	if _, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); !errors.Is(err, unix.EPROTONOSUPPORT) {
		return &Problem{Step: "see that sockets are restricted", Call: "socket", Err: err}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return &Problem{Step: "see that connections are restricted", Call: "socket", Err: err}
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}}); !errors.Is(err, unix.EACCES) {
		return &Problem{Step: "see that connections are restricted", Call: "connect", Err: err}
	}
	return nil
}

// devices are what programs need of /dev. The rest of it is disks, memory, cameras, microphones and keyboards, which the
// user's groups, or root, could open.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"}

// Prepare works out what the child may open, from what there is now. frozen are directories in which files can be changed
// and no new ones made, since something in them is hidden.
func (f *Fence) Prepare() (frozen []string, err error) {
	version, p := askLandlock()
	if p != nil {
		return nil, p
	}
	l := handled(version)
	rules := []Rule{{"/dev", Hidden}}
	for _, name := range devices {
		rules = append(rules, Rule{filepath.Join("/dev", name), Writable})
	}
	if f.Nested && (f.User != nil || os.Geteuid() != 0) { // uid_map and its like; another process's need rights over that process. Root sets the whole system there
		rules = append(rules, Rule{"/proc", Writable})
	}
	s := newSurvey()
	settled := s.settle(append(rules, f.Places.Rules()...), f.Places)
	grants, err := Grant(settled, os.ReadDir)
	if err != nil {
		return nil, &Problem{Step: "restrict files", Err: err, Mend: "isolation.hide a whole directory instead of parts of it"}
	}
	l.Paths = grants.Rules
	for i := range l.Paths {
		l.Paths[i].Access &= l.FS
	}
	for _, port := range f.Ports {
		l.Ports = append(l.Ports, shim.PortRule{Access: accessConnectTCP, Port: port})
	}
	if f.built.filter, err = Filter(Calls{Nested: f.Nested}); err != nil {
		return nil, &Problem{Step: "filter system calls", Err: err}
	}
	f.built.landlock = &l
	for _, r := range settled {
		if r.View == ReadOnly && f.grants(r.Path, accessWriteFile) && !f.Places.toldOf(r.Path) {
			f.loose = append(f.loose, r.Path)
		}
	}
	for _, link := range s.replaceable(settled) {
		if !f.Places.toldOf(link) {
			f.loose = append(f.loose, link)
		}
	}
	return grants.Frozen, nil
}

// toldOf says whether a place is the run's own, or one of which the end of a run tells in any case.
func (p Places) toldOf(path string) bool {
	s := newLinks()
	for _, own := range []string{p.Policy, p.Program, p.Runtime} {
		if real, there := s.resolve(own); own != "" && there && (within(path, real) || path == filepath.Clean(own)) {
			return true
		}
	}
	return strings.HasSuffix(path, "/.git/hooks")
}

// Views says what the fence comes to, of what there is: what is said to be read-only below what is writable stays so only where
// it is granted by itself.
func (f *Fence) Views() (views []Rule) {
	for _, r := range Seen(f.Places.Rules()) {
		if r.View != ReadOnly || !f.grants(r.Path, accessWriteFile) {
			views = append(views, r)
		}
	}
	return views
}

// grants says whether the prepared fence gives an access to a path.
func (f *Fence) grants(path string, access uint64) bool {
	for _, p := range f.built.landlock.Paths {
		if p.Access&access != 0 && within(path, p.Path) {
			return true
		}
	}
	return false
}

// HoldsSockets says whether a level keeps a child from sockets with a path here.
func HoldsSockets(l Level) bool {
	version, p := askLandlock()
	return l == Sealed || l == Filtered && p == nil && version >= landlockResolveUnix
}

// settle gives the rules whose paths lead somewhere, by where they lead. What is hidden in the user's directory, or by name,
// counts although it is not there: it may come to be.
func (s *survey) settle(rules []Rule, p Places) []Rule {
	views := make(map[string]View, len(rules))
	for _, r := range rules {
		views[r.Path] = r.View
	}
	all := make([]led, 0, len(rules))
	for _, r := range rules {
		path, there := s.resolve(r.Path)
		s.note(r.View)
		if !there {
			if r.View != Hidden || !p.expects(r.Path, views) {
				continue
			}
			path = s.parent(r.Path)
		}
		all = append(all, s.led(r, path))
	}
	return s.named(lastOf(all))
}

// expects says whether a hidden path that is not there must stay hidden if it comes. Below what is writable it is let be,
// unless the policy or agentguard itself names it: no new file could be made there.
func (p Places) expects(path string, views map[string]View) bool {
	for _, named := range [][]string{p.Hide, p.Secret} {
		for _, s := range named {
			if within(path, s) {
				return true
			}
		}
	}
	if !within(path, p.Home) {
		return false
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if view, ruled := views[dir]; ruled {
			return view != Writable
		}
		if dir == filepath.Dir(dir) {
			return true // read-only, as all is
		}
	}
}

// rootKeeps are the capabilities of a root user that Landlock holds within what may be opened: to work on files of other
// owners, as a container's root does.
const rootKeeps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER | 1<<unix.CAP_FSETID

// Confine adds to a shim's configuration what keeps its command in the fence.
func (f *Fence) Confine(c *shim.Config) error {
	if f.built.landlock == nil || f.built.filter == nil {
		return errors.New("the fence is not prepared")
	}
	c.Keyring, c.Keep, c.Ignore = true, rootKeeps, ignored()
	c.Landlock, c.Seccomp = f.built.landlock, f.built.filter
	return nil
}
