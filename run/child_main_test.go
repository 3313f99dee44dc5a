//go:build unix

package run

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// TestMain lets this test binary play the two other roles that a real agentguard has: supervisor and reaper.
func TestMain(m *testing.M) {
	ReaperMain()
	if os.Getenv("TEST_ROLE") == "supervisor" {
		os.Unsetenv("TEST_ROLE")
		os.Exit(supervise())
	}
	os.Exit(m.Run())
}

// supervise is the smallest session: it runs its arguments as `agentguard run --` does.
func supervise() int {
	if err := Harden(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	id := os.Getenv("TEST_RUN")
	var dir string
	if base := os.Getenv("TEST_BASE"); base != "" {
		var cleanup func()
		var err error
		if dir, cleanup, err = RuntimeDir(base, id); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 125
		}
		defer cleanup()
	}
	env := NewEnv(os.Environ())
	env.Set("AGENTGUARD_RUN", id)
	c, err := StartChild(ChildConfig{Argv: os.Args[1:], Env: env.List(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, RunID: id, RuntimeDir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		var exit *ExitError
		if errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, "hint:", exit.Hint)
			return exit.Code
		}
		return 125
	}
	code, err := c.Wait()
	c.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}
