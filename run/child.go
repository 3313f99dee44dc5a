package run

import (
	"errors"
	"net"
	"os"
)

// ChildConfig describes the child of a run.
type ChildConfig struct {
	Argv, Env             []string
	Dir                   string
	Stdin, Stdout, Stderr *os.File
	RunID                 string
	RuntimeDir            string // removed by the reaper when we are killed; "": nothing is
}

// ExitError says that the child could not be started, with the exit code a shell would give.
type ExitError struct {
	Code   int    // 126 found but not executable, 127 not found
	Reason string // for a person
	Hint   string // what to try; may be ""
	Err    error
}

func (e *ExitError) Error() string { return e.Reason }
func (e *ExitError) Unwrap() error { return e.Err }

// Child is a started child.
type Child struct{}

func StartChild(ChildConfig) (*Child, error)   { return nil, errors.New("not yet") }
func (*Child) Pid() int                        { return 0 }
func (*Child) Wait() (code int, err error)     { return 0, nil }
func (*Child) Signal(os.Signal) error          { return nil }
func (*Child) Close()                          {}
func Harden() error                            { return nil }
func ReaperMain()                              {}
func PeerPid(conn net.Conn) (pid int, ok bool) { return 0, false }
func Descends(pid, ancestor int) bool          { return false }
func CarriesRun(pid int, runID string) bool    { return false }
