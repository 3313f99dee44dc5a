//go:build unix

package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"agentguard/run/proc"
)

// shell is a real `bash -i` on a pty, where the command `ag` is a supervisor.
type shell struct {
	t    *testing.T
	tty  *os.File
	bash *os.Process
	dir  string // its working directory
	mu   sync.Mutex
	text []byte
	seen int
	n    int
}

// patience is for a machine that is busy with other things.
const patience = 30 * time.Second

func startShell(t *testing.T) *shell {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	bin := t.TempDir()
	ag := fmt.Sprintf("#!/bin/sh\nTEST_ROLE=supervisor TEST_RUN=%s-$$ TEST_LEVEL=%s GORACE=atexit_sleep_ms=0 exec '%s' \"$@\"\n",
		testRunID(t), os.Getenv("TEST_LEVEL"), os.Args[0])
	if err := os.WriteFile(filepath.Join(bin, "ag"), []byte(ag), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "--norc", "--noprofile", "--noediting", "-i")
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "PS1=$ ", "TERM=dumb", "HOME=" + bin, "LC_ALL=C"}
	cmd.Dir = bin
	tty := startOnTerminal(t, cmd)
	s := &shell{t: t, tty: tty, bash: cmd.Process, dir: bin}
	go s.read()
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
		cmd.Wait()
	})
	s.line("stty -echo; bind 'set enable-bracketed-paste off' 2>/dev/null; echo rea''dy")
	s.expect("ready")
	return s
}

// startOnTerminal gives the other end of a command's terminal, as a file whose Close does not wait for a Read.
func startOnTerminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	fd, err := unix.FcntlInt(tty.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "terminal")
}

func (s *shell) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		s.text = append(s.text, buf[:n]...)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send types keys. A control character that the terminal takes for a signal drops what was typed before and not read yet.
func (s *shell) send(keys string) { s.tty.WriteString(keys) }
func (s *shell) line(text string) { s.send(text + "\n") }

// expect waits for a text behind what was expected before.
func (s *shell) expect(want string) string {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		rest := s.text[s.seen:]
		if i := bytes.Index(rest, []byte(want)); i >= 0 {
			s.seen += i + len(want)
			got := string(rest[:i])
			s.mu.Unlock()
			return got
		}
		s.mu.Unlock()
		if time.Now().After(end) {
			s.t.Fatalf("no %q in %q", want, rest)
		}
	}
}

// front is the terminal's foreground group, which its other end may ask for. Not by way of Fd, which makes reads block Close.
func (s *shell) front() (group int) {
	s.t.Helper()
	raw, err := s.tty.SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { group, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return group
}

// press types a control character and waits for what shows then. A child that is to be stopped by it must not be just
// forking: a shell that waits in vfork(2) does not stop when its new process does, with agentguard or without.
func (s *shell) press(key, want string) {
	s.t.Helper()
	s.send(key)
	s.expect(want)
}

// stopRaw stops a program that has the terminal in raw mode, which must not last then.
func (s *shell) stopRaw() {
	s.t.Helper()
	s.press("\x1a", "Stopped")
	if out := s.run("stty -a"); !strings.Contains(out, " icanon") {
		s.t.Errorf("raw mode after a stop: %s", out)
	}
}

// begun waits for a child that has the terminal and says so, and gives it and its supervisor, as we see them.
func (s *shell) begun() (child, supervisor int) {
	s.t.Helper()
	s.expect("begun")
	child = s.front()
	supervisor = proc.Parent(child)
	if psSays(supervisor, "comm") == "ag-init" {
		supervisor = proc.Parent(supervisor)
	}
	return child, supervisor
}

func psSays(pid int, what string) string {
	out, _ := exec.Command("ps", "-o", what+"=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out))
}

func isStopped(pid int) bool { return strings.HasPrefix(psSays(pid, "stat"), "T") }

// inFront waits until the terminal's foreground group is led by a program of this name that is not stopped: the signal that
// continues it would take back a Ctrl-Z.
func (s *shell) inFront(name string) {
	s.t.Helper()
	waitFor(s.t, patience, name+" in the foreground", func() bool {
		front := s.front()
		return psSays(front, "comm") == name && !isStopped(front)
	})
}

// pipe makes a named pipe where the shell is. A child that opens it waits, without a fork and in the background too, until
// the function is called.
func (s *shell) pipe(name string) (open func()) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		s.t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		f.WriteString("go on\n")
		f.Close()
	}
}

// fg brings a job of the command to the foreground.
func (s *shell) fg(command string) {
	s.t.Helper()
	s.line("fg")
	s.expect(command)
	waitFor(s.t, patience, "rid of the terminal", func() bool { return s.front() != s.bash.Pid })
}

// run types a line, waits until the shell reads again, and gives what was printed.
func (s *shell) run(text string) string {
	s.t.Helper()
	s.n++
	s.line(text)
	s.line(fmt.Sprintf("echo do''ne-%d", s.n))
	return s.expect(fmt.Sprintf("done-%d", s.n))
}

func (s *shell) wantStatus(code string) {
	s.t.Helper()
	s.line("echo status=$?.")
	s.expect("status=" + code + ".")
}

func TestTerminalExitCodes(t *testing.T) {
	s := startShell(t)
	for _, c := range []struct{ line, code string }{
		{"ag true", "0"},
		{"ag sh -c 'exit 42'", "42"},
		{"ag /", "126"},
		{"ag no-such", "127"},
		{"ag sh -c 'kill -INT $$'", "130"},
		{"ag sh -c 'kill -9 $$'", "137"},
		{"ag sh -c 'kill $$'", "143"},
	} {
		s.line(c.line)
		s.wantStatus(c.code)
	}
}

func TestTerminalInterrupt(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'echo be""gun; exec sleep 300'`)
	s.expect("begun")
	s.press("\x03", "\n$ ")
	s.wantStatus("130")
	// A child that catches it goes on, and meets it once, alone or in a pipeline.
	count := "ag '" + os.Args[0] + "' count-interrupts"
	for i := range 10 { // the system merges two that are pending at once
		s.line([]string{count, count + " | cat"}[i%2])
		s.expect("begun")
		s.send("\x03")
		s.expect("interrupts=1.")
	}
}

func TestTerminalChildIsInTheForeground(t *testing.T) {
	s := startShell(t)
	for range 20 {
		out := s.run(`ag bash -c 'ps -o stat= -p $$'`)
		if !strings.Contains(out, "+") {
			t.Fatalf("state %q", out)
		}
	}
}

func TestTerminalStopAndContinue(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'echo be""gun; read x; echo "got <$x>"; exit 9'`)
	s.expect("begun")
	s.press("\x1a", "Stopped")
	if out := s.run("jobs; ps -o stat= -C sh"); !strings.Contains(out, "Stopped") {
		t.Errorf("jobs: %q", out)
	}
	s.fg("ag sh")
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("9")
}

// TestTerminalModesFollowTheChild: the shell gets its own modes back at a stop, and the child its own when it goes on.
func TestTerminalModesFollowTheChild(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'stty -icanon min 1 echo; echo be""gun; kill -STOP $$; stty -a | tr ";" "\n" | grep -o -- ".icanon"; exit 2'`)
	s.expect("begun")
	s.expect("Stopped")
	if out := s.run("stty -a"); !strings.Contains(out, " icanon") {
		t.Errorf("the shell's modes: %s", out)
	}
	s.line("fg")
	s.expect("-icanon\r\n")
	s.wantStatus("2")
}

func TestTerminalBackgroundThenForeground(t *testing.T) {
	s := startShell(t)
	work := s.pipe("work")
	s.line(`ag sh -c 'echo be""gun; read y <work; echo work""ed; read x; echo "got <$x>"; exit 9'`)
	s.expect("begun")
	s.press("\x1a", "Stopped")
	s.line("bg")
	work()
	s.expect("worked")
	s.line("") // wakes the shell's report: the job wants to read from the background
	waitFor(t, patience, "stopped for input", func() bool { return strings.Contains(s.run("jobs"), "Stopped") })
	s.fg("ag sh")
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("9")
}

// backAndForth stops a child and brings it to the foreground again, which its supervisor is not told: the shell knows that it
// runs already.
func (s *shell) backAndForth(child int) {
	s.t.Helper()
	s.press("\x1a", "Stopped")
	s.line("bg")
	s.expect("&")
	waitFor(s.t, patience, "going on", func() bool { return !isStopped(child) })
	s.fg("ag sh")
}

func TestTerminalForegroundWhileRunning(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'echo be""gun; exec sleep 300'`)
	child, _ := s.begun()
	s.backAndForth(child)
	s.press("\x1a", "Stopped") // the signal comes to our group alone
	s.fg("ag sh")
	s.press("\x03", "\n$ ")
	s.wantStatus("130")
}

// TestTerminalWantedLater: such a child gets the terminal when it asks.
func TestTerminalWantedLater(t *testing.T) {
	s := startShell(t)
	read := s.pipe("read")
	s.line(`ag sh -c 'echo be""gun; read x <read; read x; echo "got <$x>"; exit 9'`)
	child, _ := s.begun()
	s.backAndForth(child)
	read()
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("9")
}

func TestTerminalStartedInBackground(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'sleep 0.1; read x; echo "got <$x>"; exit 3' &`)
	waitFor(t, patience, "stopped for input", func() bool { return strings.Contains(s.run("jobs"), "Stopped") })
	s.fg("ag sh")
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("3")
}

func TestTerminalPipelines(t *testing.T) {
	s := startShell(t)
	if out := s.run("ag seq 3 | cat"); !strings.Contains(out, "1\r\n2\r\n3") {
		t.Errorf("%q", out)
	}
	if out := s.run("seq 3 | ag cat | ag tac"); !strings.Contains(out, "3\r\n2\r\n1") {
		t.Errorf("%q", out)
	}
	s.line(`ag sh -c 'exit 4' | cat; echo "pipe=${PIPESTATUS[0]}."`)
	s.expect("pipe=4.")
	work := s.pipe("work")
	s.line(`ag sh -c 'echo be""gun >&2; read x <work' | cat`)
	s.expect("begun")
	s.press("\x1a", "Stopped")
	s.line("fg; echo en''ded")
	work()
	s.expect("ended")
}

func TestTerminalPager(t *testing.T) {
	if _, err := exec.LookPath("less"); err != nil {
		t.Skip("needs less")
	}
	s := startShell(t)
	s.line("export LESS= TERM=vt100; ag seq 500 | less")
	s.expect(":")
	s.send("q")
	s.wantStatus("0")
	s.line("seq 500 > many; ag less many")
	s.expect("many")
	s.send("G")
	s.expect("500")
	s.stopRaw()
	s.line("fg")
	s.expect("500")
	s.send("q")
	s.wantStatus("0")
}

func TestTerminalNestedShell(t *testing.T) {
	s := startShell(t)
	s.line("PS1='inner> ' ag bash --norc --noprofile --noediting -i")
	s.expect("inner> ")
	s.line("sleep 300")
	s.inFront("sleep")
	s.press("\x1a", "Stopped")
	s.expect("inner> ")
	s.line("fg")
	s.expect("sleep 300")
	s.inFront("sleep")
	s.press("\x03", "inner> ")
	s.wantStatus("130")
	s.line("suspend")
	s.expect("Stopped")
	s.line("echo ou''ter")
	s.expect("outer")
	s.fg("ag bash")
	s.line("echo in''ner; exit 6")
	s.expect("inner")
	s.wantStatus("6")
}

func TestTerminalRawModeIsRestored(t *testing.T) {
	s := startShell(t)
	for _, line := range []string{"ag stty raw -echo", "ag sh -c 'stty raw -echo; kill -9 $$'"} {
		// A shell without job control: nobody but us restores.
		s.run("stty -g > before; sh -c '" + strings.ReplaceAll(line, "'", `'\''`) + "; stty -g > after'")
		before, err1 := os.ReadFile(filepath.Join(s.dir, "before"))
		after, err2 := os.ReadFile(filepath.Join(s.dir, "after"))
		if err1 != nil || err2 != nil || string(before) != string(after) {
			t.Errorf("%s: %s, then %s", line, before, after)
		}
	}
}

func TestTerminalScriptGoesOnInTheForeground(t *testing.T) {
	s := startShell(t)
	if err := os.WriteFile(filepath.Join(s.dir, "job"), []byte("ag true\nread x\necho \"read <$x>\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.line("sh job")
	s.line("hello")
	s.expect("read <hello>")
}

func TestTerminalHangup(t *testing.T) {
	needsProc(t)
	s := startShell(t)
	s.line("ag sh -c 'echo be\"\"gun; exec sleep 300'")
	child, _ := s.begun()
	s.bash.Signal(syscall.SIGHUP) // as the system does when the terminal is gone
	waitFor(t, patience, "ended by the hangup", func() bool { return !alive(child) })
}

// TestTerminalWithoutShell is `docker run -it image agentguard run -- CMD`: nobody could continue us, so a stop is undone.
func TestTerminalWithoutShell(t *testing.T) {
	cmd := supervisor(t, "sh", "-c", `echo be""gun; read x; echo "got <$x>"; exit 8`)
	tty := startOnTerminal(t, cmd)
	defer tty.Close()
	s := &shell{t: t, tty: tty}
	go s.read()
	s.expect("begun")
	s.send("\x1a")
	s.line("hello")
	s.expect("got <hello>")
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 8 {
		t.Errorf("code %d", code)
	}
}
