package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
	"agentguard/run/names"
	"agentguard/run/sandbox/shim"
)

// nobody is a user without rights and without files.
const nobody = 54321

// asBoth runs a test as who we are and, where that is root, in a process of a user without rights too.
func asBoth(t *testing.T, test func(*testing.T)) {
	t.Helper()
	if os.Getuid() != 0 {
		test(t)
		return
	}
	t.Run("root", test)
	t.Run("user", func(t *testing.T) {
		name, _, _ := strings.Cut(t.Name(), "/")
		cmd := exec.Command(publicSelf(t), "-test.run", "^"+name+"$", "-test.v")
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=/tmp", "HOME=/"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// publicSelf copies this test program to where every user can execute it.
func publicSelf(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agentguard-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "test"), self, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "test")
}

func newBox(t testing.TB, c Config) *Box {
	t.Helper()
	b, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// running is a command in a box.
type running struct {
	*Box
	pid    int
	output chan string
}

// sh starts a shell script in a box.
func sh(t testing.TB, b *Box, script string) *running {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	pid, err := b.Exec(Command{"/bin/sh", []string{"sh", "-c", script}, env, "/", job.Own, [3]uintptr{null.Fd(), write.Fd(), write.Fd()}})
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{b, pid, make(chan string, 1)}
	go func() {
		defer read.Close()
		text, _ := io.ReadAll(read)
		r.output <- string(text)
	}()
	return r
}

// end waits for the command's end and then ends the box.
func (r *running) end(t testing.TB) (output string, code int) {
	t.Helper()
	for {
		e, ok := r.Next()
		switch {
		case !ok:
			t.Fatal("the box is gone")
		case !e.Stopped:
			r.Close() // what the command left behind holds the pipe
			return strings.TrimSpace(<-r.output), e.Code
		}
	}
}

// inBox runs a script in a box of its own.
func inBox(t testing.TB, c Config, script string) (output string, code int) {
	t.Helper()
	return sh(t, newBox(t, c), script).end(t)
}

// TestCommandsGroup: the command starts where it is told, and leads its group or is in init's; nothing of ours is left between.
func TestCommandsGroup(t *testing.T) {
	for _, c := range []struct {
		group job.Group
		dir   string
		want  string
	}{
		{job.Own, "/usr", "/usr leads 0\n"}, {job.Shared, "/usr", "/usr follows 0\n"}, {job.Own, "/no/such", ""},
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		b := newBox(t, Config{})
		script := `read pid name state parent group rest </proc/$$/stat; [ $group = $$ ] && does=leads || does=follows; echo $PWD $does $(grep -la "agentguard: [s]him" /proc/[0-9]*/cmdline 2>/dev/null | wc -l)`
		_, err = b.Exec(Command{"/bin/sh", []string{"sh", "-c", script}, []string{"PATH=" + os.Getenv("PATH")}, c.dir, c.group, [3]uintptr{write.Fd(), write.Fd(), 2}})
		write.Close()
		if err == nil {
			b.Next()
		}
		b.Close()
		got, _ := io.ReadAll(read)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s in %s: %q, %v", c.group, c.dir, got, err)
		}
	}
}

func TestBoxExitCodes(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		for script, want := range map[string]int{"exit 0": 0, "exit 42": 42, "kill -INT $$": 130, "kill -KILL $$": 137, "kill -TERM $$": 143} {
			if out, code := inBox(t, Config{}, script); code != want || out != "" {
				t.Errorf("%s: %d %q", script, code, out)
			}
		}
	})
}

func TestBoxReportsStops(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		r := sh(t, newBox(t, Config{}), "kill -STOP $$; kill -TSTP $$; exit 3")
		for _, want := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGTSTP} {
			if e, ok := r.Next(); !ok || !e.Stopped || syscall.Signal(e.Signal) != want {
				t.Fatalf("%+v %v, want a stop by %v", e, ok, want)
			}
			if err := syscall.Kill(-r.pid, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		if _, code := r.end(t); code != 3 {
			t.Error(code)
		}
	})
}

// The child's number stays its own until the box is closed, so a signal can meet nobody else.
func TestBoxKeepsTheChildsNumber(t *testing.T) {
	r := sh(t, newBox(t, Config{}), "exit 0")
	if e, ok := r.Next(); !ok || e.Stopped {
		t.Fatal(e, ok)
	}
	if err := syscall.Kill(r.pid, 0); err != nil {
		t.Error("after its end:", err)
	}
	r.Close()
	if err := syscall.Kill(r.pid, 0); err != syscall.ESRCH {
		t.Error("after Close:", err)
	}
}

// TestDirectoryThatCannotBeEntered: a command that is not let into where it is to start, as root's is not into others' directories, is
// told so, and not of settings of the system.
func TestDirectoryThatCannotBeEntered(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		os.Chown(closed, nobody, nobody)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	_, err = newBox(t, Config{}).Exec(Command{"/bin/sh", []string{"sh", "-c", ":"}, nil, closed, job.Own, [3]uintptr{null.Fd(), null.Fd(), null.Fd()}})
	var p *Problem
	if !errors.As(err, &p) || p.Err != syscall.EACCES || !strings.Contains(p.Mend, "start it in a directory") {
		t.Errorf("%#v", err)
	}
}

func TestBoxCommandThatCannotBeExecuted(t *testing.T) {
	b := newBox(t, Config{})
	_, err := b.Exec(Command{"/no/such/file", []string{"x"}, nil, "/", job.Shared, [3]uintptr{0, 1, 2}})
	var failure *shim.Failure
	if !errors.As(err, &failure) || failure.Step != shim.StepExecute || failure.Errno != syscall.ENOENT {
		t.Error(err)
	}
	if _, err := b.Exec(Command{"/bin/true", []string{"true"}, nil, "/", job.Shared, [3]uintptr{0, 1, 2}}); err != nil {
		t.Error("the box is of no use after a failed start:", err)
	}
}

// Everything in the box ends with it, however it detached itself, and whoever ends it.
func TestBoxLeavesNoProcess(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		mark := "sandbox-" + strconv.Itoa(os.Getpid())
		daemons := "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP INT; sleep 600 #" + mark + "' & done; sleep 0.1; echo up; "
		for name, end := range map[string]func(*running){
			"the child ends":          func(r *running) {},
			"the box is closed":       func(r *running) { r.Close() },
			"its processes are ended": func(r *running) { r.End(); r.Close() },
			"init is killed":          func(r *running) { syscall.Kill(r.init, syscall.SIGKILL) },
			"the control socket ends": func(r *running) { r.conn.Shutdown() },
		} {
			script := daemons
			if name == "the child ends" {
				script += "kill -STOP $$" // until they were seen
			} else {
				script += "sleep 600"
			}
			r := sh(t, newBox(t, Config{}), script)
			for range 3000 {
				if processes(mark) >= 3 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if processes(mark) < 3 {
				t.Fatalf("%s: the daemons never ran", name)
			}
			end(r)
			if name == "the child ends" {
				r.Next() // the stop
				syscall.Kill(r.pid, syscall.SIGCONT)
				r.end(t)
			} else if e, ok := r.Next(); ok && e.Code != 128+int(syscall.SIGKILL) {
				t.Errorf("%s: %+v", name, e)
			}
			if n := processes(mark); n != 0 {
				t.Errorf("%s: %d processes are left", name, n)
			}
		}
	})
}

// processes counts those whose command line holds mark.
func processes(mark string) (n int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if text, _ := os.ReadFile(f); bytes.Contains(text, []byte(mark)) && !bytes.Contains(text, []byte("test.run")) {
			n++
		}
	}
	return n
}

// A supervisor that is killed takes the box with it at once, at whatever step it is.
func TestBoxDiesWithItsSupervisor(t *testing.T) {
	if os.Getenv("TEST_ROLE") == "supervisor" {
		superviseUntilKilled(t)
	}
	for _, after := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, 6 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		mark := fmt.Sprintf("dies-%d-%d", os.Getpid(), after)
		cmd := exec.Command(os.Args[0], "-test.run", "^TestBoxDiesWithItsSupervisor$")
		cmd.Env = append(os.Environ(), "TEST_ROLE=supervisor", "TEST_MARK="+mark)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20*time.Millisecond + after) // the test program needs a while until it is there
		cmd.Process.Kill()
		cmd.Wait()
		left := 1
		for range 4000 {
			if left = processes(mark); left == 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if left > 0 {
			t.Errorf("killed after %v: %d processes are left", after, left)
		}
	}
}

func superviseUntilKilled(t *testing.T) {
	for {
		r := sh(t, newBox(t, Config{}), "(setsid sleep 600 & sleep 600) #"+os.Getenv("TEST_MARK"))
		r.Next()
	}
}

// What a program connects to, by name, by address or by a server of the name service that it knows itself, comes to our
// listeners, with the address that was meant.
func TestBoxCaptures(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		if _, err := exec.LookPath("python3"); err != nil {
			t.Skip("needs python3")
		}
		b := newBox(t, Config{Ports: []int{80, 443, 8443}})
		var table names.Table
		go table.ServePackets(b.Names.(*net.UDPConn))
		go table.ServeStreams(b.Queries)
		for _, l := range b.Captured {
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					fmt.Fprintf(c, "%v", c.LocalAddr())
					c.Close()
				}
			}()
		}
		r := sh(t, b, `python3 - <<'END'
import socket, struct
def reach(host, port):
    try:
        with socket.create_connection((host, port), 30) as s:
            return s.recv(100).decode()
    except OSError as e:
        return type(e).__name__
for host, port in (("93.184.216.34", 443), ("2606:2800:220:1::1", 80), ("api.example.com", 8443), ("169.254.169.254", 80), ("10.0.0.1", 22), ("127.0.0.1", 25)):
    print(host, port, reach(host, port))
print(socket.gethostbyname("api.example.com"), socket.gethostbyname("other.example.com"))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(30)
u.sendto(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x01x\x04test\0\0\x01\0\x01", ("8.8.8.8", 53))
answer, by = u.recvfrom(512)
print(by[0], answer[-4:].hex())
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
v.connect(("8.8.8.8", 443))
v.send(b"quic")
try:
    v.settimeout(30)
    v.recv(10)
except OSError as e:
    print("udp", type(e).__name__)
END`)
		out, _ := r.end(t)
		for _, want := range []string{
			"93.184.216.34 443 93.184.216.34:443", "2606:2800:220:1::1 80 [2606:2800:220:1::1]:80", "api.example.com 8443 198.18.0.1:8443",
			"169.254.169.254 80 169.254.169.254:80", "10.0.0.1 22 ConnectionRefusedError", "127.0.0.1 25 ConnectionRefusedError",
			"198.18.0.1 198.18.0.2", "8.8.8.8 c6120003", "udp ConnectionRefusedError",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in:\n%s", want, out)
			}
		}
	})
}

// A server inside can be reached from outside through the box alone.
func TestBoxDial(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	b := newBox(t, Config{})
	if _, err := b.Dial(8000); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	sh(t, b, `exec python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 8000))
while True:
    c, _ = s.accept(); c.sendall(b"hello " + c.recv(10)); c.close()'`)
	var c net.Conn
	var err error
	for range 1000 {
		if c, err = b.Dial(8000); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "you")
	if text, _ := io.ReadAll(c); string(text) != "hello you" {
		t.Errorf("%q", text)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:8000"); err == nil {
		t.Error("it listens outside too")
	}
}

func BenchmarkBox(b *testing.B) {
	for b.Loop() {
		box, err := Start(Config{Ports: []int{80, 443}})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		box.Close()
		b.StartTimer()
	}
}
