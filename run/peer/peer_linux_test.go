//go:build linux

package peer

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"agentguard/run/job"
	"agentguard/run/proc"
	"agentguard/run/reap"
	"agentguard/run/sandbox"
)

func TestPeerPid(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		conn, cmd := connected(t, address, &exec.Cmd{})
		pid, ok := Pid(conn)
		if !ok || !proc.Descends(pid, cmd.Process.Pid) || !proc.Descends(pid, os.Getpid()) {
			t.Errorf("%s: pid %d, %v; want %d or its child", address, pid, ok, cmd.Process.Pid)
		}
		if proc.Descends(os.Getpid(), pid) || proc.Descends(pid, 0) || proc.Descends(0, 0) || proc.Descends(-1, os.Getpid()) {
			t.Error("descends upwards")
		}
	}
}

// connected has a shell open a connection to us, with what like says of its surroundings.
func connected(t *testing.T, address string, like *exec.Cmd) (net.Conn, *exec.Cmd) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("needs %s", address)
	}
	defer ln.Close()
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	cmd := exec.Command(bash, "-c", fmt.Sprintf("exec 5<>/dev/tcp/%s/%s; sleep 120; true", host, port))
	cmd.Env, cmd.Dir, cmd.SysProcAttr = like.Env, like.Dir, like.SysProcAttr
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	ln.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, cmd
}

func TestPeerPidOfOurOwnAndOfNobody(t *testing.T) {
	a, b := loopback(t)
	if pid, ok := Pid(b); !ok || pid != os.Getpid() {
		t.Errorf("our own end is pid %d, %v", pid, ok)
	}
	a.Close()
	if pid, ok := Pid(b); ok {
		t.Errorf("a closed client is pid %d", pid)
	}
	p, q := net.Pipe()
	defer p.Close()
	if _, ok := Pid(q); ok {
		t.Error("a pipe has a pid")
	}
}

// Root sees whose socket it is, however the process hides: another user's is never our own, though it may carry the run's id
// and have made its files in /proc root's.
func TestPeerOfAnotherUser(t *testing.T) {
	a, b := loopback(t)
	if !sameUser(b, nil) {
		t.Error("our own socket is another user's")
	}
	a.Close()
	if sameUser(b, nil) {
		t.Error("a closed socket is ours")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another user")
	}
	conn, _ := connected(t, "127.0.0.1:0", &exec.Cmd{
		Env: []string{"AGENTGUARD_RUN=the-run"}, Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}},
	})
	if pid, ok := Pid(conn); !ok || !reap.CarriesRun(pid, "the-run") {
		t.Errorf("root does not see who is there: %d, %v", pid, ok)
	}
	if sameUser(conn, nil) || OfRun(conn, 1<<30, nil, "the-run") {
		t.Error("another user's process is taken for one of the run")
	}
}

// TestListedSocket: the lists say what the kernel says when it is asked.
func TestListedSocket(t *testing.T) {
	for _, to := range []struct{ listen, network, dial string }{
		{"127.0.0.1:0", "tcp4", "127.0.0.1"}, {"[::1]:0", "tcp6", "::1"}, {"[::]:0", "tcp4", "127.0.0.1"},
	} {
		ln, err := net.Listen("tcp", to.listen)
		if err != nil {
			t.Logf("no %s here", to.listen)
			continue
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		a, err := net.Dial(to.network, net.JoinHostPort(to.dial, port))
		if err != nil {
			t.Fatal(err)
		}
		b, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		client, server, _ := loopbackPair(b)
		asked, err1 := socketOf(client, server)
		read, err2 := listedSocket(client, server)
		if err1 != nil || err2 != nil || asked != read || read.inode == 0 || read.uid != uint32(os.Geteuid()) {
			t.Errorf("%s: asked %v, %v, read %v, %v", to.listen, asked, err1, read, err2)
		}
		a.Close()
		b.Close()
		if end, err := listedSocket(client, server); err == nil {
			t.Errorf("%s: a closed socket is %v", to.listen, end)
		}
	}
}

// TestPeerPidInABox: the process inside is found by its number out here, also where it was on its way to another address.
func TestPeerPidInABox(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	box, err := sandbox.Start(sandbox.Config{Ports: []int{443}})
	if err != nil {
		t.Skip(err)
	}
	defer box.Close()
	_, port, _ := net.SplitHostPort(box.Proxy.Addr().String())
	script := "exec 5<>/dev/tcp/127.0.0.1/" + port + " 6<>/dev/tcp/192.0.2.7/443 7<>/dev/tcp/2001:db8::7/443; sleep 120"
	child, err := box.Exec(sandbox.Command{Path: bash, Argv: []string{"bash", "-c", script}, Dir: "/", Group: job.Own, Files: [3]uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range []net.Listener{box.Proxy, box.Captured[0], box.Captured[0]} {
		l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if pid := PidIn(box, conn); pid != child || !proc.Descends(pid, os.Getpid()) {
			t.Errorf("connection %d to %v is of process %d, want %d", i, conn.LocalAddr(), pid, child)
		}
	}
	_, other := loopback(t)
	if pid := PidIn(box, other); pid != 0 {
		t.Errorf("a connection of ours is of process %d in the box", pid)
	}
	box.Close()
	box.Ask(func(int) { t.Error("a closed box is asked") })
}

func loopback(t testing.TB) (client, server net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func BenchmarkSocketOf(b *testing.B) {
	_, server := loopback(b)
	c, s, _ := loopbackPair(server)
	b.ReportAllocs()
	for range b.N {
		if end, err := socketOf(c, s); err != nil || end.inode == 0 {
			b.Fatal(end, err)
		}
	}
}

// BenchmarkPeerPid finds a client in a grandchild, as a shell tool's curl is.
func BenchmarkPeerPid(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	cmd := exec.Command("bash", "-c", "bash -c 'exec 5<>/dev/tcp/127.0.0.1/"+port+"; read x <&5'; true")
	if err := cmd.Start(); err != nil {
		b.Skip("needs bash")
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	conn, err := ln.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ReportAllocs()
	for b.Loop() {
		if pid, ok := Pid(conn); !ok || !proc.Descends(pid, cmd.Process.Pid) {
			b.Fatalf("pid %d, %v; want a child of %d", pid, ok, cmd.Process.Pid)
		}
	}
}
