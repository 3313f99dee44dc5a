package child

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHardenMakesUsUnreadable asks a hardened process about itself, in a role of its own: there is no way back for this one.
func TestHardenMakesUsUnreadable(t *testing.T) {
	if os.Getenv("TEST_HARDENED") != "" {
		if err := Harden(); err != nil {
			t.Fatal(err)
		}
		var core unix.Rlimit
		unix.Getrlimit(unix.RLIMIT_CORE, &core)
		dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		flags, _ := unix.FcntlInt(3, unix.F_GETFD, 0)
		if dumpable != 0 || err != nil || core.Cur != 0 || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("dumpable %d, %v; core limit %d; inherited descriptor's flags %#x", dumpable, err, core.Cur, flags)
		}
		return
	}
	cmd := supervisor(t, "-test.run=^TestHardenMakesUsUnreadable$", "-test.v")
	cmd.Env = append(os.Environ(), "TEST_HARDENED=1")
	file, err := os.CreateTemp(t.TempDir(), "inherited")
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{file}
	if code, stdout, stderr := exitCode(t, cmd); code != 0 || !strings.Contains(stdout, "--- PASS") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

// TestOthersCannotReadUs tries it as the child would, where being root does not make it pointless.
func TestOthersCannotReadUs(t *testing.T) {
	if syscall.Getuid() == 0 {
		t.Skip("needs an unprivileged user")
	}
	_, stdout, stderr := exitCode(t, supervisor(t, "sh", "-c", `for f in environ maps mem auxv; do cat /proc/$PPID/$f && echo "read $f"; done; ls /proc/$PPID/fd && echo "read fd"; true`))
	if stdout != "" || strings.Count(stderr, "ermission denied") != 5 {
		t.Errorf("%s%s", stdout, stderr)
	}
}
