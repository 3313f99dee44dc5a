package vfork

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inner is what the first process of the namespaces says of itself.
const inner = `echo "$$ $(id -u) $(id -g) $(pwd) $(ulimit -Sn) $ONLY $(env | wc -l)"
cat /proc/self/setgroups /proc/self/uid_map /proc/self/gid_map | tr -s ' '
grep -E 'CapEff|SigBlk|SigIgn' /proc/self/status
ls /proc/self/fd | wc -l`

func command(null, out *os.File, script string) *Command {
	return &Command{
		Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"ONLY=this"},
		Files: [3]uintptr{null.Fd(), out.Fd(), out.Fd()}, Namespaces: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		UID: os.Geteuid(), GID: os.Getegid(), Capabilities: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN},
	}
}

// said is what a command writes until it ends.
func said(script string) (string, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer r.Close()
	pid, err := command(null, w, script).Start()
	w.Close()
	if err != nil {
		return "", err
	}
	out, _ := io.ReadAll(r)
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || !status.Exited() || status.ExitStatus() != 0 {
		return string(out), fmt.Errorf("%v, status %d", err, status.ExitStatus())
	}
	return string(out), nil
}

// TestMain is also the process that starts something, where a test needs one of its own.
func TestMain(m *testing.M) {
	if script := os.Getenv("TEST_VFORK"); script != "" {
		out, err := said(script)
		fmt.Print(out)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// needed skips where this system has no such namespaces for us, or no such call.
func needed(t *testing.T) {
	if _, err := said("exit 0"); errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("needs user namespaces and clone3: ", err)
	}
}

func TestStart(t *testing.T) {
	needed(t)
	for _, uid := range []int{os.Geteuid(), 61234} {
		if uid != os.Geteuid() && os.Geteuid() != 0 {
			continue
		}
		exe := copyOf(t)
		cmd := exec.Command("/bin/sh", "-c", `trap '' HUP; ulimit -Sn 123; exec "$0"`, exe)
		cmd.Env, cmd.Dir = []string{"TEST_VFORK=" + inner}, "/tmp"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), NoSetGroups: os.Geteuid() != 0}}
		out, err := cmd.CombinedOutput()
		caps := "0000000000201000" // CAP_NET_ADMIN and CAP_SYS_ADMIN
		if uid == 0 {
			caps = ""
		}
		want := fmt.Sprintf("1 %[1]d %[1]d / 123 this 2\ndeny\n %[1]d %[1]d 1\n %[1]d %[1]d 1\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\nCapEff:\t%[2]s", uid, caps)
		if err != nil || !strings.HasPrefix(string(out), want) || !strings.HasSuffix(string(out), "\n4\n") { // ls has the directory open
			t.Errorf("as %d: %v\n%s\nwant\n%s", uid, err, out, want)
		}
	}
}

// copyOf is this program where any user may execute it.
func copyOf(t *testing.T) string {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp("", "vfork-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(f.Name()) })
	syscall.ForkLock.RLock() // another test's fork would have it open for writing
	_, err = f.Write(self)
	if err = errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RUnlock()
	return f.Name()
}

// TestStartFails: what does not work leaves no process behind, and says why.
func TestStartFails(t *testing.T) {
	needed(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		change func(c *Command)
		want   syscall.Errno
	}{
		{func(c *Command) { c.Path = "/nowhere" }, syscall.ENOENT},
		{func(c *Command) { c.Files[1] = 9999 }, syscall.EBADF},
		{func(c *Command) { c.UID++ }, syscall.EPERM},
		{func(c *Command) { c.Namespaces |= unix.CLONE_FS }, syscall.EINVAL},
	} {
		cmd := command(null, null, "exit 0")
		c.change(cmd)
		if pid, err := cmd.Start(); err != c.want || pid != 0 {
			t.Errorf("got %d, %v, want %v", pid, err, c.want)
		}
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("left: %d, %v", pid, err)
	}
}

// TestStartMeanwhile: this process has the memory in common with those that it starts, and goes on with it.
func TestStartMeanwhile(t *testing.T) {
	needed(t)
	stop := make(chan struct{})
	var busy, starts sync.WaitGroup
	for range 2 {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					b := make([]*int, 1000)
					for j := range b {
						b[j] = &i
					}
					runtime.Gosched()
				}
			}
		})
	}
	for range 4 {
		starts.Go(func() {
			for range 10 {
				if out, err := said("echo here"); err != nil || out != "here\n" {
					t.Errorf("%q, %v", out, err)
				}
			}
		})
	}
	starts.Wait()
	close(stop)
	busy.Wait()
}
