//go:build unix

package child

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"agentguard/run/environ"
)

// unsetPath is where to search without a PATH, as execvp(3) does.
const unsetPath = "/bin:/usr/bin"

// lookUp finds the file that a shell would execute for name: a name with a slash is a path (relative to dir), any other is
// searched in the child's own PATH.
func lookUp(name, dir string, env *environ.Env) (string, error) {
	if name == "" {
		return "", &ExitError{Code: exitNotFound, Reason: "the command's name is empty", Hint: "a variable in its place may not be set"}
	}
	if strings.Contains(name, "/") {
		return name, executable(name, under(dir, name))
	}
	dirs, set := env.Lookup("PATH")
	if !set {
		dirs = unsetPath
	}
	var found error
	for _, entry := range filepath.SplitList(dirs) {
		if entry == "" {
			entry = "." // an empty entry is the current directory (POSIX, Base Definitions, section 8.3)
		}
		path := filepath.Join(entry, name)
		if !strings.Contains(path, "/") {
			path = "./" + path
		}
		err := executable(path, under(dir, path))
		if err == nil {
			return path, nil
		}
		var exit *ExitError
		var unseen *fs.PathError // what lies in a directory that cannot be searched is not there, as for a shell
		if errors.As(err, &exit) && exit.Code == exitCannotExecute && found == nil && !errors.Is(err, unix.EISDIR) && !errors.As(err, &unseen) {
			found = err
		}
	}
	if found != nil {
		return "", found
	}
	return "", notFound(name, dir)
}

func under(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func notFound(name, dir string) error {
	e := commandNotFound(name)
	switch info, err := os.Stat(under(dir, name)); {
	case err != nil:
	case info.IsDir():
		e.Hint = "./" + name + " is a directory"
	case info.Mode()&0o111 != 0:
		e.Hint = "did you mean ./" + name + "?"
	default:
		e.Hint = "./" + name + " exists but is not executable"
	}
	return e
}

// executable says why a path cannot be executed; name is how the user wrote it.
func executable(name, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		e := &ExitError{Code: exitNotFound, Reason: name + ": no such file", Err: err}
		if strings.HasPrefix(name, "~") {
			e.Hint = QuotedHome
		}
		return e
	case err != nil:
		return &ExitError{Code: exitCannotExecute, Reason: name + ": " + reason(err), Err: err}
	case info.IsDir():
		return &ExitError{Code: exitCannotExecute, Reason: name + ": is a directory", Err: unix.EISDIR}
	case !info.Mode().IsRegular(): // execve(2) would refuse it too
		return &ExitError{Code: exitCannotExecute, Reason: name + ": is no regular file", Err: unix.EACCES}
	case unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) != nil:
		e := &ExitError{Code: exitCannotExecute, Reason: name + ": permission denied", Err: unix.EACCES}
		if info.Mode()&0o111 == 0 {
			e.Reason, e.Hint = name+": is not executable", "chmod +x "+name
		}
		return e
	}
	return nil
}

func reason(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return strings.ToLower(errno.Error())
	}
	return err.Error()
}

// explain turns an execve error into what a person needs to know. The file was found and had its x bit.
func explain(path, dir string, err error) error {
	e := &ExitError{Code: exitCannotExecute, Reason: path + ": " + reason(err), Err: err}
	interpreter, script := shebang(under(dir, path))
	switch {
	case errors.Is(err, unix.ENOEXEC) && !script:
		e.Reason, e.Hint = path+": neither a program for this machine nor a script with a #! line", "run it with its interpreter, as in: sh "+path
	case errors.Is(err, unix.ENOENT) && strings.HasSuffix(interpreter, "\r"):
		e.Reason, e.Hint = path+": bad interpreter: its #! line ends in a carriage return", "save it with Unix line ends"
	case errors.Is(err, unix.ENOENT) && script:
		e.Reason = path + ": bad interpreter: " + interpreter + " does not exist"
	case errors.Is(err, unix.ENOENT):
		e.Reason = path + ": the dynamic loader that it was built for is not on this system"
	case errors.Is(err, unix.E2BIG):
		e.Hint = "arguments and environment together are over the system's limit"
	case errors.Is(err, unix.EACCES):
		e.Hint = "its file system may be mounted noexec, or its interpreter may not be executable"
	}
	return e
}

// shebang reads the interpreter of a script.
func shebang(path string) (interpreter string, ok bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe in its place by now would be waited for
	if err != nil {
		return "", false
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n')
	rest, ok := strings.CutPrefix(string(line), "#!")
	word, _, _ := strings.Cut(strings.TrimLeft(strings.TrimSuffix(rest, "\n"), " \t"), " ")
	return word, ok
}
