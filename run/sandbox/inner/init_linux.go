package inner

import (
	"bytes"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"unsafe"

	"agentguard/run/job"
	"agentguard/run/reap"
	"agentguard/run/sandbox/shim"
)

// control is the descriptor of the control socket in the init process.
const control = 0

func init() {
	if len(os.Args) != 1 || os.Args[0] != Name {
		return
	}
	os.Exit(serve(NewConn(control)))
}

// initProcess is the state of process 1.
type initProcess struct {
	conn      *Conn
	listeners []int
	failed    bool // to set up what was asked for: nothing is started
	child     int
	thread    *shim.Thread   // that is to fork the child
	ruleset   int            // of Landlock's, begun by the supervisor; 0: none
	runtime   string         // the run's own directory, which goes with the supervisor; "": none
	kept      map[string]int // detached mounts, by path
}

// serve obeys the supervisor until the control socket ends; that of this process ends all others of the namespace. It stays on
// the main thread, as a package's init does: capabilities and the parent-death signal belong to threads.
func serve(conn *Conn) int {
	p := &initProcess{conn: conn}
	if err := p.harden(); err != nil {
		p.fail("protect the init process", "prctl", err)
		return 1
	}
	swallowSignals()
	for {
		kind, fields, files, err := conn.Receive()
		if err != nil {
			p.sweep()
			return 0
		}
		switch kind {
		case Setup:
			files = p.expectRuleset(files)
			p.setup(unpackSteps(fields))
		case Sweep:
			files = p.expectSweep(fields, files)
		case Start:
			p.start(fields, files)
		case End:
			p.end()
		case Dial:
			p.dial(fields)
		}
		closeAll(files)
	}
}

// harden keeps the child out of us: it could otherwise read our memory while it has the same rights. The signal for a dead
// supervisor is asked for again, since execve may have cleared it.
func (p *initProcess) harden() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return errno
	}
	name := []byte("ag-init\x00")
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0)
	return nil
}

// swallowSignals has what a terminal or the child may send do nothing: the first process of a namespace is spared a signal's default
// action (pid_namespaces(7), "The namespace init process"), but not what Go's handlers do. What was ignored when we were started (nohup, a shell's "&") is left so, for the child's sake.
func swallowSignals() {
	for _, s := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE,
		syscall.SIGABRT, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGVTALRM, syscall.SIGXCPU, syscall.SIGXFSZ,
	} {
		if !signal.Ignored(s) {
			job.ByDefault(s)
		}
	}
	if signal.Ignored(syscall.SIGINT) {
		signal.Ignore(syscall.SIGQUIT)
	}
}

// fail reports what did not work.
func (p *initProcess) fail(step, call string, err error) {
	errno, ok := err.(syscall.Errno)
	if !ok {
		call += ": " + err.Error()
	}
	p.conn.Send(Failed, []string{step, call, strconv.Itoa(int(errno))})
}

// setup takes the steps in their order.
func (p *initProcess) setup(steps []Step) {
	for _, s := range steps {
		if what, call, err := p.take(s); err != nil {
			p.fail(what, call, err)
			p.failed = true
			return
		}
	}
	p.conn.Send(Ready, nil, p.listeners...)
	closeAll(p.listeners)
	p.listeners = nil
}

// take does one step. what is for a person.
func (p *initProcess) take(s Step) (what, call string, err error) {
	switch s.Do {
	case "private":
		return "keep our mounts to ourselves", "mount(MS_PRIVATE)", mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	case "network":
		call, err = bringUp()
		return "bring up a network of its own", call, err
	case "listen":
		kind, port, _ := bytes.Cut([]byte(s.With), []byte(":"))
		fd, call, err := listen(s.Path, string(kind), string(port))
		if err == nil {
			p.listeners = append(p.listeners, fd)
		}
		return "listen on " + s.With, call, err
	case "diagnose":
		if fd, there := diagnosis(); there {
			p.listeners = append(p.listeners, fd)
		}
		return "", "", nil
	case "proc":
		return "show its own processes in /proc", "mount(proc)", procfs(s.With == WholeProc)
	case "dev":
		call, err = devfs(s.Path)
		return "make a /dev of its own", call, err
	case "root":
		return "make the file system read-only", "mount_setattr(/)", mountAttr("/", attrReadOnly|attrNoDev, true)
	case "hide":
		return "hide " + s.Path, "mount", hide(s.Path)
	case "keep":
		return "keep " + s.Path, "open_tree", p.keep(s.Path)
	case "restore":
		attr := uint64(attrNoDev) // a project may hold device nodes, of another system that is built there
		if s.With == WithDevices {
			attr = 0
		}
		return "show " + s.Path, "move_mount", p.restore(s.Path, attr)
	case "read":
		return "make " + s.Path + " read-only", "mount_setattr", p.restore(s.Path, attrReadOnly|attrNoDev)
	case "pin":
		return "keep the link " + s.Path, "move_mount", pin(s.Path)
	case "show":
		return "show " + s.With + " as " + s.Path, "mount(MS_BIND)", show(s.With, s.Path)
	case "lay":
		return "lay " + s.With + " at " + s.Path, "open", ifThere(lay(s.With, s.Path))
	case "among":
		among(s.With, s.Path)
		return "", "", nil
	case "content":
		return "replace " + s.Path, "mount(MS_BIND)", content(s.Path, s.With)
	case "try":
		write(s.Path, s.With)
		return "", "", nil
	case "tasks":
		return "bound the number of processes", "setrlimit(RLIMIT_NPROC)", boundTasks(s.With)
	case "confine":
		return p.confine(s.With)
	case "name":
		return "name the host", "sethostname", syscall.Sethostname([]byte(s.Path))
	}
	return "take the step " + s.Do, "", syscall.ENOSYS
}

// keep holds on to what path shows now.
func (p *initProcess) keep(path string) error {
	fd, err := cloneMount(path)
	if err != nil {
		return unlinked(err)
	}
	if p.kept == nil {
		p.kept = map[string]int{}
	}
	p.kept[path] = fd
	return nil
}

// restore shows it again, whatever was put over it, as a mount point that can be neither removed nor replaced.
func (p *initProcess) restore(path string, attr uint64) error {
	fd, ok := p.kept[path]
	if !ok {
		return nil
	}
	delete(p.kept, path)
	defer syscall.Close(fd)
	if attr != 0 {
		if err := setAttr(fd, "", attr, atEmptyPath|atRecursive); err != nil {
			return err
		}
	}
	return place(fd, path)
}

// boundTasks lowers the limits of processes and of signals that wait. Both count for all programs of a user as well: a quarter is left to
// the others.
func boundTasks(most string) error {
	n, err := strconv.ParseUint(most, 10, 32)
	if err != nil {
		return syscall.EINVAL
	}
	for resource, most := range map[int]uint64{6: n, 11: ^uint64(0)} { // RLIMIT_NPROC and RLIMIT_SIGPENDING of asm-generic/resource.h
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(resource, &limit); err != nil {
			return err
		}
		limit.Cur = min(limit.Cur-limit.Cur/4, most)
		limit.Max = limit.Cur
		if err := syscall.Setrlimit(resource, &limit); err != nil {
			return err
		}
	}
	return nil
}

func (p *initProcess) dial(fields []string) {
	if len(fields) != 1 {
		return
	}
	fd, err := dial(fields[0])
	if err != nil {
		errno, _ := err.(syscall.Errno)
		p.conn.Send(Dialled, []string{strconv.Itoa(int(errno))})
		return
	}
	p.conn.Send(Dialled, []string{"0"}, fd)
	syscall.Close(fd)
}

// expectSweep notes what sweep is to remove.
func (p *initProcess) expectSweep(fields []string, files []int) (unused []int) {
	if len(fields) != 1 || len(files) != 1 {
		return files
	}
	p.runtime = "/proc/self/fd/" + strconv.Itoa(files[0]) + "/" + fields[0]
	return nil
}

// expectRuleset keeps what confine goes on with.
func (p *initProcess) expectRuleset(files []int) (unused []int) {
	if len(files) != 1 || p.ruleset != 0 {
		return files
	}
	p.ruleset = files[0]
	return nil
}

// confine makes the thread that is to fork the child.
func (p *initProcess) confine(text string) (what, call string, err error) {
	config, err := shim.Decode([]byte(text))
	if err != nil {
		return "confine the command: " + err.Error(), "", syscall.EINVAL
	}
	if config.Landlock != nil {
		config.Landlock.Begun, p.ruleset = p.ruleset, 0
	}
	p.thread, err = shim.Confine(config)
	if f, ok := err.(*shim.Failure); ok {
		return f.Step, f.Call, f.Errno
	}
	return "confine the command", "", err
}

// sweep does what is left to do for a supervisor that is gone without a word: one that ends in order kills us. The end of this
// process will end all others of the namespace, but they are not to write into the directory while it is removed.
func (p *initProcess) sweep() {
	if p.runtime != "" && p.child != 0 {
		syscall.Kill(-1, syscall.SIGKILL)
		uncover(p.runtime[bytes.LastIndexByte([]byte(p.runtime), '/'):])
		reap.RemoveRuntimeDir(p.runtime)
	}
}

// uncover takes away what is mounted at a name and below it: a mount point cannot be removed by who sees it.
func uncover(name string) {
	text, _ := os.ReadFile("/proc/self/mountinfo") // proc_pid_mountinfo(5)
	lines := bytes.Split(text, []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		if fields := bytes.Fields(lines[i]); len(fields) > 4 && bytes.Contains(fields[4], []byte(name)) {
			syscall.Unmount(string(fields[4]), syscall.MNT_DETACH)
		}
	}
}

// start starts the child, once.
func (p *initProcess) start(fields []string, files []int) {
	dir, group, path, argv, env, ok := unpackStart(fields)
	if p.failed || p.child != 0 || p.thread == nil || !ok || len(files) != 3 {
		p.fail("start the command", "", syscall.EINVAL)
		return
	}
	attr := &syscall.ProcAttr{Dir: dir, Env: env, Sys: &syscall.SysProcAttr{}}
	for _, fd := range files {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	if null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0); err == nil {
		defer syscall.Close(null)
		ownNull(attr.Files, null)
	}
	p.outlive() // from the child's first moment on
	pid, err := job.Fork(group, attr, func() (int, error) { return p.thread.Fork(path, argv, attr) })
	if failure, ok := err.(*shim.Failure); ok {
		p.fail(failure.Step, failure.Call, failure.Errno)
		return
	}
	handle, _, errno := syscall.Syscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if errno != 0 {
		p.fail("start the command", "pidfd_open", errno)
		syscall.Kill(pid, syscall.SIGKILL)
		return
	}
	p.child = pid
	if p.runtime != "" && group != job.Shared { // what kills all of the job is not to meet us, but where the child is in it
		syscall.Setpgid(0, 0)
	}
	p.conn.Send(Started, nil, int(handle))
	syscall.Close(int(handle))
	go p.reap()
	go settle()
}

// settle does what no start needs to wait for. It waits on a thread that it has at once: when a command has made all processes that there
// can be, none is to be had any more, and Go's runtime ends where it lacks one.
func settle() {
	pause := syscall.NsecToTimespec(int64(reap.Settled))
	syscall.Nanosleep(&pause, nil)
	reap.DropProgram()
}

// ownNull puts our null device in the place of the system's, whose mode root could change for all by a descriptor of it.
func ownNull(files []uintptr, null int) {
	var ours, given syscall.Stat_t
	for i, fd := range files {
		if syscall.Fstat(null, &ours) == nil && syscall.Fstat(int(fd), &given) == nil && given.Mode&syscall.S_IFMT == syscall.S_IFCHR && given.Rdev == ours.Rdev {
			files[i] = uintptr(null)
		}
	}
}

// end ends every other process of the namespace, and then this one. A process that is killed cannot fork any more (fork(2), ERESTARTNOINTR in the
// kernel), so killing all of them once is enough.
func (p *initProcess) end() {
	syscall.Kill(-1, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			break
		}
	}
	p.conn.Send(Ended, nil)
	os.Exit(0)
}

// outlive has us see the end of the supervisor, by the end of the control socket, and do its work: until now it has killed us. The
// signal wakes us if we were stopped with the job.
func (p *initProcess) outlive() {
	if p.runtime != "" {
		syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGCONT), 0)
	}
}

// reap takes the reports of all processes that have no other parent, and passes on those of the child. The child's last report is
// left where it is: as long as nobody took it, its number is not another's, and the supervisor may signal it.
func (p *initProcess) reap() {
	for {
		pid, last := p.nextReport()
		switch {
		case pid < 0:
			os.Exit(1) // or the supervisor would wait for ever
		case last:
			return
		}
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG|syscall.WUNTRACED, nil)
		if err == nil && got == p.child && status.Stopped() {
			p.conn.Send(Stopped, []string{strconv.Itoa(int(status.StopSignal()))})
		}
	}
}
