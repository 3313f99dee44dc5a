package sandbox

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"agentguard/run/sandbox/inner"
)

// resolver is what programs inside read of the name service: our listener answers on every address, so this only takes away
// search domains and servers that the new network has no way to.
const resolver = "nameserver 127.0.0.53\noptions ndots:1 timeout:2 attempts:1\n"

// maxTasks bounds a fork bomb, by two means: the limit that the kernel counts for each user namespace (Linux 5.14), which does
// not hold root, and the numbers that processes can have in the namespace (Linux 6.14), which holds everybody.
const maxTasks = 16384

// pinned adds the directories between what can be written and what in it cannot, links among it: moved away with it, neither this run's
// covers nor the next one's would be where they belong.
func pinned(seen []Rule, links []string) []Rule {
	views := make(map[string]View, len(seen))
	for _, r := range seen {
		views[r.Path] = r.View
	}
	held := slices.Clone(seen)
	for _, link := range links {
		held = append(held, Rule{link, ReadOnly})
	}
	for _, r := range held {
		var between []Rule
		at := filepath.Dir(r.Path)
		for ; at != "/"; at = filepath.Dir(at) {
			if _, ruled := views[at]; ruled {
				break
			}
			between = append(between, Rule{at, Writable})
		}
		if view, ruled := views[at]; ruled && view == Writable && r.View != Writable {
			for _, b := range between {
				views[b.Path] = Writable
				seen = append(seen, b)
			}
		}
	}
	return seen
}

// world is what init makes of a box before it is known what is there to be covered: its network, and the bounds of its processes.
func (c *Config) world() []inner.Step {
	listen := func(where, what string, port int) inner.Step {
		return inner.Step{Do: "listen", Path: where, With: what + ":" + strconv.Itoa(port)}
	}
	steps := []inner.Step{
		{Do: "private"}, {Do: "network"},
		listen("lo", "tcp", 0), listen("any", "udp", 53), listen("any", "tcp", 53),
	}
	for _, port := range c.Ports {
		steps = append(steps, listen("any", "tcp", port))
	}
	for _, port := range c.Forward {
		steps = append(steps, listen("lo", "tcp", port))
	}
	steps = append(steps, inner.Step{Do: "diagnose"}) // the last that gives a descriptor: it may give none

	if !c.Nested { // where a container's runtime has made /proc read-only, the filter of system calls alone forbids it
		steps = append(steps, inner.Step{Do: "try", Path: "/proc/sys/user/max_user_namespaces", With: "0"})
	}
	for _, what := range []string{"instances", "watches"} { // of which a user has some for all programs (inotify(7))
		if n, err := strconv.Atoi(setting("/proc/sys/fs/inotify/max_user_" + what)); err == nil && n > 3 {
			steps = append(steps, inner.Step{Do: "try", Path: "/proc/sys/user/max_inotify_" + what, With: strconv.Itoa(n / 4 * 3)})
		}
	}
	tasks := c.tasks()
	return append(steps, inner.Step{Do: "tasks", With: tasks}, inner.Step{Do: "try", Path: "/proc/sys/kernel/pid_max", With: tasks})
}

// mounts is the order in which init makes the views. What it needs of the old /dev and /proc comes before the new ones; links are kept
// where they are when all else is in its place.
func (c *Config) mounts(views []Rule, links []string) (steps []inner.Step) {
	for _, r := range views {
		if r.View != Hidden {
			steps = append(steps, inner.Step{Do: "keep", Path: r.Path})
		}
	}
	steps = append(steps, inner.Step{Do: "dev", Path: c.Terminal}, c.proc()) // which covers with what /dev has
	// /proc and /dev are made already, and stay as they are when all else becomes read-only.
	steps = append(steps, inner.Step{Do: "keep", Path: "/proc"}, inner.Step{Do: "keep", Path: "/dev"}, inner.Step{Do: "root"},
		inner.Step{Do: "restore", Path: "/proc", With: inner.WithDevices}, inner.Step{Do: "restore", Path: "/dev", With: inner.WithDevices},
		inner.Step{Do: "content", Path: "/etc/resolv.conf", With: resolver})
	for _, r := range views {
		steps = append(steps, inner.Step{Do: stepOf[r.View], Path: r.Path})
	}
	for _, link := range links {
		steps = append(steps, inner.Step{Do: "pin", Path: link})
	}
	return steps
}

// proc covers what root alone could set or read there. Who is not root keeps the whole of it where sandboxes within ours are
// wanted, which need it for one of their own.
func (c *Config) proc() inner.Step {
	if c.Nested && (c.User != nil || os.Geteuid() != 0) {
		return inner.Step{Do: "proc", With: inner.WholeProc}
	}
	return inner.Step{Do: "proc"}
}

func (c *Config) tasks() string { return strconv.Itoa(cmp.Or(c.Tasks, maxTasks)) }

var stepOf = [...]string{Hidden: "hide", ReadOnly: "read", Writable: "restore"}

// views gives what is seen in the order in which it can be carried out, and hides the sockets that no rule names. The system's own
// trees are made anew in any case, but what lies in shared memory can be shown there, and anything hidden.
func (s *survey) views(seen []Rule) []Rule {
	views := make(map[string]View, 2*len(seen))
	for _, path := range s.sockets() {
		if real, there := s.resolve(path); there {
			views[real] = Hidden
		}
	}
	for _, r := range seen {
		views[r.Path] = r.View
	}
	return needed(slices.DeleteFunc(s.named(views), func(r Rule) bool {
		made := within(r.Path, "/dev") && !strings.HasPrefix(r.Path, "/dev/shm/") || within(r.Path, "/proc")
		return r.Path == "/" || made && r.View != Hidden
	}))
}

// needed leaves out what is read-only as all around it is: each mount takes its time, and more for who removes the place outside.
func needed(rules []Rule) (list []Rule) {
	views := map[string]View{"/": ReadOnly, "/dev": Writable}
	for _, r := range rules {
		views[r.Path] = r.View
	}
	for _, r := range rules {
		if r.View != ReadOnly || seenAs(views, filepath.Dir(r.Path)) != ReadOnly {
			list = append(list, r)
		}
	}
	return list
}
