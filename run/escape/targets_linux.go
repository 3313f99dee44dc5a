package escape

import (
	"fmt"
	"io"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// terminal makes one that is as much the user's as the one in front of them.
func (s *Stage) terminal() error {
	master, slave, err := openTerminal()
	if err != nil {
		return nil // none here
	}
	s.closers = append(s.closers, func() { master.Close(); slave.Close() })
	var stat unix.Stat_t
	if err := unix.Fstat(int(slave.Fd()), &stat); err != nil {
		return err
	}
	s.Terminal, s.TerminalDevice = slave.Name(), stat.Dev
	return nil
}

// Prey is the process that is attacked: it holds the canary, says where, and waits for the end of its input. It allows any
// process of its user to be its debugger, where Yama would allow its parents alone (prctl(2), PR_SET_PTRACER).
func Prey(canary string, in io.Reader, out io.Writer) error {
	const setPtracer, any = 0x59616d61, ^uintptr(0)
	unix.Syscall(unix.SYS_PRCTL, setPtracer, any, 0)
	held := []byte(canary)
	if _, err := fmt.Fprintf(out, "%x\n", uintptr(unsafe.Pointer(unsafe.SliceData(held)))); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in)
	runtime.KeepAlive(held)
	return err
}

// Anew executes this program again with a key in its session keyring, which every process that it starts inherits. It returns
// only if that is not possible: then there is no such key to attack.
func Anew(argv, environ []string, canary string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, errno := unix.Syscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0); errno != 0 {
		return errno
	}
	if _, err := unix.AddKey("user", keyName, []byte(canary), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", argv, environ)
}
