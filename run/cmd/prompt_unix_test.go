//go:build unix

package cmd_test

import (
	"bytes"
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

// screen is a terminal with a program on it, and all that it showed.
type screen struct {
	t    *testing.T
	ptmx *os.File
	tty  *os.File // kept open, to look at its settings
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
}

func onTerminal(t *testing.T, home string, args ...string) *screen {
	t.Helper()
	return onTerminalWith(t, "AGENTGUARD_AGE_IDENTITY="+newIdentity(t, filepath.Join(home, "key.txt")), home, args...)
}

func onTerminalWith(t *testing.T, variable, home string, args ...string) *screen {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	c := exec.Command("agentguard", args...)
	c.Dir = home
	c.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), variable, "TERM=xterm"}
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, ptmx: ptmx, tty: tty, cmd: c}
	t.Cleanup(func() { c.Process.Kill(); ptmx.Close(); tty.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := ptmx.Read(b)
			s.mu.Lock()
			s.text.Write(b[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) waitFor(what string) {
	s.t.Helper()
	for range 6000 {
		if strings.Contains(s.shown(), what) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%q was never shown:\n%s", what, s.shown())
}

func (s *screen) code() int {
	s.t.Helper()
	done := make(chan struct{})
	go func() { s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		s.t.Fatalf("it does not end:\n%s", s.shown())
	}
	return s.cmd.ProcessState.ExitCode()
}

// echoes says whether the terminal shows what is typed.
func (s *screen) echoes() bool {
	stty := exec.Command("stty", "-a")
	stty.Stdin = s.tty
	out, err := stty.Output()
	if err != nil {
		s.t.Skipf("needs stty: %v", err)
	}
	return !strings.Contains(string(out), "-echo ")
}

const typed = "sesame-typed-1234"

func TestHiddenPrompt(t *testing.T) {
	home := t.TempDir()
	s := onTerminal(t, home, "vault", "set", "token", "--to", "age")
	s.waitFor("value of token (not shown): ")
	s.ptmx.WriteString(typed + "\n")
	s.waitFor("value of token again: ")
	s.ptmx.WriteString(typed + "\n")
	s.waitFor("stored age:token")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	shown := s.shown()
	if strings.Contains(shown, "sesame") {
		t.Errorf("the value was shown:\n%s", shown)
	}
	if strings.Count(shown, "\r\x1b[2K") < 2 {
		t.Errorf("the questions were not erased: %q", shown)
	}
	if _, err := os.Stat(filepath.Join(home, ".local/share/agentguard/vault.age")); err != nil {
		t.Error(err)
	}
}

// TestNoNoticeWithinAQuestion: who takes a second to type a passphrase is not told that the vault is waited for.
func TestNoNoticeWithinAQuestion(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	vault := filepath.Join(home, "vault.age")
	if err := os.WriteFile(vault, []byte("age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := onTerminalWith(t, "AGENTGUARD_AGE_FILE="+vault, home, "vault", "list")
	s.waitFor("agentguard: Passphrase for ~/vault.age: ")
	time.Sleep(1100 * time.Millisecond)
	if shown := s.shown(); strings.Contains(shown, "waiting for") {
		t.Errorf("within the question: %q", shown)
	}
	s.ptmx.WriteString("\x03")
	s.code()
}

// TestPassphraseIsAskedForOnce: who answers a run's question by Ctrl-C, or not at all, is not asked again for its other secrets.
func TestPassphraseIsAskedForOnce(t *testing.T) {
	for _, c := range []struct {
		typed, says string
		code        int
	}{{"\x03", "", 128 + int(syscall.SIGINT)}, {"\x04", "no answer was given", 125}, {"\n", "no passphrase was given", 125}} {
		home := t.TempDir()
		vault := filepath.Join(home, "vault.age")
		os.WriteFile(vault, []byte("age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 1\n"), 0o600)
		os.WriteFile(filepath.Join(home, "p.toml"), []byte(`version = 1
[agent]
name = "bot"
[credential.one]
from    = "age:one"
service = "github"
env     = ["GITHUB_TOKEN"]
[credential.two]
from    = "age:two"
service = "openai"
env     = ["OPENAI_API_KEY"]
`), 0o600)
		s := onTerminalWith(t, "AGENTGUARD_AGE_FILE="+vault, home, "run", "--isolation", "env", "-q", "--policy", "p.toml", "--", "true")
		s.waitFor("agentguard: Passphrase for ~/vault.age: ")
		s.ptmx.WriteString(c.typed)
		if code := s.code(); code != c.code {
			t.Errorf("%q: exit code %d, want %d", c.typed, code, c.code)
		}
		s.waitFor(c.says)
		if shown := s.shown(); strings.Count(shown, "Passphrase for") != 1 {
			t.Errorf("%q: %q", c.typed, shown)
		}
		if !s.echoes() {
			t.Errorf("%q: the terminal does not echo any more", c.typed)
		}
	}
}

func TestHiddenPromptThatDiffers(t *testing.T) {
	home := t.TempDir()
	s := onTerminal(t, home, "vault", "set", "token", "--to", "age")
	s.waitFor("not shown")
	s.ptmx.WriteString(typed + "\n")
	s.waitFor("again")
	s.ptmx.WriteString("another-value\n")
	s.waitFor("the two values differ: nothing was stored")
	if code := s.code(); code != 125 {
		t.Errorf("exit code %d, want 125", code)
	}
	if _, err := os.Stat(filepath.Join(home, ".local/share/agentguard/vault.age")); err == nil {
		t.Error("something was stored")
	}
}

// TestPasteOfSeveralLines: of a key file that is pasted, nothing is left for the shell to run.
func TestPasteOfSeveralLines(t *testing.T) {
	s := onTerminal(t, t.TempDir(), "vault", "set", "token", "--to", "age")
	s.waitFor("not shown")
	s.ptmx.WriteString("-----BEGIN KEY-----\nsesame-line-2\nsesame-line-3\n-----END KEY-----\n")
	s.waitFor("the two values differ: nothing was stored")
	s.code()
	fd, left := int(s.tty.Fd()), make([]byte, 4096)
	syscall.SetNonblock(fd, true)
	if n, _ := syscall.Read(fd, left); n > 0 {
		t.Errorf("left for the shell: %q", left[:n])
	}
	if shown := s.shown(); strings.Contains(shown, "sesame") {
		t.Errorf("shown: %q", shown)
	}
}

// A signal in the middle of a question must not leave the user with a terminal that does not echo.
func TestSignalsDuringAPromptRestoreTheTerminal(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(signal.String(), func(t *testing.T) {
			s := onTerminal(t, t.TempDir(), "vault", "set", "token", "--to", "age")
			s.waitFor("not shown")
			if s.echoes() {
				t.Fatal("the terminal echoes during the question")
			}
			s.cmd.Process.Signal(signal)
			if code := s.code(); code != 128+int(signal) {
				t.Errorf("exit code %d, want %d", code, 128+int(signal))
			}
			if !s.echoes() {
				t.Error("the terminal does not echo any more")
			}
		})
	}
}

// Ctrl-Z with echo off would hand a silent terminal to the shell: it does nothing during a question.
func TestSuspendDuringAPromptDoesNothing(t *testing.T) {
	s := onTerminal(t, t.TempDir(), "vault", "set", "token", "--to", "age")
	s.waitFor("not shown")
	s.ptmx.WriteString("\x1a")
	time.Sleep(50 * time.Millisecond)
	s.ptmx.WriteString(typed + "\n")
	s.waitFor("again")
	s.ptmx.WriteString(typed + "\n")
	s.waitFor("stored age:token")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestImportAsksForEach(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "x.env")
	os.WriteFile(file, []byte("A_TOKEN=aaaaaaaa1111\nB_TOKEN=bbbbbbbb2222\n"), 0o600)
	s := onTerminal(t, home, "vault", "import", "--to", "age", "x.env")
	s.waitFor("store A_TOKEN as a-token? [y/N]")
	s.ptmx.WriteString("n\n")
	s.waitFor("store B_TOKEN as b-token? [y/N]")
	s.ptmx.WriteString("y\n")
	s.waitFor("take the values of B_TOKEN out of x.env? [y/N]")
	s.ptmx.WriteString("y\n")
	if code := s.code(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, s.shown())
	}
	text, _ := os.ReadFile(file)
	if !strings.Contains(string(text), "aaaaaaaa1111") || strings.Contains(string(text), "bbbbbbbb2222") || !strings.Contains(string(text), "B_TOKEN=") {
		t.Errorf("the file now holds:\n%s", text)
	}
}

// Colour on a terminal, and none with NO_COLOR (https://no-color.org).
func TestColour(t *testing.T) {
	s := onTerminal(t, t.TempDir(), "vault", "frob")
	s.code()
	s.waitFor("\x1b[31merror:\x1b[0")
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
		home := t.TempDir()
		c := exec.Command("agentguard", "vault", "frob")
		ptmx, tty, err := pty.Open()
		if err != nil {
			t.Skip("needs a pseudo terminal")
		}
		c.Env = []string{"HOME=" + home, "TERM=xterm", variable}
		c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
		c.Run()
		var shown []byte
		for b := make([]byte, 4096); !bytes.Contains(shown, []byte("error: ")); {
			n, err := ptmx.Read(b)
			if shown = append(shown, b[:n]...); err != nil {
				break
			}
		}
		if !bytes.Contains(shown, []byte("error: ")) || bytes.Contains(shown, []byte{0x1b}) {
			t.Errorf("%s: %q", variable, shown)
		}
		ptmx.Close()
		tty.Close()
	}
}

// A policy that nobody has looked at: the person at the terminal sees what it allows, and says yes or no.
func TestTrustIsAsked(t *testing.T) {
	const file = "version = 1\n[agent]\nname = \"bot\"\n[network]\nallow = [\"docs.test\"]\n"
	for _, c := range []struct {
		typed string
		code  int
	}{{"y\n", 7}, {"\n", 125}, {"no\n", 125}, {"Yes\n", 7}} {
		home := t.TempDir()
		policy := filepath.Join(home, "agentguard.toml")
		os.WriteFile(policy, []byte(file), 0o600)
		s := onTerminal(t, home, "run", "--isolation", "env", "--", "sh", "-c", "exit 7")
		s.waitFor("agentguard:   network.allow: host docs.test is new")
		s.waitFor("trust it as it is now, and run? [y/N] ")
		s.ptmx.WriteString(c.typed)
		if code := s.code(); code != c.code {
			t.Errorf("%q: exit code %d, want %d:\n%s", c.typed, code, c.code, s.shown())
		}
		again := onTerminal(t, home, "run", "--isolation", "env", "--", "sh", "-c", "exit 7")
		if c.code != 7 {
			again.waitFor("[y/N] ")
			continue
		}
		if code := again.code(); code != 7 || strings.Contains(again.shown(), "trust") {
			t.Errorf("%q: it is asked again, exit code %d:\n%s", c.typed, code, again.shown())
		}
	}
}
