package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"agentguard/run/environ"
)

// Child is a started child.
type Child struct {
	process *os.Process
	signals *Signals
	close   sync.Once
	wait    func() (*os.ProcessState, error)
}

// Start starts the child. We and it are in a job object that kills what is in it when its last handle closes, which
// is when we end: no orphan is left, however we do.
func Start(cfg Config) (*Child, error) {
	if len(cfg.Argv) == 0 {
		return nil, errors.New("no command to run")
	}
	path, err := lookUp(cfg.Argv[0], cfg.Dir, environ.Of(cfg.Env))
	if err != nil {
		return nil, err
	}
	if err := joinJob(); err != nil {
		return nil, fmt.Errorf("job object: %w", err)
	}
	c := &Child{signals: cfg.Signals}
	if c.signals == nil {
		c.signals = Catch()
	}
	c.process, err = os.StartProcess(path, cfg.Argv, &os.ProcAttr{Dir: cfg.Dir, Env: cfg.Env, Files: []*os.File{cfg.Stdin, cfg.Stdout, cfg.Stderr}})
	if err != nil {
		c.signals.Stop()
		return nil, &ExitError{Code: exitCannotExecute, Reason: cfg.Argv[0] + ": " + err.Error(), Err: err}
	}
	c.wait = sync.OnceValues(c.process.Wait)
	return c, nil
}

// Signals are caught for a child.
type Signals struct{ came chan os.Signal }

// Catch keeps Ctrl-C, which goes to every process of the console, from ending us before the child has decided.
func Catch() *Signals {
	s := &Signals{make(chan os.Signal, 8)}
	signal.Notify(s.came, os.Interrupt)
	return s
}

// Stop gives it back.
func (s *Signals) Stop() { signal.Stop(s.came) }

// joinJob puts this process in a job that ends with it; children are born into it. The handle is closed by our end alone.
var joinJob = sync.OnceValue(func() error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return err
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		return err
	}
	return windows.AssignProcessToJobObject(job, windows.CurrentProcess())
})

// lookUp finds a program as the command interpreter does, but not in the working directory: there it must be asked for by
// path.
func lookUp(name, dir string, env *environ.Env) (string, error) {
	if strings.ContainsAny(name, `\/:`) {
		if !filepath.IsAbs(name) && dir != "" {
			name = filepath.Join(dir, name)
		}
		if path := withExtension(name, env); path != "" {
			return path, nil
		}
		return "", &ExitError{Code: exitNotFound, Reason: name + ": no such file", Err: fs.ErrNotExist}
	}
	for _, entry := range filepath.SplitList(env.Get("PATH")) {
		if !filepath.IsAbs(entry) {
			continue
		}
		if path := withExtension(filepath.Join(entry, name), env); path != "" {
			return path, nil
		}
	}
	return "", commandNotFound(name)
}

func withExtension(path string, env *environ.Env) string {
	extensions := env.Get("PATHEXT")
	if extensions == "" {
		extensions = ".COM;.EXE;.BAT;.CMD"
	}
	for _, extension := range append([]string{""}, strings.Split(extensions, ";")...) {
		if extension == "" && filepath.Ext(path) == "" {
			continue
		}
		if info, err := os.Stat(path + extension); err == nil && !info.IsDir() {
			return path + extension
		}
	}
	return ""
}

// Pid is the child's process id.
func (c *Child) Pid() int { return c.process.Pid }

// Wait waits for the end of the child and gives its exit code.
func (c *Child) Wait() (code int, err error) {
	state, err := c.wait()
	if err != nil {
		return 125, fmt.Errorf("wait for the child: %w", err)
	}
	return state.ExitCode(), nil
}

// Signal can only end the child: Windows has no other signals for a process of its own console.
func (c *Child) Signal(s os.Signal) error { return c.process.Signal(s) }

// Close ends the child if it still lives.
func (c *Child) Close() {
	c.close.Do(func() {
		c.process.Kill()
		c.wait()
		c.signals.Stop()
	})
}
