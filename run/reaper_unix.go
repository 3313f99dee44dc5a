//go:build unix

package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reaperName is argv[0] of the reaper. Who starts the program under this name gains nothing: it kills with its caller's own
// rights, what its caller names.
const reaperName = "agentguard: reaper"

// reaperReady says that a re-executed program would come by ReaperMain. Without it a reaper would run main again.
var reaperReady bool

// reaper is our end of a process that outlives us by moments: this program again, in a session of its own, reading a pipe
// whose other end only we hold. At the end of the pipe without a goodbye it kills what is left of the run.
type reaper struct {
	pipe   *os.File
	launch chan error
	exited chan struct{}
}

// startReaper starts it beside whatever the caller does next, so that it costs no time before the child.
func startReaper(runID, dir string) (*reaper, error) {
	if !reaperReady {
		return nil, errors.New("ReaperMain was not called at the start of main: a killed agentguard would leave its child behind")
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r := &reaper{pipe: write, launch: make(chan error, 1), exited: make(chan struct{})}
	r.say("run", runID)
	r.say("dir", dir)
	go r.live(read)
	return r, nil
}

func (r *reaper) live(read *os.File) {
	defer close(r.exited)
	pid, err := forkReaper(read)
	read.Close()
	if err != nil {
		r.launch <- fmt.Errorf("start the reaper: %w", err)
		return
	}
	r.launch <- nil
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

func forkReaper(read *os.File) (pid int, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	self, err := ownProgram()
	if err != nil {
		return 0, err
	}
	if err := closeOnExec(); err != nil {
		return 0, err
	}
	return syscall.ForkExec(self, []string{reaperName}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1"},
		Files: []uintptr{read.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

// started waits until the reaper runs.
func (r *reaper) started() error { return <-r.launch }

func (r *reaper) say(key, value string) { fmt.Fprintf(r.pipe, "%s %s\n", key, strconv.Quote(value)) }

// group names the child's process group, if it has one of its own.
func (r *reaper) group(id int) { r.say("group", strconv.Itoa(id)) }

// forget takes the group back: the child is reaped and its number may be another's.
func (r *reaper) forget() { r.group(0) }

// dismiss lets it go at once.
func (r *reaper) dismiss() {
	r.say("bye", "")
	r.pipe.Close()
}

// sweep has it end what is left of the run, and waits for that.
func (r *reaper) sweep() {
	r.pipe.Close()
	select {
	case <-r.exited:
	case <-time.After(sweepLimit + time.Second):
	}
}

// sweepLimit bounds the hunt for a run's processes: one in an uninterruptible sleep dies when it wakes.
const sweepLimit = 3 * time.Second

// ReaperMain must be the first call of main. In the process that StartChild starts as reaper it does that work and does not
// return; in any other it returns at once.
func ReaperMain() {
	reaperReady = true
	if len(os.Args) != 1 || os.Args[0] != reaperName {
		return
	}
	debug.SetGCPercent(-1) // it never has a megabyte to collect
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP)
	nameProcess()
	reap(os.Stdin)
	os.Exit(0)
}

// reap reads orders until their end and then does its work, unless it was dismissed.
func reap(orders io.Reader) {
	var runID, dir string
	var group int
	lines := bufio.NewScanner(orders)
	for lines.Scan() {
		key, quoted, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.Unquote(quoted)
		if err != nil {
			continue
		}
		switch key {
		case "run":
			runID = value
		case "dir":
			dir = value
		case "group":
			group, _ = strconv.Atoi(value)
		case "bye":
			return
		}
	}
	if group > 1 {
		syscall.Kill(-group, syscall.SIGKILL)
	}
	if runID != "" {
		killRun(runID, time.Now().Add(sweepLimit))
	}
	if dir != "" {
		removeRuntimeDir(dir)
	}
}
