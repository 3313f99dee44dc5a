package sandbox

import (
	"net"

	"agentguard/run/job"
)

// View is how the inside of a box sees a path.
type View uint8

// The views. A rule for a path covers all below it that has no rule of its own.
const (
	Hidden   View = iota // an empty directory that is forgotten at the end, or a file that reads as empty
	ReadOnly             // as it is, and can be neither changed, removed nor replaced
	Writable             // as it is; the name itself can be neither removed nor replaced
)

// Rule is the view of one path.
type Rule struct {
	Path string // absolute; one that leads nowhere is passed over
	View View
}

// User is whom root makes a sandbox for: its inside is that user's, without any other group and without a way back.
type User struct{ UID, GID uint32 }

// Config is what a sealed box is made of.
type Config struct {
	User  *User  // as Fork was told; nil: whoever we are
	Rules []Rule // where none speaks the file system is read-only; of several for the same path the last counts
	// Ports are those on which connections to any address of the world are caught, beside the name service's.
	Ports []int
	// Forward are ports of the loopback that lead outside.
	Forward  []int
	Tasks    int    // processes and threads at once; 0: 16384
	Nested   bool   // user namespaces may be made inside
	Terminal string // the child's own, shown as /dev/console; "": none
}

// Listeners are the ways out of a box: they listen inside and are accepted on outside, so nobody else can reach them.
type Listeners struct {
	Proxy    net.Listener         // on 127.0.0.1, as its Addr says
	Captured []net.Listener       // on Config.Ports of every address; a connection's LocalAddr is where it was meant to go
	Names    net.PacketConn       // on port 53 of every address
	Queries  net.Listener         // the same over TCP
	Forward  map[int]net.Listener // by port
}

// Event is something that the command's process did: it stopped, or it ended.
type Event struct {
	Stopped bool
	Signal  int // of a stop
	Code    int // of an end: the exit code, 128+N after signal N
}

// Replacement is a file, or a directory, that is seen in the place of another.
type Replacement struct {
	Path, Source string
	// Laid has a copy laid into a new directory of one that is hidden, and so empty: the child can change it, and it is forgotten.
	Laid bool
	// Among has the files of the directory Source be seen beside those in the directory Path, where the kernel has overlays.
	Among bool
}

// Start makes a box. The error is as a rule a *Problem, and then nothing is left of the box.
func Start(c Config) (*Box, error) {
	b, err := Fork(c.User)
	if err != nil {
		return nil, err
	}
	if err := b.Furnish(c); err != nil {
		return nil, err
	}
	return b, nil
}

// Command is what a box starts.
type Command struct {
	Path      string // as execve takes it
	Argv, Env []string
	Dir       string // where it starts
	Group     job.Group
	Files     [3]uintptr // its descriptors 0, 1 and 2
}
