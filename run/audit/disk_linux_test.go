package audit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk fills a real file system. Appends fail with its error, leave a log that verifies, and succeed again once
// there is space.
func TestFullDisk(t *testing.T) {
	home := t.TempDir()
	if err := syscall.Mount("tmpfs", home, "tmpfs", 0, "size=128k"); err != nil {
		t.Skip("needs to mount a tmpfs: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(home, syscall.MNT_DETACH) })
	l := newLogIn(t, home)
	mustAppend(t, l, &Record{Event: RunStart})
	ballast := filepath.Join(home, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 48<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	n := fill(t, l, syscall.ENOSPC) + 1
	wantClean(t, l, n)
	os.Remove(ballast)
	mustAppend(t, l, sample(), &Record{Event: RunEnd})
	if rep := wantClean(t, l, n+2); !rep.Complete {
		t.Error("no run.end")
	}
}

// TestTakenAway: a record in a file that nobody finds any more is none.
func TestTakenAway(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(path string) error
		want string
	}{
		"removed":  {os.Remove, "was removed or replaced"},
		"replaced": {func(p string) error { return errors.Join(os.WriteFile(p+"~", nil, 0o600), os.Rename(p+"~", p)) }, "was removed or replaced"},
		"a link":   {func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/dev/null", p)) }, "was removed or replaced"},
		"emptied":  {func(p string) error { return os.Truncate(p, 0) }, "was cut off"},
		"cut":      {func(p string) error { return os.Truncate(p, 7) }, "was cut off"},
	} {
		l := newLogIn(t, t.TempDir())
		mustAppend(t, l, &Record{Event: RunStart})
		if err := c.do(l.Path()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := l.Append(sample()); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), l.Path()) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: nothing was left to write: %v", what, err)
		}
	}
	l := newLogIn(t, t.TempDir())
	mustAppend(t, l, &Record{Event: RunStart})
	os.Remove(l.Path())
	l.Defer(sample())
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "was removed or replaced") {
		t.Errorf("the last line went nowhere: %v", err)
	}
}

// fill appends until that fails with want, a few times, and says how many records were taken.
func fill(t *testing.T, l *Log, want error) (n int) {
	t.Helper()
	for failed := 0; failed < 3; {
		if n > 10_000 {
			t.Fatal("the disk does not fill")
		}
		r := sample()
		err := l.Append(r)
		if err == nil {
			n++
			continue
		}
		if !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
		failed++
	}
	return n
}

// TestFileSizeLimit does the same for who cannot mount: it runs itself again, since the limit holds for the process.
func TestFileSizeLimit(t *testing.T) {
	const limit = 20_000
	if os.Getenv("AUDIT_TEST_LIMIT") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFileSizeLimit$", "-test.v")
		cmd.Env = append(os.Environ(), "AUDIT_TEST_LIMIT=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestFileSizeLimit") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	l := newLog(t)
	set(t, syscall.Rlimit{Cur: limit, Max: old.Max})
	n := fill(t, l, syscall.EFBIG)
	wantClean(t, l, n)
	if info, err := os.Stat(l.Path()); err != nil || info.Size() != l.size || info.Size() > limit {
		t.Errorf("%v, %v: a line written in part was left", info.Size(), err)
	}
	for range 2 { // of which the second hears of the first, if the timer was that quick
		l.Defer(sample())
	}
	if l.Append(sample()) == nil {
		t.Error("the disk is full, and took a line after deferred ones")
	}
	wantClean(t, l, n)
	set(t, old)
	mustAppend(t, l, sample())
	wantClean(t, l, n+3)
}

func set(t *testing.T, r syscall.Rlimit) {
	t.Helper()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &r); err != nil {
		t.Fatal(err)
	}
}

// TestAnchorFails: a record whose line cannot be announced is refused and is nowhere.
func TestAnchorFails(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	good := l.anchor
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full: ", err)
	}
	defer full.Close()
	l.anchor = &anchorFile{file: full}
	for range 3 {
		if err := l.Append(sample()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(fmt.Sprint(err), "anchor") {
			t.Fatalf("got %v", err)
		}
	}
	wantQuiet(t, l, 1)
	l.anchor = good
	mustAppend(t, l, sample())
	wantQuiet(t, l, 2)
}

// TestAnchorFallsBehind: where only the last step failed the lines stay, and the next record mends the anchor.
func TestAnchorFallsBehind(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	behind := l.disk
	mustAppend(t, l, sample())
	if err := l.anchor.store(written, &behind); err != nil {
		t.Fatal(err)
	}
	l.broken = true
	if rep := wantClean(t, l, 2); len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0].What, "without their anchor") {
		t.Errorf("notes %v", rep.Notes)
	}
	mustAppend(t, l, sample())
	wantQuiet(t, l, 3)
}

func wantQuiet(t *testing.T, l *Log, records int) {
	t.Helper()
	if rep := wantClean(t, l, records); len(rep.Notes) > 0 {
		t.Errorf("notes %v", rep.Notes)
	}
}

// TestAnchorIsCut: a store into a mapping that has lost its file's pages would end the process; it is written instead.
func TestAnchorIsCut(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	if l.anchor.mem == nil {
		t.Fatal("the anchor is not mapped")
	}
	if err := os.Truncate(anchorPath(l.Path(), l.opts.AnchorDir), 0); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, sample())
	if l.anchor.mem != nil {
		t.Error("the mapping was not given up")
	}
	wantQuiet(t, l, 2)
}

// TestAnchorUnmapped does what systems without a mapping do.
func TestAnchorUnmapped(t *testing.T) {
	l := newLog(t)
	l.anchor.unmap()
	mustAppend(t, l, sample(), sample())
	wantQuiet(t, l, 2)
}

// TestTruncateFails: what cannot be taken back now is taken back before the next line.
func TestTruncateFails(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	good := l.file
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0) // neither writes nor truncates
	if err != nil {
		t.Skip("needs /dev/full: ", err)
	}
	defer full.Close()
	l.file = full
	for range 2 {
		if err := l.Append(sample()); err == nil {
			t.Fatal("a line was taken that is nowhere")
		}
	}
	l.file = good
	rest := strings.Repeat("x", 5000) // longer than the line that comes over it
	if _, err := good.WriteAt([]byte(rest), l.size); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, sample())
	wantClean(t, l, 2)
}

// TestUnwritableDirectory runs unprivileged: root may write anywhere.
func TestUnwritableDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		unwritable(t)
		return
	}
	if os.Getenv("AUDIT_TEST_HOME") != "" {
		t.Fatal("still root")
	}
	home, err := os.MkdirTemp("/tmp", "audit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	binary := filepath.Join(home, "audit.test")
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^TestUnwritableDirectory$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = []string{"AUDIT_TEST_HOME=" + home, "TMPDIR=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestUnwritableDirectory") {
		t.Errorf("%v\n%s", err, out)
	}
}

func unwritable(t *testing.T) {
	home := t.TempDir()
	if err := os.Chmod(home, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(home, 0o700) })
	if _, err := Create(optionsIn(home)); !errors.Is(err, os.ErrPermission) {
		t.Errorf("an unwritable home: %v", err)
	}
	o := optionsIn(t.TempDir())
	o.Dir = "/"
	if _, err := Create(o); err == nil || !strings.Contains(err.Error(), "belongs to uid 0") {
		t.Errorf("another user's directory: %v", err)
	}
}
