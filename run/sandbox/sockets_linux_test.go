package sandbox

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNamesThatAreNoSockets: whoever binds a socket chooses its name, and it may be that of somebody's directory.
func TestNamesThatAreNoSockets(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "sockets") // pipes in /tmp are never taken
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	os.MkdirAll(at("theirs"), 0o755)
	os.MkdirAll(at("project/src"), 0o755)
	bind := func(name string) {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
	}
	t.Chdir(at("theirs"))
	bind("src")
	for _, name := range []string{"dir", "file", "led", "sock"} {
		bind(at(name))
	}
	os.Remove(at("dir"))
	os.Mkdir(at("dir"), 0o755)
	os.Remove(at("file"))
	os.WriteFile(at("file"), nil, 0o600)
	os.Mkdir(at("project/real"), 0o755)
	os.Rename(at("led"), at("project/real/led"))
	os.Symlink("project/real/led", at("led"))
	syscall.Mkfifo(at("project/pipe"), 0o600)
	t.Chdir(at("project"))
	found := Sockets()
	for name, want := range map[string]bool{"project/src": false, "project/pipe": false, "dir": false, "file": false, "sock": true, "led": true} {
		if slices.Contains(found, at(name)) != want {
			t.Errorf("%s: want found %v", name, want)
		}
	}
	out, _ := inBox(t, Config{Rules: []Rule{{at("project"), Writable}}}, "cd '"+at("project")+"'; echo > src/new && echo written")
	if _, err := os.Stat(at("project/src/new")); err != nil {
		t.Errorf("%s: what was written is lost: %v", out, err)
	}
}

// TestSocketsOfAnotherNetwork: the kernel has the names of each network apart, and they lead to the sockets all the same.
func TestSocketsOfAnotherNetwork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep/s")
	os.Mkdir(filepath.Dir(path), 0o755)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if out := around(t, "sockets", `exec unshare -Urn "$SELF"`); !strings.Contains(out, path+"\n") {
		t.Errorf("%s is not found:\n%s", path, out)
	}
}

// TestSocketsInTemporaryDirectories: ssh's agent and tmux have directories of their own in /tmp, whose names need not be those that they
// were bound in.
func TestSocketsInTemporaryDirectories(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "ssh-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir + "-moved") })
	l, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	if found := Sockets(); !slices.Contains(found, dir+"-moved/agent") {
		t.Errorf("%s is not among %v", dir+"-moved/agent", found)
	}
}

// TestSocketsToCome: a server that is started later has its socket where its kind always has, which is covered then.
func TestSocketsToCome(t *testing.T) {
	dir, uid := t.TempDir(), strconv.Itoa(os.Geteuid())
	for name, mode := range map[string]os.FileMode{"tmux-" + uid: 0o700, "emacs" + uid: 0o700, "nvim.me": 0o700, "tmux-build": 0o700, "ssh-audit": 0o700, "nvim.git": 0o755} {
		os.Mkdir(filepath.Join(dir, name), mode)
		l, err := net.Listen("unix", filepath.Join(dir, name, "s"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	f := newFinder()
	f.own(dir)
	want := map[string]bool{}
	for _, name := range []string{"tmux-" + uid, "emacs" + uid, "nvim.me", "tmux-build/s", "ssh-audit/s", "nvim.git/s"} {
		want[filepath.Join(dir, name)] = true
	}
	if !maps.Equal(f.found, want) {
		t.Errorf("%v, want %v", f.found, want)
	}
}

// TestLookEnds: a search has its bounds, also where nothing is left of them, and waits for nobody.
func TestLookEnds(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		if err := syscall.Mknod(filepath.Join(dir, strconv.Itoa(i)), syscall.S_IFSOCK|0o600, 0); err != nil {
			t.Fatal(err)
		}
	}
	look := func(left int, path string) *finder {
		f := newFinder()
		f.left = left
		done := make(chan bool)
		go func() { f.look(path, 1, true); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it waits", path)
		}
		return f
	}
	for left, want := range map[int]int{0: 0, 7: 7, 100: 20} {
		if f := look(left, dir); len(f.found) != want || f.left != max(0, left-20) {
			t.Errorf("left %d: found %d, want %d; left %d", left, len(f.found), want, f.left)
		}
	}
	pipe := filepath.Join(dir, "pipe")
	syscall.Mkfifo(pipe, 0o600)
	look(10, pipe)
}

// TestMountPoints: file systems of other machines are not asked, nor what is mounted in them; the one that we work in is.
func TestMountPoints(t *testing.T) {
	const list = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
22 27 0:21 / /proc rw - proc proc rw
30 27 0:30 / /home rw shared:1 - nfs4 server:/home rw
31 27 0:31 / /mnt/dead rw shared:1 master:2 - nfs server:/x rw
32 31 0:32 / /mnt/dead/in rw - ext4 /dev/vdb rw
33 27 0:33 / /mnt/win rw - cifs //server/x rw
34 27 0:34 / /mnt/ssh rw - fuse.sshfs a@b:/ rw
35 27 0:35 / /net rw - autofs systemd-1 rw
36 27 0:36 / /auto rw - autofs systemd-1 rw
37 36 0:37 / /auto rw - ext4 /dev/vdc rw
38 27 0:38 / /snap/core/1 ro - squashfs /dev/loop0 ro
39 27 0:39 / /var/merged rw - fuse.fuse-overlayfs fuse-overlayfs rw
40 27 0:40 /s /work/a\040b\134c rw - tmpfs tmpfs rw
broken
`
	paths, remote := withSockets(mountPoints(list), "/home/me/work")
	if got, want := strings.Join(paths, " "), `/ /home /auto /var/merged /work/a b\c`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := strings.Join(remote, " "), "/mnt/dead /mnt/win /mnt/ssh"; got != want {
		t.Errorf("remote: got %s, want %s", got, want)
	}
	if paths, _ := withSockets(mountPoints(list), "/"); slices.Contains(paths, "/home") {
		t.Error("a remote one is asked")
	}
}

// BenchmarkSockets is a part of each sealed start, which has a few milliseconds.
func BenchmarkSockets(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Sockets()
	}
}
