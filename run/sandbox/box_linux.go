package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"agentguard/run/sandbox/inner"
	"agentguard/run/sandbox/shim"
)

// Box is a set of namespaces with an init process that holds them. Its methods are safe for concurrent use.
type Box struct {
	Listeners
	conn    *inner.Conn
	init    int // its pid, outside
	events  chan Event
	answers chan frame // to Setup and Start
	dialled chan frame
	dialing sync.Mutex
	asking  sync.Mutex
	shows   bool          // Show was called, and there was no answer yet
	network int           // a netlink socket that knows the sockets inside; -1: none
	forked  chan struct{} // init runs, or why says that it does not
	why     error
	killing sync.Mutex // its number is another's once it is reaped
	reaped  bool
	ending  atomic.Bool   // End was asked for
	empty   chan struct{} // no process is left but init
	ended   chan struct{} // init is gone, and with it everything in its pid namespace
	close   sync.Once
}

type frame struct {
	kind   byte
	fields []string
	files  []int
}

// Sweep has init remove a directory of the run's own when this process is killed after Exec. It comes before Exec.
func (b *Box) Sweep(dir string) error {
	parent, err := unix.Open(filepath.Dir(dir), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	return b.conn.Send(inner.Sweep, []string{filepath.Base(dir)}, parent)
}

// Furnish has the box be as c says. Where that fails the box is gone, and the error is as a rule a *Problem.
func (b *Box) Furnish(c Config) error {
	err := b.furnish(&c)
	if err == nil {
		return nil
	}
	if why := b.Forked(); why != nil {
		err = why
	}
	b.Close()
	return err
}

// testOnlyPlanned is called when it is known what is to be covered, and nothing is yet.
var testOnlyPlanned = func() {}

// furnish tells init what is to be done as that becomes known: it makes the network, and then mounts, while we still look at the files.
// It need not be there yet.
func (b *Box) furnish(c *Config) error {
	if err := b.tell(c.world()); err != nil {
		return err
	}
	s := newSurvey()
	seen := s.seen(c.Rules)
	links := s.replaceable(seen)
	views := s.views(pinned(seen, links))
	testOnlyPlanned()
	if err := b.tell(c.mounts(views, links)); err != nil {
		return err
	}
	inside, err := c.inside(s, seen)
	if err != nil {
		return err
	}
	if err := b.confine(inside); err != nil {
		return err
	}
	files, err := b.told()
	if err != nil {
		return err
	}
	opened := descriptors(files)
	if err := b.adopt(c, &opened); err != nil {
		return err
	}
	if len(opened) > 0 {
		b.network = opened[0]
	}
	for range 2 {
		if _, err := b.told(); err != nil {
			return err
		}
	}
	return nil
}

// listen hands out what init says until it says no more.
func (b *Box) listen() {
	for {
		kind, fields, files, err := b.conn.Receive()
		if err != nil {
			break
		}
		f := frame{kind, fields, files}
		switch kind {
		case inner.Stopped:
			b.events <- Event{Stopped: true, Signal: f.number(0)}
		case inner.Exited:
			b.events <- Event{Code: f.number(0)}
		case inner.Ended:
			close(b.empty)
		case inner.Dialled:
			b.dialled <- f
		default:
			b.answers <- f
		}
	}
	<-b.ended
	close(b.events)
	close(b.answers)
	close(b.dialled)
	b.conn.Close()
}

func (f *frame) number(i int) int {
	if i >= len(f.fields) {
		return 0
	}
	n, _ := strconv.Atoi(f.fields[i])
	return n
}

// problem reads a Failed frame.
func (f *frame) problem() error {
	if f.kind != inner.Failed || len(f.fields) != 3 {
		return errors.New("the init process of the sandbox ended before its time")
	}
	if f.fields[0] == shim.StepExecute {
		return &shim.Failure{Step: f.fields[0], Call: f.fields[1], Errno: syscall.Errno(f.number(2))}
	}
	p := &Problem{Step: f.fields[0], Call: f.fields[1]}
	if errno := syscall.Errno(f.number(2)); errno != 0 {
		p.Err = errno
		p.Mend, p.Profile = mendInside(errno)
	}
	if p.Step == shim.StepEnter {
		p.Mend, p.Profile = "start it in a directory that is there inside and that it may enter: root's command has no more rights over others' than they give", false
	}
	return p
}

// confine has init make the thread that will fork the command.
func (b *Box) confine(inside *shim.Config) error {
	var files []int
	if l := inside.Landlock; l != nil && l.Begun != 0 {
		files = append(files, l.Begun)
		defer syscall.Close(l.Begun)
	}
	return b.tell([]inner.Step{{Do: "confine", With: string(inside.Encode())}}, files...)
}

// tell has init take steps. It does so in its own time: told waits for that.
func (b *Box) tell(steps []inner.Step, files ...int) error {
	if err := b.conn.Send(inner.Setup, inner.PackSteps(steps), files...); err != nil {
		return fmt.Errorf("set up the sandbox: %w", err)
	}
	return nil
}

// told gives the listeners that the steps of the earliest tell opened, which had no answer yet.
func (b *Box) told() (files []int, err error) {
	f := <-b.answers
	if f.kind != inner.Ready {
		return nil, f.problem()
	}
	return f.files, nil
}

// Show puts files in the place of others, once and before Exec, which says where that fails. They cannot be changed through it; a path
// that leads nowhere is passed over.
func (b *Box) Show(files []Replacement) error {
	var steps []inner.Step
	for _, r := range files {
		do := "show"
		switch {
		case r.Laid:
			do = "lay"
		case r.Among:
			do = "among"
		}
		steps = append(steps, inner.Step{Do: do, Path: r.Path, With: r.Source})
	}
	b.shows = true
	return b.tell(steps)
}

// Ask has use put a question about sockets inside to a netlink socket (sock_diag(7)), one at a time; it does nothing where
// there is none.
func (b *Box) Ask(use func(netlink int)) {
	b.asking.Lock()
	defer b.asking.Unlock()
	if b.network >= 0 {
		use(b.network)
	}
}

// Exec starts a command, once, and gives its process id outside. Where the command itself cannot be executed the error is a
// *shim.Failure with its StepExecute.
func (b *Box) Exec(c Command) (pid int, err error) {
	err = b.conn.Send(inner.Start, inner.PackStart(c.Dir, c.Group, c.Path, c.Argv, c.Env), int(c.Files[0]), int(c.Files[1]), int(c.Files[2]))
	if err != nil {
		return 0, fmt.Errorf("start in the sandbox: %w", err)
	}
	if b.shows {
		if _, err := b.told(); err != nil {
			return 0, err
		}
	}
	f := <-b.answers
	if f.kind != inner.Started || len(f.files) != 1 {
		return 0, f.problem()
	}
	defer syscall.Close(f.files[0])
	return pidOf(f.files[0])
}

// pidOf reads the process id that a pidfd stands for, as this process sees it (proc_pid_fdinfo(5)).
func pidOf(pidfd int) (int, error) {
	info, err := os.Open("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return 0, err
	}
	defer info.Close()
	for lines := bufio.NewScanner(info); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "Pid:"); ok {
			if pid, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && pid > 0 {
				return pid, nil
			}
		}
	}
	return 0, errors.New("the process in the sandbox has no number here")
}

// Next waits for the next event of the command's process. ok is false once the box is gone, whatever ended it.
func (b *Box) Next() (e Event, ok bool) {
	e, ok = <-b.events
	return e, ok
}

// Dial connects to a port of the loopback inside.
func (b *Box) Dial(port int) (net.Conn, error) {
	b.dialing.Lock()
	defer b.dialing.Unlock()
	if err := b.conn.Send(inner.Dial, []string{strconv.Itoa(port)}); err != nil {
		return nil, err
	}
	f := <-b.dialled
	if len(f.files) != 1 {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.Errno(f.number(0))}
	}
	file := os.NewFile(uintptr(f.files[0]), "connection")
	defer file.Close()
	return net.FileConn(file)
}

// End begins to end every process of the box, and makes Close quicker: the end of init is that of the namespaces, which takes the
// system longer than that of any other process, and comes last.
func (b *Box) End() {
	b.ending.Store(b.conn.Send(inner.End, nil) == nil)
}

// patience is how long init may take for End. It is then killed, and everything else with it.
const patience = 2 * time.Second

// emptied waits until End is done, if that was asked for, and says whether it is.
func (b *Box) emptied() bool {
	if !b.ending.Load() {
		return false
	}
	select {
	case <-b.empty:
		return true
	case <-b.ended:
	case <-time.After(patience):
	}
	return false
}

// Kill begins to end every process of the box.
func (b *Box) Kill() {
	if b.Forked() != nil {
		return
	}
	b.killing.Lock()
	defer b.killing.Unlock()
	if !b.reaped {
		unix.Kill(b.init, unix.SIGKILL)
	}
}

// Reap waits until an init that Close has left is gone. Who would be its parent after us may never ask how it ended, as the first
// process of many a container does not, and its number would stay taken.
func (b *Box) Reap() {
	if b == nil {
		return
	}
	select {
	case <-b.ended:
	case <-time.After(patience):
	}
}

// Close ends every process of the box, and waits for that; but for an init that has nothing left. No box has none.
func (b *Box) Close() error {
	if b == nil {
		return nil
	}
	b.close.Do(func() {
		emptied := b.emptied()
		b.Kill()
		b.conn.Shutdown()
		go func() { // whoever still speaks to us is heard, or init's last words would keep listen
			for range b.events {
			}
		}()
		if !emptied {
			<-b.ended
		}
		b.Listeners.end()
		b.asking.Lock()
		if b.network >= 0 {
			syscall.Close(b.network)
			b.network = -1
		}
		b.asking.Unlock()
	})
	return nil
}
