// Package child is the command of a run: how it is found, started, signalled, waited for and ended, and the terminal that it is lent.
package child

import (
	"io/fs"
	"os"
	"strings"

	"agentguard/run/account"
	"agentguard/run/sandbox"
)

// Config describes the child of a run.
type Config struct {
	Argv, Env             []string
	Dir                   string         // "": ours
	Stdin, Stdout, Stderr *os.File       // nil: /dev/null; no other file reaches the child
	RunID                 string         // the value of AGENTGUARD_RUN in Env, by which the reaper knows what belongs to us; "": the child's group alone
	RuntimeDir            string         // removed when we are killed; "": nothing is
	Signals               *Signals       // caught for it; nil: none yet
	User                  *account.User  // whom it runs as; nil: whoever we are
	Box                   *sandbox.Box   // where the child runs; nil: beside us
	Fence                 *sandbox.Fence // what keeps the child in; nil: nothing
}

// ExitError says that a child could not be started, with the exit code that a shell gives in this case.
type ExitError struct {
	Code   int    // 126: found but cannot be executed; 127: not found
	Reason string // for a person
	Hint   string // what to try; may be ""
	Err    error  // the system's error; may be nil
}

func (e *ExitError) Error() string { return e.Reason }

// Unwrap gives the system's error.
func (e *ExitError) Unwrap() error { return e.Err }

// QuotedHome is the hint where a path begins with a ~ that nobody replaced.
const QuotedHome = "a shell puts your home directory in the place of ~ only where it is not quoted"

// commandNotFound says that no directory of PATH has a program of that name, and what it may have been meant as: what only a shell
// understands.
func commandNotFound(name string) *ExitError {
	e := &ExitError{Code: exitNotFound, Reason: name + ": command not found", Err: fs.ErrNotExist}
	variable, _, assigns := strings.Cut(name, "=")
	switch {
	case strings.HasPrefix(name, "~"):
		e.Hint = QuotedHome
	case assigns && variable != "": // its value may be a secret
		e.Reason = variable + "=...: command not found"
		e.Hint = "a variable is set by an option: agentguard run -e " + variable + "=... -- CMD"
	case strings.ContainsAny(name, " \t"):
		e.Hint = "it holds spaces: give the command and its arguments as separate words, or use sh -c '" + name + "'"
	default:
		e.Hint = "no directory of PATH has it; what your shell alone knows (cd, aliases, functions) is no program: sh -c '...' runs a line of shell"
	}
	return e
}

// Exit codes of a command that could not be started (POSIX, Shell Command Language, section 2.8.2).
const (
	exitCannotExecute = 126
	exitNotFound      = 127
)
