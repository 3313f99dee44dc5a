//go:build unix

// Package reap is the work of the reaper: this program again, in a process that outlives a killed agentguard by moments
// and ends what is left of its run.
//
// That process begins and ends in this package's init, before the initialisers of the rest of the program: they would
// cost it more time and memory than all that it does. Go initialises packages as soon as what they import is (The Go
// Programming Language Specification, "Program initialization"), so this one imports little,
// and nothing that stands late in their order: no bufio, strings, fmt or x/sys.
package reap

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Name is argv[0] of the reaper. Who starts the program under this name gains nothing: it kills with its caller's own
// rights, what its caller names.
const Name = "agentguard: reaper"

// Limit bounds the hunt for a run's processes: one in an uninterruptible sleep dies when it wakes.
const Limit = 3 * time.Second

// DirPrefix begins the names of runtime directories.
const DirPrefix = "agentguard-run-"

func init() {
	if len(os.Args) != 1 || os.Args[0] != Name {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP)
	nameProcess()
	time.AfterFunc(Settled, DropProgram)
	Obey(os.Stdin)
	os.Exit(0)
}

// Obey reads orders until their end and then does its work, unless it was dismissed.
func Obey(orders io.Reader) {
	var runID, dir string
	var group, uid, gid int
	text, _ := io.ReadAll(orders) // what came before an error counts
	for line := range bytes.Lines(text) {
		key, quoted, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		value, err := strconv.Unquote(string(quoted))
		if err != nil {
			continue
		}
		switch string(key) {
		case "run":
			runID = value
		case "dir":
			dir = value
		case "group":
			group, _ = strconv.Atoi(value)
		case "user":
			id, main, _ := bytes.Cut([]byte(value), []byte(" "))
			uid, _ = strconv.Atoi(string(id))
			gid, _ = strconv.Atoi(string(main))
		case "bye":
			return
		}
	}
	if group > 1 {
		syscall.Kill(-group, syscall.SIGKILL)
	}
	if runID != "" {
		lookAs(uid, gid)
		killRun(runID, time.Now().Add(Limit))
		lookAs(0, 0)
	}
	if dir != "" {
		RemoveRuntimeDir(dir)
	}
}

// RemoveRuntimeDir removes what it is told to, if it can only be a runtime directory of ours.
func RemoveRuntimeDir(dir string) {
	info, err := os.Lstat(dir)
	name := []byte(dir)
	name = name[bytes.LastIndexByte(name, '/')+1:]
	if err == nil && bytes.HasPrefix(name, []byte(DirPrefix)) && Private(info) == nil {
		RemoveAll(dir)
	}
}

// RemoveAll removes a directory with all that is in it, also what the command has closed to itself. Root needs no leave, and is not to
// change the modes of what somebody else may have put there meanwhile.
func RemoveAll(dir string) {
	if os.RemoveAll(dir) != nil && os.Geteuid() != 0 {
		open(dir)
		os.RemoveAll(dir)
	}
}

// open lets us into directories of ours.
func open(dir string) {
	if os.Chmod(dir, 0o700) != nil {
		return
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			open(dir + "/" + e.Name())
		}
	}
}

// Private says why a directory is not one that only we can have made and can read.
func Private(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return errors.New("is not a directory")
	case !ok || int(stat.Uid) != os.Geteuid():
		return errors.New("belongs to another user")
	case info.Mode().Perm()&0o066 != 0:
		return errors.New("others may read it: mode " + info.Mode().Perm().String())
	}
	return nil
}
