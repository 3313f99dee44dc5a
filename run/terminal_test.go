//go:build unix

package run

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// shell is a real `bash -i` on a pty, where the command `ag` is a supervisor.
type shell struct {
	t    *testing.T
	tty  *os.File
	bash *os.Process
	mu   sync.Mutex
	text []byte
	seen int
	n    int
}

func startShell(t *testing.T) *shell {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	bin := t.TempDir()
	ag := fmt.Sprintf("#!/bin/sh\nTEST_ROLE=supervisor TEST_RUN=%s GORACE=atexit_sleep_ms=0 exec '%s' \"$@\"\n", testRunID(t), os.Args[0])
	if err := os.WriteFile(filepath.Join(bin, "ag"), []byte(ag), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "--norc", "--noprofile", "--noediting", "-i")
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "PS1=$ ", "TERM=dumb", "HOME=" + bin, "LC_ALL=C"}
	cmd.Dir = bin
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, tty: tty, bash: cmd.Process}
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

// send types keys; behind a control character it lets the terminal flush its input first.
func (s *shell) send(keys string) {
	s.tty.WriteString(keys)
	if keys < " " {
		time.Sleep(50 * time.Millisecond)
	}
}
func (s *shell) line(text string) { s.send(text + "\n") }

// expect waits for a text behind what was expected before.
func (s *shell) expect(want string) string {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
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

// press types a control character until it shows, as a person would: on a loaded machine a child may print before it has
// the terminal.
func (s *shell) press(key, want string) {
	s.t.Helper()
	for range 5 {
		s.send(key)
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			if s.shows(want) {
				return
			}
		}
	}
	s.expect(want)
}

// shows says whether a text has come, and takes it as seen.
func (s *shell) shows(want string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := bytes.Index(s.text[s.seen:], []byte(want))
	if i >= 0 {
		s.seen += i + len(want)
	}
	return i >= 0
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
	s.line(`ag sh -c 'echo be""gun; sleep 300'`)
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
		out := s.run(`ag bash -c 'sleep 0.02; ps -o stat= -p $$'`)
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
	s.line("fg")
	s.expect("ag sh")
	time.Sleep(100 * time.Millisecond)
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
	s.line(`ag sh -c 'echo be""gun; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; echo work""ed; read x; echo "got <$x>"; exit 9'`)
	s.expect("begun")
	s.press("\x1a", "Stopped")
	s.line("bg")
	s.expect("worked")
	s.line("") // wakes the shell's report: the job wants to read from the background
	waitFor(t, 5*time.Second, "stopped for input", func() bool { return strings.Contains(s.run("jobs"), "Stopped") })
	s.line("fg")
	s.expect("ag sh")
	time.Sleep(300 * time.Millisecond)
	s.line("hello")
	s.expect("got <hello>")
	s.wantStatus("9")
}

func TestTerminalForegroundWhileRunning(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'echo be""gun; sleep 300'`)
	s.expect("begun")
	s.press("\x1a", "Stopped")
	s.line("bg")
	s.expect("&")
	s.line("fg")
	s.expect("ag sh")
	time.Sleep(200 * time.Millisecond)
	s.press("\x1a", "Stopped") // the shell did not continue us: the signal comes to our group alone
	s.line("fg")
	s.expect("ag sh")
	time.Sleep(300 * time.Millisecond)
	s.press("\x03", "\n$ ")
	s.wantStatus("130")
}

func TestTerminalStartedInBackground(t *testing.T) {
	s := startShell(t)
	s.line(`ag sh -c 'sleep 0.1; read x; echo "got <$x>"; exit 3' &`)
	waitFor(t, 5*time.Second, "stopped for input", func() bool { return strings.Contains(s.run("jobs"), "Stopped") })
	s.line("fg")
	s.expect("ag sh")
	time.Sleep(100 * time.Millisecond)
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
	s.line(`ag sh -c 'echo be""gun >&2; sleep 1' | sleep 2`)
	s.expect("begun")
	s.press("\x1a", "Stopped")
	s.line("fg; echo en''ded")
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
	s.press("\x1a", "Stopped")
	if out := s.run("stty -a"); !strings.Contains(out, " icanon") {
		t.Errorf("raw mode after a stop: %s", out)
	}
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
	time.Sleep(100 * time.Millisecond)
	s.press("\x1a", "Stopped")
	s.expect("inner> ")
	s.line("fg")
	s.expect("sleep 300")
	time.Sleep(100 * time.Millisecond)
	s.press("\x03", "inner> ")
	s.wantStatus("130")
	s.line("suspend")
	s.expect("Stopped")
	s.line("echo ou''ter")
	s.expect("outer")
	s.line("fg")
	s.expect("ag bash")
	time.Sleep(100 * time.Millisecond)
	s.line("echo in''ner; exit 6")
	s.expect("inner")
	s.wantStatus("6")
}

func TestTerminalRawModeIsRestored(t *testing.T) {
	s := startShell(t)
	for _, line := range []string{"ag stty raw -echo", "ag sh -c 'stty raw -echo; kill -9 $$'"} {
		before := s.run("stty -g")
		s.line("sh -c '" + strings.ReplaceAll(line, "'", `'\''`) + "; stty -g > after'") // no job control of its own: nobody but us restores
		if out := s.run("cat after"); !strings.Contains(out, strings.TrimSpace(lastField(before))) {
			t.Errorf("%s: %q, then %q", line, before, out)
		}
	}
}

func lastField(s string) string {
	f := strings.Fields(s)
	if len(f) == 0 {
		return "nothing"
	}
	return f[len(f)-1]
}

func TestTerminalScriptGoesOnInTheForeground(t *testing.T) {
	s := startShell(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.path("ag")), "job"), []byte("ag true\nread x\necho \"read <$x>\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.line("sh job")
	time.Sleep(300 * time.Millisecond)
	s.line("hello")
	s.expect("read <hello>")
}

func (s *shell) path(name string) string {
	out := s.run("type -p " + name)
	return lastField(strings.ReplaceAll(out, "$ ", ""))
}

func TestTerminalHangup(t *testing.T) {
	needsProc(t)
	s := startShell(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	s.line("ag sh -c 'echo $$ > " + pidFile + "; sleep 300'")
	pid := pidFrom(t, pidFile)
	s.bash.Signal(syscall.SIGHUP) // as the system does when the terminal is gone
	waitFor(t, 2*time.Second, "ended by the hangup", func() bool { return !alive(pid) })
}

// TestTerminalWithoutShell is `docker run -it image agentguard run -- CMD`: nobody could continue us, so a stop is undone.
func TestTerminalWithoutShell(t *testing.T) {
	cmd := supervisor(t, "sh", "-c", `echo be""gun; read x; echo "got <$x>"; exit 8`)
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	s := &shell{t: t, tty: tty}
	go s.read()
	s.expect("begun")
	s.send("\x1a")
	time.Sleep(400 * time.Millisecond)
	s.line("hello")
	s.expect("got <hello>")
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 8 {
		t.Errorf("code %d", code)
	}
}
