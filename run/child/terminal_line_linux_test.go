package child

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTerminalLineIsRestored: what a program leaves of the terminal beside its modes is put back: open files that do not wait, or send
// signals, another line discipline, a terminal that nobody else can open, output that is stopped.
func TestTerminalLineIsRestored(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	s := startShell(t)
	leave := python + ` -c 'import fcntl, os, struct
def io(request, arg):
    try: fcntl.ioctl(0, request, arg)
    except OSError: pass
fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK | os.O_APPEND | os.O_ASYNC)
io(0x540C, 0); io(0x540A, 0); io(0x5423, struct.pack("i", 27)); os._exit(7)'`
	look := python + ` -c 'import fcntl, os, struct
get = lambda request: struct.unpack("i", fcntl.ioctl(0, request, b"0000"))[0]
print("state", hex(fcntl.fcntl(0, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND | os.O_ASYNC)), get(0x5424), get(0x80045440), ".")'`
	write := func(name, text string) { s.run("cat > " + name + " <<'END'\n" + text + "\nEND") }
	write("leave", leave)
	write("look", look)
	s.line("sh -c 'ag sh leave; echo code $?; sh look'")
	if out := s.expect("."); !strings.Contains(out, "code 7") || !strings.Contains(out, "state 0x0 0 0 ") {
		t.Errorf("%q", out)
	}
}
