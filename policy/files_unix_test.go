//go:build unix

package policy

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestPipeIsNotWaitedFor: somebody may have put one in the place of a policy, or of a file that it names.
func TestPipeIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	pipe, link, naming := filepath.Join(dir, "agentguard.toml"), filepath.Join(dir, "link.toml"), filepath.Join(dir, "naming.toml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	text := "version = 1\n[agent]\nname = \"a\"\n[upstream]\nca = \"agentguard.toml\"\n"
	if err := os.WriteFile(naming, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{pipe, link, naming} {
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "is a pipe, not a file") {
			t.Errorf("%s: %v", file, err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString(strings.Replace(text, "\n[upstream]\nca = \"agentguard.toml\"", "", 1))
	w.Close()
	if p, err := Load("/dev/fd/" + strconv.Itoa(int(r.Fd()))); err != nil || p.Agent.Name != "a" {
		t.Errorf("what a shell makes for <(...): %v", err)
	}
}
