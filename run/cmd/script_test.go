package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"agentguard/run/cmd"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"agentguard": func() { os.Exit(cmd.Main()) },
	})
}

// TestScript runs every command and exit code as a user would, without a keychain and with a home of its own.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			e.Setenv("USERPROFILE", home)
			e.Setenv("LocalAppData", filepath.Join(home, "AppData"))
			e.Setenv("NO_COLOR", "1")
			if err := os.MkdirAll(home, 0o700); err != nil {
				return err
			}
			// An identity opens the vault at once; a passphrase is made to take a second.
			e.Setenv("AGENTGUARD_AGE_IDENTITY", newIdentity(t, filepath.Join(home, "key.txt")))
			e.Setenv("OTHER_IDENTITY", newIdentity(t, filepath.Join(home, "other.txt")))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "userns":
				return exec.Command("unshare", "-Ur", "true").Run() == nil, nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no such condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

func newIdentity(t *testing.T, file string) string {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// exits runs a command and wants an exit code: exits 125 agentguard run.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	ts.Check(ts.Exec("sh", append([]string{"-c", `want=$1; shift; "$@"; got=$?; [ $got = $want ] || { echo "exit code $got, want $want" >&2; exit 1; }`, "sh"}, args...)...))
}
