package reap

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// System calls that package syscall does not know; the numbers are the same on all architectures.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434
)

// nameProcess tells it from the supervisor: `killall -9 agentguard` must not meet both.
func nameProcess() {
	name := []byte("ag-reaper\x00")
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0)
}

// DropProgram gives back the pages of our program's code and constants. The start ran through much of them, and all of that
// would count as our memory for the whole run; what is still needed is found again in the page cache. Constants that were
// relocated are not in the file as they are here: they stay.
func DropProgram() {
	maps, err := os.ReadFile("/proc/self/smaps") // proc_pid_smaps(5)
	if err != nil {
		return
	}
	var from, to []byte // of a mapping that it may be
	for line := range bytes.Lines(maps) {
		fields := bytes.Fields(line)
		switch {
		case len(fields) == 3 && string(fields[0]) == "Anonymous:":
			if string(fields[1]) == "0" {
				drop(from, to)
			}
		case len(fields) >= 5 && bytes.IndexByte(fields[0], '-') > 0:
			from, to = nil, nil
			if len(fields) > 5 && fields[5][0] == '/' && (string(fields[1]) == "r-xp" || string(fields[1]) == "r--p") {
				from, to, _ = bytes.Cut(fields[0], []byte("-"))
			}
		}
	}
}

// drop gives back the pages between two addresses in hexadecimal digits.
func drop(from, to []byte) {
	start, err1 := strconv.ParseUint(string(from), 16, 64)
	end, err2 := strconv.ParseUint(string(to), 16, 64)
	if err1 == nil && err2 == nil {
		syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), syscall.MADV_DONTNEED)
	}
}

// lookAs has this thread of root look at processes as their user; 0 is root. Without CAP_SYS_PTRACE, as in Docker, root may not
// read what others' were started with: that goes by the ids for files (ptrace(2), "Ptrace access mode checking").
func lookAs(uid, gid int) {
	if os.Geteuid() == 0 {
		syscall.RawSyscall(syscall.SYS_SETFSGID, uintptr(gid), 0, 0)
		syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(uid), 0, 0)
	}
}

// killRun kills every process whose environment carries the run, until two passes find none: a process may fork between
// being listed and being killed, and its child may get a number that the pass has gone by. A process that wiped its
// environment escapes here; only a pid namespace holds that one.
func killRun(runID string, until time.Time) {
	m := mark{entry: entryOf(runID)}
	for clean := 0; clean < 2 && time.Now().Before(until); {
		found := false
		for _, pid := range Processes() {
			found = m.carriedBy(pid) && m.kill(pid) || found
		}
		clean++
		if found {
			clean = 0
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// mark is what the processes of a run have in their environment.
type mark struct {
	entry []byte
	room  []byte // for the environments that are looked at
}

func entryOf(runID string) []byte { return []byte("\x00AGENTGUARD_RUN=" + runID + "\x00") }

// kill opens the process before it looks for the last time, so that a number that is given to another meanwhile kills nobody.
func (m *mark) kill(pid int) bool {
	fd, _, err := syscall.Syscall(sysPidfdOpen, uintptr(pid), 0, 0)
	switch {
	case err == syscall.ENOSYS || err == syscall.EPERM:
		return syscall.Kill(pid, syscall.SIGKILL) == nil
	case err != 0:
		return false
	}
	defer syscall.Close(int(fd))
	if !m.carriedBy(pid) {
		return false
	}
	_, _, err = syscall.Syscall6(sysPidfdSendSignal, fd, uintptr(syscall.SIGKILL), 0, 0, 0, 0)
	return err == 0
}

// Processes lists all but ourselves, the newest numbers first.
func Processes() []int {
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
	m := mark{entry: entryOf(runID)}
	return runID != "" && m.carriedBy(pid)
}

// carriedBy asks the system without package os, which would try to wait for each of the many files.
func (m *mark) carriedBy(pid int) bool {
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/environ", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	environ := append(m.room[:0], 0) // as before every other entry
	for len(environ) < maxEnviron {
		environ = slices.Grow(environ, 4<<10)
		n, err := syscall.Read(fd, environ[len(environ):cap(environ)])
		if n <= 0 || err != nil {
			break
		}
		environ = environ[:len(environ)+n]
	}
	m.room = environ
	return bytes.Contains(environ, m.entry)
}
