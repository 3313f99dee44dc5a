package sandbox

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"agentguard/run/job"
)

// TestHiddenWhenReplaced: what covers a file goes when somebody outside replaces it, as git and shells do with theirs. What comes in
// its place, or comes to be, cannot be read either; what is beside it can, and what the command makes itself.
func TestHiddenWhenReplaced(t *testing.T) {
	if version, p := askLandlock(); p != nil || version < landlockConnect {
		t.Skip("needs Landlock")
	}
	asBoth(t, func(t *testing.T) {
		dir := files(t, ".netrc", ".aws/config", "plain", "work/x", "real/key")
		os.Symlink("real/key", filepath.Join(dir, "link"))
		rule := func(name string, v View) Rule { return Rule{filepath.Join(dir, name), v} }
		c := Config{Rules: []Rule{rule("", ReadOnly), rule("work", Writable), rule(".netrc", Hidden), rule(".aws", Hidden), rule(".pgpass", Hidden), rule("link", Hidden), rule("work/token", Hidden)}}
		c.Rules = append(c.Rules, Rule{filepath.Join(dir, "missing/token"), Hidden})
		b := newBox(t, c)
		started := sh(t, b, "cd '"+dir+`'/work; echo 1 > begun; until [ -e go ]; do sleep 0.01; done
cat ../.netrc ../.aws/config ../.pgpass ../real/key ../missing/token 2>&1; cat ../plain; mkdir d; mv begun d/moved; cat d/moved; mv d/moved . && cat moved`)
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, "work/begun")); err == nil || time.Now().After(deadline) {
				break
			}
		}
		os.RemoveAll(filepath.Join(dir, ".aws"))
		os.MkdirAll(filepath.Join(dir, ".aws"), 0o755)
		os.MkdirAll(filepath.Join(dir, "missing"), 0o755)
		for _, name := range []string{".netrc", ".aws/config", ".pgpass", "real/key", "missing/token"} {
			os.WriteFile(filepath.Join(dir, "new"), []byte("secret again\n"), 0o644)
			if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		os.WriteFile(filepath.Join(dir, "work/go"), nil, 0o644)
		out, _ := started.end(t)
		if strings.Contains(out, "again") || strings.Count(out, "Permission denied") != 5 || !strings.HasSuffix(out, "secret of plain\n1\n1") {
			t.Error(out)
		}
		if out := control(t, "cd '"+dir+"'; cat .netrc .aws/config .pgpass real/key missing/token"); strings.Count(out, "again") != 5 {
			t.Errorf("the control fails, so the test shows nothing:\n%s", out)
		}
	})
}

// TestPlacesThatBecomeLinks: what is put in the place of a directory between the plan and the mounts leads none of them elsewhere, nor
// is anything started that it would not hide from.
func TestPlacesThatBecomeLinks(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		for _, swapped := range []View{Writable, ReadOnly, Hidden} {
			dir := files(t, "home/.netrc", "work/sub/x")
			home, sub := filepath.Join(dir, "home"), filepath.Join(dir, "work/sub")
			c := Config{Rules: []Rule{{home, ReadOnly}, {filepath.Join(home, ".netrc"), Hidden}, {filepath.Join(dir, "work"), Writable}, {sub, swapped}}}
			b, err := Fork(nil)
			if err != nil {
				t.Fatal(err)
			}
			testOnlyPlanned = func() {
				os.Rename(sub, sub+".old")
				if err := os.Symlink(home, sub); err != nil {
					t.Error(err)
				}
			}
			err = b.Furnish(c)
			testOnlyPlanned = func() {}
			b.Close()
			var p *Problem
			if !errors.As(err, &p) || p.Err != syscall.ELOOP || !strings.Contains(p.Step, sub) || !strings.Contains(p.Mend, "symbolic link") {
				t.Errorf("view %d: %v", swapped, err)
			}
		}
	})
}

// TestDeviceNodes: those in a directory that can be written, of a system that is built there, say, are none to the command.
func TestDeviceNodes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mknod(filepath.Join(dir, "zero"), syscall.S_IFCHR|0o666, 1<<8|5); err != nil {
		t.Skip(err)
	}
	try(t, dir, Config{Rules: []Rule{{dir, Writable}}}, []attack{{"a device node", "head -c 3 zero | wc -c", "3"}})
	if out, _ := inBox(t, Config{Rules: []Rule{{dir, Writable}}}, "head -c 3 /dev/zero | wc -c"); out != "3" {
		t.Errorf("devices in /dev: %s", out)
	}
}

// TestDevicesKeepTheirModes: root's command changes no mode of a device, which all of the machine has, by none of the names that it has
// here, and can write it still.
func TestDevicesKeepTheirModes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := files(t, "hidden")
	c := Config{Rules: []Rule{{dir, Writable}, {filepath.Join(dir, "hidden"), Hidden}}}
	var attacks []attack
	for _, name := range []string{"/dev/null", "/dev/zero", "/dev/tty", "hidden", "/proc/self/fd/0"} { // the mode is what theirs is
		attacks = append(attacks, attack{name, "chmod 666 " + name + " && echo changed", "changed"})
	}
	try(t, dir, c, attacks)
	if out, _ := inBox(t, c, "echo x > /dev/null && echo y > /dev/zero && head -c 2 /dev/zero | wc -c; wc -c < /dev/null; chmod 666 /proc/keys 2>/dev/null && echo covered"); out != "2\n0" {
		t.Errorf("devices in /dev: %s", out)
	}
}

// TestSocketsByOtherNames: sockets are found although the kernel knows them by another name than the one that they have.
func TestSocketsByOtherNames(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	asBoth(t, func(t *testing.T) {
		dir := t.TempDir()
		names := []string{"linked", "renamed", "relative", "by-proc", "a\nline"}
		listen := func(path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			t.Cleanup(func() { l.Close() })
			go serveAll(l)
		}
		t.Chdir(dir)
		listen(filepath.Join(dir, "temporary"))
		os.Link("temporary", "linked") // as ssh does
		os.Remove("temporary")
		listen(filepath.Join(dir, "other"))
		os.Rename("other", "renamed")
		listen(filepath.Join(dir, "a\nline"))
		os.Mkdir("sub", 0o755)
		t.Chdir(filepath.Join(dir, "sub"))
		listen("relative")
		listen("/proc/self/cwd/by-proc")
		names[2], names[3] = "sub/relative", "sub/by-proc"
		if os.Getuid() == 0 { // as a container has its host's
			os.MkdirAll(filepath.Join(dir, "host"), 0o700)
			listen(filepath.Join(dir, "host/sock"))
			os.WriteFile(filepath.Join(dir, "sub/mounted"), nil, 0o600)
			if err := syscall.Mount(filepath.Join(dir, "host/sock"), filepath.Join(dir, "sub/mounted"), "", syscall.MS_BIND, ""); err == nil {
				t.Cleanup(func() { syscall.Unmount(filepath.Join(dir, "sub/mounted"), 0) })
				names = append(names, "sub/mounted")
			}
		}
		script := `python3 -c 'import socket, sys
for name in sys.argv[1:]:
    try:
        s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(name); print(s.recv(9), name)
    except OSError: pass' "` + strings.Join(names, `" "`) + `"`
		if out := control(t, "cd '"+dir+"'; "+script); strings.Count(out, "served") != len(names) {
			t.Errorf("the control fails, so the test shows nothing:\n%s", out)
		}
		if out, _ := inBox(t, Config{}, "cd '"+dir+"'; "+script); strings.Contains(out, "served") {
			t.Errorf("not stopped:\n%s", out)
		}
	})
}

// TestDirectoriesBetween: a directory that can be written keeps its name where something in it is hidden: elsewhere the next run would
// not hide it.
func TestDirectoriesBetween(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		dir := files(t, "cache/tool/deep/token", "cache/other/x")
		c := Config{Rules: []Rule{{filepath.Join(dir, "cache"), Writable}, {filepath.Join(dir, "cache/tool/deep/token"), Hidden}}}
		try(t, dir, c, []attack{
			{"a directory", "mv cache/tool cache/moved && echo done; mv cache/moved cache/tool 2>&1", "done"},
			{"one within", "mv cache/tool/deep cache/deep && echo done; mv cache/deep cache/tool/deep 2>&1", "done"},
		})
		if out, _ := inBox(t, c, "cd '"+dir+"'; mv cache/other cache/moved && echo > cache/tool/deep/new && echo works"); out != "works" {
			t.Error(out)
		}
	})
}

// TestWatchersAreLeft: a command that takes all watchers of files that it can get leaves the user's other programs some.
func TestWatchersAreLeft(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	asBoth(t, func(t *testing.T) {
		all := setting("/proc/sys/fs/inotify/max_user_instances")
		if n, err := strconv.Atoi(all); err != nil || n > 500 {
			t.Skip("needs a limit that can be reached")
		}
		take := python + ` -c 'import ctypes
n = 0
while ctypes.CDLL(None).inotify_init1(0) >= 0 and n < 1000: n += 1
print(n)'`
		inside, _ := inBox(t, Config{}, take)
		most, _ := strconv.Atoi(all)
		if n, err := strconv.Atoi(inside); err != nil || n == 0 || n > most*3/4 {
			t.Errorf("%s of %s", inside, all)
		}
	})
}

// TestShowsBeforeItStarts: where something cannot be shown in the place of another, Exec says so and nothing is started.
func TestShowsBeforeItStarts(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		dir := files(t, "hidden/x", "work/x")
		hidden, work := filepath.Join(dir, "hidden"), filepath.Join(dir, "work")
		for source, want := range map[string]string{filepath.Join(dir, "missing"): "", os.Args[0]: "started"} {
			b := newBox(t, Config{Rules: []Rule{{hidden, Hidden}, {work, Writable}}})
			if err := b.Show([]Replacement{{Path: filepath.Join(hidden, "sub/file"), Source: source, Laid: true}}); err != nil {
				t.Fatal(err)
			}
			_, err := b.Exec(Command{"/bin/sh", []string{"sh", "-c", "test -s ../hidden/sub/file && echo -n started >out"}, nil, work, job.Own, [3]uintptr{0, 1, 2}})
			if err == nil {
				b.Next()
			}
			b.Close()
			out, _ := os.ReadFile(filepath.Join(work, "out"))
			var p *Problem
			if string(out) != want || (want == "") != errors.As(err, &p) {
				t.Errorf("%s: %q, %v", source, out, err)
			}
			os.Remove(filepath.Join(work, "out"))
		}
	})
}
