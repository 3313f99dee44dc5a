package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// askThroughClaude is what the fake model has claude run in its shell: an allowed call and a denied one.
const askThroughClaude = `curl -sS -H "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7; ` +
	`curl -sS -X DELETE https://api.echo.test/v1/things/7; env | grep -c . ; echo "curl: exit $?"`

// TestClaudeCode runs a whole headless turn of Claude Code: the model asks for a shell command, whose curl goes through the
// same proxy, is told what came of it, and ends the turn. Sealed, npm starts it from a script, in a home directory that has nothing of it.
func TestClaudeCode(t *testing.T) {
	claude := claudeProgram(t)
	program := testbed.Build(t, t.TempDir(), "agentguard")
	for _, level := range []string{"env", "sealed"} {
		t.Run(level, func(t *testing.T) { runClaude(t, claude, program, level) })
	}
}

func runClaude(t *testing.T, claude, program, level string) {
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, program, filepath.Join("testdata", "e2e", "policy.toml"))
	s.Isolate(level)
	o.LLM.Ask(askThroughClaude)
	argv := []string{claude, "-p", "Ask the echo service for thing 7.", "--allowedTools", "Bash"}
	if level == "sealed" { // what npm starts finds a directory of its own as well
		testbed.Needs("npm")(t)
		s.Work = "work"
		if err := os.Mkdir(filepath.Join(s.Dir, "home", s.Work), 0o700); err != nil {
			t.Fatal(err)
		}
		s.Write(t, "home/work/package.json", `{"scripts": {"bot": "'`+claude+`' -p 'Ask the echo service for thing 7.' --allowedTools Bash"}}`)
		argv = []string{"npm", "run", "bot"}
	}
	r := s.Run(t, 2*time.Minute, argv...)
	turn := client{
		says:   []string{"All done: pong."},
		sees:   []string{"POST api.anthropic.com/v1/messages", thing7},
		denied: []string{"DELETE api.echo.test/v1/things/7"},
	}
	checkGuarded(t, s, turn, r)
	told := o.LLM.Told()
	for _, text := range []string{`\"id\":\"7\"`, "Action delete_thing is denied", r.Env["ECHO_TOKEN"]} {
		if !strings.Contains(strings.ReplaceAll(told, `\\`, ``), strings.ReplaceAll(text, `\\`, ``)) {
			t.Errorf("the model was not told %q", text)
		}
	}
	for name, secret := range o.Secrets {
		if forms := testbed.Leaks([]byte(told), secret); len(forms) > 0 {
			t.Errorf("the model was told the real %s (%v)", name, forms)
		}
	}
	// What it keeps beside its directory it saved in it, by a link.
	if saved, err := os.ReadFile(filepath.Join(s.Dir, "home", ".claude", ".claude.json")); level == "sealed" && (err != nil || !strings.Contains(string(saved), "{")) {
		t.Errorf("it saved %q, %v", saved, err)
	}
	if t.Failed() {
		t.Logf("%s\n--- told\n%s", r, told)
	}
}

// TestClaudeCodeControl is the same turn with real keys: it works, and the model is told the echo service's credential.
func TestClaudeCodeControl(t *testing.T) {
	claude := claudeProgram(t)
	o := testbed.Start(t)
	s := testbed.NewControl(t, o, filepath.Join("testdata", "e2e", "node", "direct.cjs"))
	o.LLM.Ask(askThroughClaude)
	r := s.Run(t, 2*time.Minute, claude, "-p", "Ask the echo service for thing 7.", "--allowedTools", "Bash")
	checkControl(t, s, client{says: []string{"All done: pong."}, sees: []string{"POST api.anthropic.com/v1/messages"}}, r)
	if len(testbed.Leaks([]byte(o.LLM.Told()), o.Secrets["echo"])) == 0 {
		t.Error("the model was not told what the echo service reflects")
	}
	if t.Failed() {
		t.Logf("%s\n--- told\n%s", r, o.LLM.Told())
	}
}

// claudeProgram is the native program that comes with the npm package for this system.
func claudeProgram(t *testing.T) string {
	t.Helper()
	testbed.Needs("curl")(t)
	found, _ := filepath.Glob(filepath.Join(npmPackages, "@anthropic-ai", "claude-code-*", "claude"))
	if len(found) == 0 {
		t.Skip("needs @anthropic-ai/claude-code, which `bash .ci/test` installs")
	}
	program, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return program
}
