//go:build unix

package child

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"agentguard/run/account"
	"agentguard/run/job"
	"agentguard/run/reap"
)

// reaper is our end of a process that outlives us by moments: this program again (see package reap), in a session of its own,
// reading a pipe whose other end only we hold. At the end of the pipe without a goodbye it kills what is left of the run. A nil
// reaper has nothing to do.
type reaper struct {
	pipe   *os.File
	pid    int // once it has started
	launch chan error
	exited chan struct{}
}

// startReaper starts it beside whatever the caller does next, so that it costs no time before the child.
func startReaper(runID, dir string, u *account.User) (*reaper, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r := &reaper{pipe: write, launch: make(chan error, 1), exited: make(chan struct{})}
	r.say("run", runID)
	r.say("dir", dir)
	if u != nil {
		r.say("user", fmt.Sprint(u.UID, " ", u.GID))
	}
	go r.live(read)
	return r, nil
}

func (r *reaper) live(read *os.File) {
	defer close(r.exited)
	var err error
	r.pid, err = forkReaper(read)
	read.Close()
	if err != nil {
		r.launch <- fmt.Errorf("start the reaper: %w", err)
		return
	}
	r.launch <- nil
	for {
		if _, err := syscall.Wait4(r.pid, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
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
	return syscall.ForkExec(self, []string{reap.Name}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   append([]string{"GOMAXPROCS=1"}, job.Runtime...),
		Files: []uintptr{read.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

// started waits until the reaper runs.
func (r *reaper) started() error {
	if r == nil {
		return nil
	}
	return <-r.launch
}

func (r *reaper) say(key, value string) {
	if r != nil {
		fmt.Fprintf(r.pipe, "%s %s\n", key, strconv.Quote(value))
	}
}

// group names the child's process group, if it has one of its own.
func (r *reaper) group(id int) { r.say("group", strconv.Itoa(id)) }

// forget takes the group back: the child is reaped and its number may be another's.
func (r *reaper) forget() { r.group(0) }

// dismiss lets it go.
func (r *reaper) dismiss() {
	if r != nil {
		r.say("bye", "")
		r.awaitEnd()
	}
}

// sweep has it end what is left of the run.
func (r *reaper) sweep() {
	if r != nil {
		r.awaitEnd()
	}
}

// awaitEnd ends the pipe, and waits for the reaper: who would be its parent after us may never do so.
func (r *reaper) awaitEnd() {
	r.pipe.Close()
	select {
	case <-r.exited:
	case <-time.After(reap.Limit + time.Second):
	}
}
