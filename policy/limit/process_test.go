package limit

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What processes of the test ask for at the same time.
var (
	shared = Take{"agent/allow.x/shared", Rate{300, time.Hour}, 1}
	busy   = Take{"agent/allow.x/*", Rate{MaxPermits, time.Second}, 1}
)

// TestMain lets the test binary be run again as a process that takes until nothing is left, or it is killed.
func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("LIMIT_TEST_N")); err == nil {
		shared.Rate.N = n
	}
	if where := os.Getenv("LIMIT_TEST_TAKE"); where != "" {
		takeAll(where)
	}
	os.Exit(m.Run())
}

// takeAll says "ready", waits for a line on stdin, and says "ok" for each permit that it was given.
func takeAll(where string) {
	s, err := openStore(where)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	for {
		v, err := s.Take(context.Background(), []Take{shared, busy})
		switch {
		case err != nil:
			fmt.Println(err)
			os.Exit(1)
		case v.OK:
			fmt.Println("ok")
		case v.Which == shared:
			os.Exit(0)
		}
	}
}

// openStore opens what a test names: a directory, or an address of Redis.
func openStore(where string) (Store, error) {
	if a, err := ParseAddress(where); err == nil {
		return NewRedis(RedisConfig{Address: a, Timeout: time.Minute}), nil
	}
	f, err := OpenFile(where, "agent", nil)
	if err == nil {
		f.patience = time.Minute // a busy machine is no failure here
	}
	return f, err
}

// taker is one such process.
type taker struct {
	cmd   *exec.Cmd
	in    interface{ Close() error }
	out   *bufio.Scanner
	given int
}

func startTaker(t *testing.T, where string) *taker {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LIMIT_TEST_TAKE="+where)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &taker{cmd, in, bufio.NewScanner(out), 0}
	t.Cleanup(func() { cmd.Process.Kill() })
	if !p.out.Scan() || p.out.Text() != "ready" {
		t.Fatalf("a process says %q", p.out.Text())
	}
	return p
}

// count reads what a process was given until it ends.
func (p *taker) count(t *testing.T) {
	for p.out.Scan() {
		if p.out.Text() != "ok" {
			t.Errorf("a process says %q", p.out.Text())
			return
		}
		p.given++
	}
}

// race lets processes take at the same time, and gives what all of them were given.
func race(t *testing.T, where string, processes int) int {
	t.Helper()
	var all []*taker
	for range processes {
		all = append(all, startTaker(t, where))
	}
	for _, p := range all {
		p.in.Close()
	}
	sum, some := 0, 0
	for _, p := range all {
		p.count(t)
		if err := p.cmd.Wait(); err != nil {
			t.Error(err)
		}
		if sum += p.given; p.given > 0 {
			some++
		}
	}
	t.Logf("%d permits went to %d of %d processes", sum, some, processes)
	return sum
}

// TestProcessesShare: the last permit is given once.
func TestProcessesShare(t *testing.T) {
	for name, where := range map[string]func(*testing.T) string{
		"file":  func(t *testing.T) string { return t.TempDir() },
		"redis": func(t *testing.T) string { return "unix://" + startRedis(t).socket },
	} {
		t.Run(name, func(t *testing.T) {
			if n := race(t, where(t), 4); n != shared.Rate.N {
				t.Errorf("%d of %d permits were given", n, shared.Rate.N)
			}
		})
	}
}

// TestKilledTaker: after kill -9 at any moment the file is as good as before, and nothing that was given is forgotten. At
// most the one permit that was being given is lost.
func TestKilledTaker(t *testing.T) {
	const permits = 8000 // more than are taken before the last kill
	t.Setenv("LIMIT_TEST_N", strconv.Itoa(permits))
	dir := t.TempDir()
	given, kills := 0, 0
	for round := range 40 {
		p := startTaker(t, dir)
		p.in.Close()
		time.AfterFunc(time.Duration(round*137%1500)*time.Microsecond, func() { p.cmd.Process.Kill() })
		p.count(t)
		if p.cmd.Wait() != nil {
			kills++
		}
		given += p.given
	}
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	rest := count(t, s, Take{shared.Key, Rate{permits, time.Hour}, 1})
	t.Logf("%d processes were killed, %d permits given, %d left", kills, given, rest)
	if all := given + rest; all > permits || all < permits-kills {
		t.Errorf("%d of %d permits were given", all, permits)
	}
}

// TestKilledRewriter: what a kill leaves of a file that was being written anew is neither read nor in the way.
func TestKilledRewriter(t *testing.T) {
	dir := t.TempDir()
	f := openIn(t, dir, nil)
	take(t, f, perHour)
	for _, left := range []string{"", "x", strings.Repeat("x", 1<<20)} {
		os.WriteFile(f.path+".new", []byte(left), 0o600)
		f = openIn(t, dir, nil)
		if err := f.rewrite(f.at(f.now()), f.now()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(f.path + ".new"); !os.IsNotExist(err) {
			t.Errorf("the unfinished file is there still: %v", err)
		}
	}
	if n := count(t, openIn(t, dir, nil), perHour); n != 4 {
		t.Errorf("%d permits, want 4", n)
	}
}
