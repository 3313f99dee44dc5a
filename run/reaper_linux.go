package run

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func ownProgram() (string, error) { return "/proc/self/exe", nil }

// nameProcess tells it from the supervisor: `killall -9 agentguard` must not meet both.
func nameProcess() {
	name := []byte("ag-reaper\x00")
	unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0)
}

// killRun kills every process whose environment carries the run, until two passes find none: a process may fork between
// being listed and being killed, and its child may get a number that the pass has gone by. A process that wiped its
// environment escapes here; only a pid namespace holds that one.
func killRun(runID string, until time.Time) {
	for clean := 0; clean < 2 && time.Now().Before(until); {
		found := false
		for _, pid := range processes() {
			found = killIfOf(pid, runID) || found
		}
		clean++
		if found {
			clean = 0
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// killIfOf opens the process before it looks, so that a number that is given to another meanwhile kills nobody.
func killIfOf(pid int, runID string) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil && err != unix.ENOSYS && err != unix.EPERM {
		return false
	}
	if err == nil {
		defer unix.Close(fd)
	}
	if !CarriesRun(pid, runID) {
		return false
	}
	if err != nil {
		return unix.Kill(pid, unix.SIGKILL) == nil
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

// processes lists all but ourselves, the newest numbers first.
func processes() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	pids := make([]int, 0, len(names))
	for i := len(names) - 1; i >= 0; i-- {
		if pid, err := strconv.Atoi(names[i]); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// maxEnviron bounds what is read of a process's environment; ours comes long before it.
const maxEnviron = 4 << 20

// CarriesRun says whether a process was started with AGENTGUARD_RUN=runID: it belongs to the run, daemons that left its
// process tree included. It proves nothing against a process of the same user that forges it.
func CarriesRun(pid int, runID string) bool {
	if runID == "" {
		return false
	}
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	defer f.Close()
	environ, err := io.ReadAll(io.LimitReader(f, maxEnviron))
	entry := []byte("AGENTGUARD_RUN=" + runID + "\x00")
	return err == nil && (bytes.HasPrefix(environ, entry) || bytes.Contains(environ, append([]byte{0}, entry...)))
}
