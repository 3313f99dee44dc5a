package reap

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// residentProgram is how much of the program's file is in memory, in KiB.
func residentProgram(t *testing.T) (kib int) {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("needs /proc")
	}
	counts := false
	for line := range bytes.Lines(maps) {
		switch fields := bytes.Fields(line); {
		case len(fields) > 5 && bytes.IndexByte(fields[0], '-') > 0:
			counts = fields[5][0] == '/' && fields[1][1] == '-'
		case counts && string(fields[0]) == "Rss:":
			n, _ := strconv.Atoi(string(fields[1]))
			kib += n
		}
	}
	return kib
}

// TestDropProgram: what is mapped of files and was not written to is given back. Of the program itself the test needs some again at
// once, so it has a mapping of its own, which nobody needs.
func TestDropProgram(t *testing.T) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Skip("needs /proc")
	}
	defer program.Close()
	info, err := program.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text, err := syscall.Mmap(int(program.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(text)
	sum := 0
	for i := 0; i < len(text); i += 4096 {
		sum += int(text[i])
	}
	before := residentProgram(t)
	DropProgram()
	if after := residentProgram(t); sum == 0 || before-after < len(text)>>10*9/10 {
		t.Errorf("%d KiB of files are in memory, %d before, of them %d of the test's", after, before, len(text)>>10)
	}
}

// TestRemoveClosed: a command that closes directories in what is removed after it keeps none of them there.
func TestRemoveClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	os.MkdirAll(filepath.Join(dir, "a/b"), 0o700)
	os.WriteFile(filepath.Join(dir, "a/b/file"), nil, 0o600)
	os.MkdirAll(filepath.Join(dir, "c/d"), 0o700)
	os.Chmod(filepath.Join(dir, "a/b"), 0o500)
	os.Chmod(filepath.Join(dir, "c"), 0)
	if os.Geteuid() == 0 { // root is let in anywhere
		nobody := 65534
		filepath.WalkDir(filepath.Dir(dir), func(path string, _ os.DirEntry, _ error) error { return os.Lchown(path, nobody, nobody) })
		os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o711)
	}
	done := make(chan error)
	go func() { // on a thread that is thrown away with its rights
		runtime.LockOSThread()
		lookAs(65534, 65534)
		if os.RemoveAll(dir) == nil {
			t.Error("the control fails, so the test shows nothing")
		}
		open(dir)
		done <- os.RemoveAll(dir)
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
