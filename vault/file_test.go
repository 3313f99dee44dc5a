//go:build !windows

package vault

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFileIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	v := New(Options{})
	var last Secret
	step := func(name, want string, changed bool) {
		t.Helper()
		s, err := v.Get(t.Context(), Ref{"file", path})
		if err != nil || string(s.Reveal()) != want {
			t.Fatalf("%s: %q, %v", name, s.Reveal(), err)
		}
		if (s != last) != changed {
			t.Fatalf("%s: a new Secret: %v, want %v", name, s != last, changed)
		}
		last = s
	}
	write(t, path, "first-value", 0o600)
	step("first", "first-value", true)
	step("the same", "first-value", false)
	info, _ := os.Stat(path)
	write(t, path, "other-value", 0o600) // same size, and perhaps within the same tick of the clock
	os.Chtimes(path, info.ModTime(), info.ModTime())
	step("same size and time", "other-value", true)
	os.Chtimes(path, time.Now(), time.Now())
	step("touched", "other-value", false)
	os.Rename(write(t, path+"2", "third-value\r\n", 0o600), path)
	step("renamed over", "third-value", true)
	os.Remove(path)
	_, err := v.Get(t.Context(), Ref{"file", path})
	wants(t, err, ErrNotFound, "no such file")
	write(t, path, "third-value", 0o600)
	step("back", "third-value", false)
}

// TestFileSeesKubernetesSwap does what the kubelet does (AtomicWriter): token -> ..data/token, ..data -> ..2026_1, and
// the swap is a rename of the ..data link.
func TestFileSeesKubernetesSwap(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	old := time.Now().Add(-time.Hour)
	for _, version := range []string{"..2026_1", "..2026_2"} {
		os.Mkdir(at(version), 0o755)
		p := write(t, at(version+"/token"), canary+version, 0o644)
		os.Chtimes(p, old, old)
	}
	os.Symlink("..2026_1", at("..data"))
	os.Symlink("..data/token", at("token"))
	v := New(Options{})
	first, err := v.Get(t.Context(), Ref{"file", at("token")})
	if err != nil || string(first.Reveal()) != canary+"..2026_1" {
		t.Fatal(err)
	}
	os.Symlink("..2026_2", at("..data_tmp"))
	os.Rename(at("..data_tmp"), at("..data"))
	second, err := v.Get(t.Context(), Ref{"file", at("token")})
	if err != nil || string(second.Reveal()) != canary+"..2026_2" || second == first {
		t.Fatal("the swap was not seen", err)
	}
	if first.Zero() {
		t.Fatal("the value before is still needed, to take it out of responses")
	}
}

func TestFileRefuses(t *testing.T) {
	within(t, 5*time.Second)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	syscall.Mkfifo(at("fifo"), 0o600)
	write(t, at("big"), strings.Repeat("x", maxFile+1), 0o600)
	write(t, at("empty"), "", 0o600)
	os.Symlink("/proc/self/environ", at("link"))
	os.Symlink("loop", at("loop"))
	v := New(Options{})
	for path, reason := range map[string]string{
		dir:              "a directory",
		at("fifo"):       "a FIFO",
		at("big"):        "65537 bytes; at most 65536",
		at("empty"):      "0 bytes",
		"/dev/zero":      "a device",
		at("loop"):       "symbolic link",
		at("big") + "/x": "not a directory",
		"~root/x":        "no such file",
		"~/x":            "HOME is not set",
	} {
		_, err := v.Get(t.Context(), Ref{"file", path})
		wants(t, err, nil, reason)
	}
	if _, err := os.Stat("/proc/self/environ"); err == nil {
		for _, path := range []string{"/proc/self/environ", at("link")} {
			_, err := v.Get(t.Context(), Ref{"file", path})
			wants(t, err, ErrUnavailable, "made up by the kernel")
		}
	}
}

func TestFileHome(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x"), canary+"home", 0o600)
	v := New(Options{LookupEnv: lookup(map[string]string{"HOME": dir})})
	if s, err := v.Get(t.Context(), Ref{"file", "~/x"}); err != nil || string(s.Reveal()) != canary+"home" {
		t.Fatal(err)
	}
}
