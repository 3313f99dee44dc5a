package cmd

import (
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// environment is the process's environment as a value.
type environment []string

// lookup finds a variable; of several, the last counts, as for the shell. Windows does not tell case apart.
func (e environment) lookup(name string) (string, bool) {
	for i := len(e) - 1; i >= 0; i-- {
		n, v, ok := strings.Cut(e[i], "=")
		if ok && (n == name || runtime.GOOS == "windows" && strings.EqualFold(n, name)) {
			return v, true
		}
	}
	return "", false
}

func (e environment) get(name string) string {
	v, _ := e.lookup(name)
	return v
}

// without leaves variables out, in upper and lower case.
func (e environment) without(names ...string) environment {
	return slices.DeleteFunc(slices.Clone(e), func(entry string) bool {
		name, _, _ := strings.Cut(strings.ToLower(entry), "=")
		return slices.Contains(names, name)
	})
}

// atHome has HOME where it names no directory: the account's, as login(1) and sudo set it. Without it logs would have no place and the
// user's secrets would not be found to be hidden. An account that is not there has none.
func (e environment) atHome() environment {
	if runtime.GOOS == "windows" || filepath.IsAbs(e.get("HOME")) {
		return e
	}
	at := e.without("home")
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		at = append(at, "HOME="+u.HomeDir)
	}
	return at
}

// home is the user's directory, "" where the environment names none.
func (e environment) home() string {
	if runtime.GOOS == "windows" {
		return e.get("USERPROFILE")
	}
	return e.get("HOME")
}

// base gives an XDG base directory (https://specifications.freedesktop.org/basedir-spec/): relative values are to be ignored.
// On Windows both are %LocalAppData%.
func (e environment) base(variable, fallback string) string {
	if d := e.get(variable); filepath.IsAbs(d) {
		return d
	}
	if d := e.get("LocalAppData"); runtime.GOOS == "windows" && d != "" {
		return d
	}
	if h := e.home(); h != "" {
		return filepath.Join(h, filepath.FromSlash(fallback))
	}
	return ""
}

// stateHome is where logs go, dataHome where the encrypted file is.
func (e environment) stateHome() string { return e.base("XDG_STATE_HOME", ".local/state") }
func (e environment) dataHome() string  { return e.base("XDG_DATA_HOME", ".local/share") }

// runtimeBase is the user's own directory that goes with the log-out, or "".
func (e environment) runtimeBase() string {
	if d := e.get("XDG_RUNTIME_DIR"); filepath.IsAbs(d) {
		return d
	}
	return ""
}
