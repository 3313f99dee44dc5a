//go:build linux

package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/run/testbed"
)

// TestClaudeCodeOnATerminal: the interactive screen of Claude Code comes up at both levels, can be stopped and goes on, and ends.
func TestClaudeCodeOnATerminal(t *testing.T) {
	found, _ := filepath.Glob(filepath.Join("..", "..", ".cache", "e2e", "node", "node_modules", "@anthropic-ai", "claude-code-*", "claude"))
	if len(found) == 0 {
		t.Skip("needs @anthropic-ai/claude-code, which `bash .ci/test` installs")
	}
	claude, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	o := testbed.Start(t)
	program := testbed.Build(t, t.TempDir(), "agentguard")
	for _, level := range []string{"sealed", "filtered"} {
		t.Run(level, func(t *testing.T) {
			s := startShell(t)
			e := testbed.NewSession(t, o, program, filepath.Join("..", "testdata", "e2e", "policy.toml"))
			e.Isolate(level)
			s.real(e)
			work := filepath.Join(e.Dir, "home", "work")
			e.Write(t, "home/.claude.json", `{"hasCompletedOnboarding":true,"theme":"dark","projects":{"`+work+`":{"hasTrustDialogAccepted":true}}}`)
			s.line("cd " + filepath.Join(e.Dir, "home", "work") + "; real " + claude)
			s.expect("confirm") // the key that it found
			s.expect("\x1b[c")  // it has drawn all
			s.stopRaw()
			s.line("fg")
			s.expect("confirm")
			s.send("\r")
			s.expect("Claude Code\a") // the title of its main screen
			s.press("\x1a", "Stopped")
			s.line("kill -KILL %1; while kill -0 %1 2>/dev/null; do sleep 0.05; done")
			s.expect("Killed")
		})
	}
}

// real adds the command `real` to the shell: the program itself, as in a session of the tests.
func (s *shell) real(e *testbed.Session) {
	s.t.Helper()
	var b strings.Builder
	b.WriteString("#!/bin/sh\nexec env -i TERM=xterm-256color")
	for _, word := range append(append([]string(nil), e.Env...), e.Prefix...) {
		fmt.Fprintf(&b, " '%s'", word)
	}
	b.WriteString(" \"$@\"\n")
	os.MkdirAll(filepath.Join(e.Dir, "home", "work"), 0o700)
	if err := os.WriteFile(filepath.Join(s.dir, "real"), []byte(b.String()), 0o700); err != nil {
		s.t.Fatal(err)
	}
}
