package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestLoose: what a fence cannot keep as it is, since it lies in what can be written, is told of when it changes, be that by a file in it or
// one in its place; not what is held, and what others tell of.
func TestLoose(t *testing.T) {
	if _, p := askLandlock(); p != nil {
		t.Skip(p)
	}
	home := files(t, ".claude/settings.json", ".claude/hooks/x", ".claude/agents/x", ".cache/zcompdump", ".bashrc", ".ssh/id", "work/agentguard.toml", "work/.git/HEAD", "work/.git/hooks/x", "work/file")
	at := func(name string) string { return filepath.Join(home, name) }
	f := &Fence{Places: Places{Home: home, Dir: at("work"), Policy: at("work/agentguard.toml")}}
	if _, err := f.Prepare(); err != nil {
		t.Fatal(err)
	}
	states := f.Loose()
	if changed := states.Changed(); len(changed) > 0 {
		t.Errorf("nothing was changed, and it is said of %v", changed)
	}
	text, _ := os.ReadFile(at(".claude/settings.json"))
	info, _ := os.Stat(at(".claude/settings.json"))
	os.WriteFile(at(".claude/settings.json"), text, 0o600)
	os.Chtimes(at(".claude/settings.json"), time.Now(), info.ModTime())
	os.WriteFile(at(".claude/hooks/new"), nil, 0o600)
	os.Remove(at(".cache/zcompdump"))
	for _, name := range []string{".bashrc", "work/agentguard.toml", "work/.git/hooks/x", "work/file"} {
		os.WriteFile(at(name), []byte("another"), 0o600)
	}
	if changed, want := states.Changed(), []string{at(".cache/zcompdump"), at(".claude/hooks"), at(".claude/settings.json")}; !slices.Equal(changed, want) {
		t.Errorf("%v, want %v", changed, want)
	}
}

// TestStarts: what programs take orders from in a project is told of when it comes to be, changes or goes.
func TestStarts(t *testing.T) {
	dir := files(t, ".envrc", ".vscode/tasks.json", ".vscode/x", ".mcp.json", "Makefile", "src/.envrc")
	at := func(name string) string { return filepath.Join(dir, name) }
	states := Starts(dir)
	os.WriteFile(at(".vscode/x"), nil, 0o600)
	os.WriteFile(at("Makefile"), nil, 0o600)
	os.WriteFile(at("src/.envrc"), nil, 0o600)
	if changed := states.Changed(); len(changed) > 0 {
		t.Errorf("it is said of %v", changed)
	}
	os.WriteFile(at(".envrc"), []byte("evil"), 0o600)
	os.Remove(at(".mcp.json"))
	os.Rename(at(".vscode/x"), at(".vscode/tasks.json"))
	os.MkdirAll(at(".husky"), 0o700)
	if changed, want := states.Changed(), []string{at(".envrc"), at(".husky"), at(".mcp.json"), at(".vscode/tasks.json")}; !slices.Equal(changed, want) {
		t.Errorf("%v, want %v", changed, want)
	}
}

// TestNothingOfTheKernels: root's command gets no leave to set the system by /proc, nor its disks, not even for sandboxes of its own, which it
// has no right to make, or by where it starts.
func TestNothingOfTheKernels(t *testing.T) {
	if _, p := askLandlock(); p != nil {
		t.Skip(p)
	}
	grants := func(f *Fence, path string) bool {
		t.Helper()
		if _, err := f.Prepare(); err != nil {
			t.Fatal(err)
		}
		return f.grants(path, accessWriteFile)
	}
	home, setting := t.TempDir(), "/proc/sys/kernel/core_pattern"
	if got := grants(&Fence{Places: Places{Home: home, Dir: home}, Nested: true}, setting); got == (os.Geteuid() == 0) {
		t.Errorf("nested: it is %t that it can be written", got)
	}
	if !grants(&Fence{Places: Places{Home: home, Dir: home}, Nested: true, User: &User{nobody, nobody}}, "/proc/self/uid_map") {
		t.Error("another user's cannot map itself")
	}
	for dir, path := range map[string]string{"/proc/sys/kernel": setting, "/dev": "/dev/mem", "/sys/kernel": "/sys/kernel/profiling"} {
		if grants(&Fence{Places: Places{Home: home, Dir: dir}}, path) {
			t.Errorf("started in %s it gets %s", dir, path)
		}
	}
	if !grants(&Fence{Places: Places{Home: home, Dir: "/dev/shm"}}, "/dev/shm/x") {
		t.Error("it gets no shared memory")
	}
}
