package audit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestMain lets the test binary be run again as a process that writes until it is killed.
func TestMain(m *testing.M) {
	if home := os.Getenv("AUDIT_TEST_WRITER"); home != "" {
		writeForever(home)
	}
	os.Exit(m.Run())
}

// writeForever says on stdout the path, and then lines of a kind, a seq and the microseconds since it began: "a" after
// Append returned, "d" after Defer did.
func writeForever(home string) {
	l, err := Create(optionsIn(home))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Path())
	start, only := time.Now(), os.Getenv("AUDIT_TEST_DEFER") != ""
	for i := 0; ; i++ {
		r, kind, take := sample(), "a", l.Append
		if only || i%3 > 0 {
			kind, take = "d", l.Defer
		}
		if err := take(r); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(kind, r.Seq, time.Since(start).Microseconds())
		if only {
			time.Sleep(time.Millisecond)
		}
	}
}

// TestKilledWriter: what Append returned nil for is there after kill -9, with all that was deferred before it, and the
// log is one that Verify accepts.
func TestKilledWriter(t *testing.T) {
	for round := range killRounds(12) {
		home := t.TempDir()
		path, said := killWriter(t, home, time.Duration(1+round*7)*time.Millisecond)
		rep := verifyKilled(t, home, path)
		for _, s := range said {
			if s.kind == "a" && rep.Records < s.seq {
				t.Fatalf("round %d: %d records, %d were promised", round, rep.Records, s.seq)
			}
		}
	}
}

// TestKilledWriterDeferred: without any Append, a kill takes what was deferred in the last 5 ms. The bound is what a
// loaded machine may be late with a timer.
func TestKilledWriterDeferred(t *testing.T) {
	const bound = 250 * time.Millisecond
	t.Setenv("AUDIT_TEST_DEFER", "1")
	for round := range killRounds(3) {
		home := t.TempDir()
		path, said := killWriter(t, home, bound+time.Duration(200+round*7)*time.Millisecond)
		rep := verifyKilled(t, home, path)
		if len(said) == 0 {
			t.Fatal("the writer wrote nothing")
		}
		last, lost := said[len(said)-1], 0
		for _, s := range said {
			if s.seq <= rep.Records {
				continue
			}
			lost++
			if s.at < last.at-bound {
				t.Fatalf("round %d: lost a record that was deferred %v before the end", round, last.at-s.at)
			}
		}
		t.Logf("round %d: %d of %d records lost", round, lost, last.seq)
	}
}

func killRounds(n int) int {
	if testing.Short() {
		return 2
	}
	return n
}

func verifyKilled(t *testing.T, home, path string) Report {
	t.Helper()
	_, anchors := Dirs(home)
	rep, err := Verify(path, anchors)
	if err != nil || len(rep.Problems) > 0 || rep.Complete {
		t.Fatalf("%+v, %v", rep, err)
	}
	return rep
}

type saying struct {
	kind string
	seq  int
	at   time.Duration
}

func killWriter(t *testing.T, home string, after time.Duration) (path string, said []saying) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "AUDIT_TEST_WRITER="+home)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	path = lines.Text()
	time.AfterFunc(after, func() { cmd.Process.Kill() })
	for lines.Scan() {
		var s saying
		var us int64
		if n, _ := fmt.Sscan(lines.Text(), &s.kind, &s.seq, &us); n < 3 || s.seq != len(said)+1 {
			break // killed while it said so
		}
		s.at = time.Duration(us) * time.Microsecond
		said = append(said, s)
	}
	cmd.Wait()
	return path, said
}
