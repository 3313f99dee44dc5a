//go:build unix

package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"agentguard/run/environ"
	"agentguard/run/job"
	"agentguard/run/rundir"
	"agentguard/run/sandbox"
)

// sealed is what TEST_LEVEL says where the child is to be in a box.
const sealed = "sealed"

// TestMain lets this test binary play the other roles that a real agentguard has: supervisor and reaper.
func TestMain(m *testing.M) {
	job.Runtime = append(job.Runtime, "GORACE=atexit_sleep_ms=0") // or each waits for a second before it ends, and who waits for it too
	if len(os.Args) == 2 && os.Args[1] == "count-interrupts" {
		countInterrupts()
		return
	}
	if os.Getenv("TEST_ROLE") == "supervisor" {
		os.Unsetenv("TEST_ROLE")
		os.Exit(supervise())
	}
	os.Exit(m.Run())
}

// countInterrupts is a child that takes each Ctrl-C that reaches it; a shell's trap would merge two of them.
func countInterrupts() {
	interrupts := make(chan os.Signal, 9)
	signal.Notify(interrupts, os.Interrupt)
	fmt.Fprintln(os.Stderr, "begun")
	<-interrupts
	time.Sleep(300 * time.Millisecond)
	fmt.Fprintf(os.Stderr, "interrupts=%d.\n", 1+len(interrupts))
}

// supervise is the smallest session: it runs its arguments as `agentguard run --` does.
func supervise() int {
	var box *sandbox.Box
	var fence *sandbox.Fence
	if os.Getenv("TEST_LEVEL") == sandbox.Filtered.String() {
		dir, _ := os.Getwd()
		fence = &sandbox.Fence{Places: sandbox.Places{Dir: dir}}
		if _, err := fence.Prepare(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 125
		}
	}
	id := os.Getenv("TEST_RUN")
	var dir string
	if base := os.Getenv("TEST_BASE"); base != "" {
		var cleanup func()
		var err error
		if dir, cleanup, err = rundir.Make(base, id); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 125
		}
		defer cleanup()
	}
	if os.Getenv("TEST_LEVEL") == sealed {
		rules := []sandbox.Rule{{Path: os.TempDir(), View: sandbox.Writable}}
		if dir != "" { // as the command's own is shown in it
			os.Mkdir(filepath.Join(dir, "tmp"), 0o700)
			rules = append(rules, sandbox.Rule{Path: dir, View: sandbox.ReadOnly}, sandbox.Rule{Path: filepath.Join(dir, "tmp"), View: sandbox.Writable})
		}
		var err error
		if box, err = sandbox.Start(sandbox.Config{Rules: rules, Terminal: TerminalName(os.Stdin)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 125
		}
		defer box.Close()
	}
	if err := Harden(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	env := environ.Of(os.Environ())
	env.Set("AGENTGUARD_RUN", id)
	here, _ := os.Getwd() // a box does not know it
	c, err := Start(Config{Argv: os.Args[1:], Dir: here, Env: env.List(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, RunID: id, RuntimeDir: dir, Box: box, Fence: fence})
	if err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		var exit *ExitError
		if errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, "hint:", exit.Hint)
			return exit.Code
		}
		return 125
	}
	if path := os.Getenv("TEST_FORK"); path != "" { // no sooner: whose fork is under way keeps all others waiting
		go exec.Command(path).Run()
	}
	code, err := c.Wait()
	c.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}
