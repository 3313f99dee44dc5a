//go:build unix

package child

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTerminalKeys: what else the keyboard sends.
func TestTerminalKeys(t *testing.T) {
	s := startShell(t)
	s.line("ulimit -c 0; ag sh -c 'echo be\"\"gun; exec sleep 300'")
	s.expect("begun")
	s.press("\x1c", "\n$ ")
	s.wantStatus("131")
	s.line("ag cat")
	s.line("typed")
	s.expect("typed")
	s.press("\x04", "\n$ ")
	s.wantStatus("0")
	s.line(`ag sh -c 'stty raw -echo; echo be""gun; dd bs=1 count=2 2>/dev/null | od -An -tx1; exit 5'`)
	s.expect("begun")
	s.send("\x03\x1a") // are bytes to a program in raw mode
	s.expect(" 03 1a")
	s.wantStatus("5")
}

// TestTerminalSize: a program learns that its window has changed.
func TestTerminalSize(t *testing.T) {
	s := startShell(t)
	s.line(`ag bash -c 'trap "stty size; exit 5" WINCH; echo be""gun; sleep 300 & wait'`)
	s.expect("begun")
	raw, err := s.tty.SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 101})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.expect("33 101")
	s.wantStatus("5")
}

// TestTerminalName: a program finds the terminal that it has, and asks there although its input and output lead elsewhere.
func TestTerminalName(t *testing.T) {
	s := startShell(t)
	if out := s.run("ag tty"); !strings.Contains(out, "/dev/") {
		t.Errorf("tty: %q", out)
	}
	s.line(`ag sh -c 'echo as""ked >/dev/tty; read x </dev/tty; echo "got <$x>" >"$(tty)"'`)
	s.expect("asked")
	s.line("answer")
	s.expect("got <answer>")
	s.wantStatus("0")
}

// TestTerminalEditor: a full-screen editor comes up, is stopped, goes on and saves; git commit opens it.
func TestTerminalEditor(t *testing.T) {
	for _, program := range []string{"vim", "git"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
	}
	s := startShell(t)
	s.line("export TERM=vt100; ag vim -N -u NONE -i NONE -n notes")
	s.expect("~")
	s.send("iwritten\x1b")
	s.expect("written")
	s.stopRaw()
	s.line("fg")
	s.expect("written")
	s.send(":wq\r")
	s.expect("$ ")
	s.wantStatus("0")
	if text, _ := os.ReadFile(filepath.Join(s.dir, "notes")); string(text) != "written\n" {
		t.Errorf("saved: %q", text)
	}
	s.run("export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.test GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.test GIT_EDITOR='vim -N -u NONE -i NONE -n'; git init -q . && git add notes")
	s.line("ag git commit")
	s.expect("COMMIT_EDITMSG")
	s.send("iby hand\x1b:wq\r")
	s.expect("1 file changed")
	s.wantStatus("0")
}
