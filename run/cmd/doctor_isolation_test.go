package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/run/sandbox"
)

// TestProfileIsReadyToPaste: where AppArmor is to blame the profile is printed, for the program that is running.
func TestProfileIsReadyToPaste(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&sandbox.Problem{Step: "make namespaces", Profile: true}, true},
		{&sandbox.Problem{Step: "make namespaces"}, false},
		{errors.New("another"), false},
	} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p := newProgram([]string{"agentguard"}, nil, nil, out, out)
		p.showProfile([]sandbox.Tried{{Level: sandbox.Sealed, Err: c.err}})
		text, _ := os.ReadFile(out.Name())
		self, _ := os.Executable()
		shown := strings.Contains(string(text), "sudo tee /etc/apparmor.d/agentguard <<'END' && sudo apparmor_parser -r /etc/apparmor.d/agentguard\nabi <abi/4.0>,") &&
			strings.Contains(string(text), `profile agentguard "`+self+`" flags=(unconfined) {`)
		if shown != c.want || !c.want && len(text) > 0 {
			t.Errorf("%v:\n%s", c.err, text)
		}
	}
}
