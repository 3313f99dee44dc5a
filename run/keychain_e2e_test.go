package run_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// TestKeychain stores a secret in a real Secret Service with `agentguard vault set` and runs a client whose credential is
// taken from there: as the user of the tests, and, where that is root, as an unprivileged one too.
func TestKeychain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a Secret Service")
	}
	testbed.Needs("gnome-keyring-daemon", "dbus-run-session", "dbus-send", "curl")(t)
	dir := t.TempDir()
	program := testbed.Build(t, dir, "agentguard")
	t.Run("as this user", func(t *testing.T) { keychain(t, program, 0) })
	t.Run("as an unprivileged user", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root, to become somebody else")
		}
		keychain(t, program, 65534) // nobody
	})
}

func keychain(t *testing.T, program string, uid int) {
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, program, filepath.Join("testdata", "e2e", "policy.toml"))
	s.WritePolicy(t, filepath.Join("testdata", "e2e", "policy.toml"), "keychain:e2e-echo")
	secret := s.Write(t, "secret", o.Secrets["echo"]+"\n")
	script := s.Write(t, "keychain.sh", read(t, filepath.Join("testdata", "e2e", "sh", "keychain.sh")))
	mine := s.Write(t, "agentguard", read(t, program)) // where the other user can reach it
	if err := os.Chmod(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	s.Prefix = []string{"dbus-run-session", "--", "sh", script, mine, s.Policy, secret}
	if uid != 0 {
		s.Give(t, uid)
	}
	r := s.Run(t, time.Minute, "sh", "-c", `curl -sS -i -H "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7`)
	checkGuarded(t, s, client{says: []string{"e2e-echo", "200", `"id":"7"`}, sees: []string{thing7}}, r)
	if r.Env["DBUS_SESSION_BUS_ADDRESS"] != "" {
		t.Error("the child was told where the session bus is")
	}
	if t.Failed() {
		t.Logf("%s", r)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
