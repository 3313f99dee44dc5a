package cmd_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"agentguard/run/cmd"
)

// TestHelp: each command explains itself on stdout, with examples that name it.
func TestHelp(t *testing.T) {
	for _, c := range cmd.LeafCommands() {
		if c.Hidden {
			continue
		}
		path := strings.Join(c.Path, " ")
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			help := exec.Command("agentguard", append(c.Path, "--help")...)
			help.Stderr = &stderr
			out, err := help.Output()
			if err != nil || stderr.Len() > 0 {
				t.Fatalf("%v, stderr %q", err, stderr.String())
			}
			_, examples, found := strings.Cut(string(out), "examples:\n")
			if !found || !strings.HasPrefix(string(out), "agentguard "+path+": ") {
				t.Fatalf("no examples, or another command's help:\n%s", out)
			}
			examples, _, _ = strings.Cut(examples, "\n\n")
			for _, line := range strings.Split(strings.TrimRight(examples, "\n"), "\n") {
				if !regexp.MustCompile(`\bagentguard ` + path + `\b`).MatchString(line) {
					t.Errorf("an example of another command: %q", line)
				}
			}
		})
	}
}
