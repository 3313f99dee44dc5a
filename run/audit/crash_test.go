package audit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
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

// writeForever says on stdout the path, and then each seq after Append returned.
func writeForever(home string) {
	l, err := Create(optionsIn(home))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Path())
	for {
		r := sample()
		if err := l.Append(r); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(r.Seq)
	}
}

// TestKilledWriter: what Append returned nil for is there after kill -9, and the log is one that Verify accepts.
func TestKilledWriter(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		home := t.TempDir()
		path, said := killWriter(t, home, time.Duration(1+round*7)*time.Millisecond)
		_, anchors := Dirs(home)
		rep, err := Verify(path, anchors)
		if err != nil || len(rep.Problems) > 0 {
			t.Fatalf("round %d: %+v, %v", round, rep, err)
		}
		if rep.Records < said || rep.Complete {
			t.Errorf("round %d: %d records, %d were promised, complete %v", round, rep.Records, said, rep.Complete)
		}
	}
}

func killWriter(t *testing.T, home string, after time.Duration) (path string, said int) {
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
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // killed while it said so
		}
		if n < said {
			break // likewise: the last digits are missing
		}
		said = n
	}
	cmd.Wait()
	return path, said
}
