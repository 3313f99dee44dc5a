package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Python is the interpreter that has the distribution's modules; another one may come first in PATH.
const Python = "/usr/bin/python3"

// Needs skips the test, by name, where a program is missing.
func Needs(programs ...string) func(testing.TB) {
	return func(t testing.TB) {
		t.Helper()
		for _, p := range programs {
			if _, err := exec.LookPath(p); err != nil {
				t.Skipf("needs %s", p)
			}
		}
	}
}

// NeedsPython skips the test where a Python module is missing.
func NeedsPython(modules ...string) func(testing.TB) {
	return func(t testing.TB) {
		t.Helper()
		for _, m := range modules {
			NeedsToRun(Python, "-c", "import "+m)(t)
		}
	}
}

// tried are the commands of NeedsToRun, and what came of them: once for all tests of a package, since some modules are slow to load.
var tried sync.Map // of func() error

// NeedsToRun skips the test where a program is missing, or does not have what the arguments try.
func NeedsToRun(program string, args ...string) func(testing.TB) {
	return func(t testing.TB) {
		t.Helper()
		Needs(program)(t)
		run, _ := tried.LoadOrStore(program+"\x00"+strings.Join(args, "\x00"), sync.OnceValue(exec.Command(program, args...).Run))
		if run.(func() error)() != nil {
			t.Skipf("needs more of %s: %q fails", program, args)
		}
	}
}

// NodeDir copies the scripts of dir beside the npm packages that .ci/test installed, where Node finds both; it skips the
// test where they are missing.
func NodeDir(t testing.TB, dir, packages string) string {
	t.Helper()
	Needs("node")(t)
	packages, err := filepath.Abs(packages)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(packages); err != nil {
		t.Skip("needs the npm packages that `bash .ci/test` installs")
	}
	to := filepath.Join(PublicDir(t), "node")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(to, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return to
}
