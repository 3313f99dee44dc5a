package audit

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func mustDefer(t testing.TB, l *Log, records ...*Record) {
	t.Helper()
	for _, r := range records {
		if err := l.Defer(r); err != nil {
			t.Fatal(err)
		}
	}
}

// linesIn counts the whole lines that are in the file.
func linesIn(t testing.TB, l *Log) int {
	t.Helper()
	text, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte{'\n'})
}

func wantLines(t testing.TB, l *Log, want int) {
	t.Helper()
	if n := linesIn(t, l); n != want {
		t.Errorf("%d lines in the file, want %d", n, want)
	}
}

// TestDeferKeepsThePlace: records are in the order of the calls, whichever they were, and Append's are in the file when
// it returns.
func TestDeferKeepsThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still meanwhile
		l := newLog(t)
		mustAppend(t, l, &Record{Event: Sent, ID: 1})
		mustDefer(t, l, &Record{Event: Ended, ID: 2}, &Record{Event: Refused, ID: 3})
		wantLines(t, l, 1)
		wantClean(t, l, 1)
		mustAppend(t, l, &Record{Event: Sent, ID: 4})
		wantLines(t, l, 4)
		wantClean(t, l, 4)
		end := &Record{Event: RunEnd, ID: 6}
		mustDefer(t, l, &Record{Event: Ended, ID: 5})
		mustAppend(t, l, end)
		wantLines(t, l, 6)
		mustDefer(t, l, &Record{Event: Ended, ID: 7})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		wantClean(t, l, 7)
		for i, r := range readAll(t, l.Path()) {
			if r.ID != uint64(i+1) || r.Seq != r.ID || r.RunID != "run-1" || r.Time.IsZero() {
				t.Errorf("line %d: %+v", i+1, r)
			}
		}
		if end.Requests != 2 || end.Denied != 1 {
			t.Errorf("run.end says %d requests, %d denied", end.Requests, end.Denied)
		}
	})
}

// TestDeferredAreWrittenInTime: 5 ms after the first of them, each time anew.
func TestDeferredAreWrittenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t)
		for round := range 3 {
			mustDefer(t, l, sample())
			time.Sleep(deferFor / 2)
			mustDefer(t, l, sample())
			wantLines(t, l, 2*round)
			time.Sleep(deferFor / 2)
			synctest.Wait()
			wantLines(t, l, 2*round+2)
			wantClean(t, l, 2*round+2)
			time.Sleep(deferFor) // the timer is not left running
			synctest.Wait()
			if l.armed {
				t.Fatal("the timer fires although nothing waits")
			}
		}
	})
}

func TestManyDeferredDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t)
		n := 0
		for ; linesIn(t, l) == 0; n++ {
			if len(l.pending) > flushAt {
				t.Fatalf("%d bytes wait", len(l.pending))
			}
			mustDefer(t, l, sample())
		}
		wantLines(t, l, n)
		wantClean(t, l, n)
	})
}

// breakDisk makes the log's file one that takes nothing, until mend.
func breakDisk(t *testing.T, l *Log) (mend func()) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs /dev/full: ", err)
	}
	t.Cleanup(func() { full.Close() })
	swap := func(f *os.File) *os.File {
		l.mu.Lock()
		defer l.mu.Unlock()
		old := l.file
		l.file = f
		return old
	}
	good := swap(full)
	return func() { swap(good) }
}

// TestDeferredOutliveAFullDisk: they are written once there is space again, by the timer alone, and meanwhile Append
// refuses and leaves no trace.
func TestDeferredOutliveAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t)
		mustAppend(t, l, sample())
		mend := breakDisk(t, l)
		mustDefer(t, l, &Record{Event: Ended, Reason: "kept"})
		time.Sleep(deferFor)
		synctest.Wait()
		if err := l.Defer(&Record{Event: Ended, Reason: "kept too"}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Defer says %v of the ones before", err)
		}
		for range 3 {
			if l.Append(&Record{Event: Sent, Reason: "refused"}) == nil {
				t.Fatal("a line was taken that is nowhere")
			}
		}
		wantClean(t, l, 1)
		mend()
		time.Sleep(retryAfter)
		synctest.Wait()
		wantClean(t, l, 3)
		end := &Record{Event: RunEnd}
		mustDefer(t, l, sample()) // and says nothing of what is over
		mustAppend(t, l, end)
		wantClean(t, l, 5)
		text, _ := os.ReadFile(l.Path())
		if bytes.Count(text, []byte("kept")) != 2 || bytes.Contains(text, []byte("refused")) || end.Requests != 0 {
			t.Errorf("%d requests in %s", end.Requests, text)
		}
	})
}

// TestDeferredAreBounded: where nothing can be written for long, records are dropped, which is said, and the chain goes
// on without them.
func TestDeferredAreBounded(t *testing.T) {
	l := newLog(t)
	mend := breakDisk(t, l)
	kept := 0
	for ; ; kept++ {
		if kept > 10_000 {
			t.Fatal("no end")
		}
		err := l.Defer(sample())
		if err != nil && strings.Contains(err.Error(), "dropped") {
			break
		}
	}
	if n := len(l.pending); n > maxPending+maxLine {
		t.Errorf("%d bytes wait", n)
	}
	if l.Append(sample()) == nil {
		t.Error("a line was taken that is nowhere")
	}
	mend()
	mustAppend(t, l, sample())
	wantClean(t, l, kept+1)
}

// TestLinesAreAnnouncedFirst: when a write fails the anchor knows already what was to be written, and that it is not.
func TestLinesAreAnnouncedFirst(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	breakDisk(t, l)
	l.Defer(sample())
	if l.Append(sample()) == nil {
		t.Fatal("a line was taken that is nowhere")
	}
	a, err := readAnchor(l.Path(), l.opts.AnchorDir)
	if err != nil || a.low.seq != 1 || a.high.seq != 3 || a.torn {
		t.Errorf("written up to %d, announced up to %d, %v", a.low.seq, a.high.seq, err)
	}
	wantClean(t, l, 1)
}

func TestCloseSaysWhatItCouldNotWrite(t *testing.T) {
	l := newLog(t)
	breakDisk(t, l)
	mustDefer(t, l, sample())
	if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
}

func TestDeferAllocates(t *testing.T) {
	l := newLog(t)
	r := sample()
	mustDefer(t, l, r)
	for range 100 { // until the buffer has its size
		mustDefer(t, l, r)
	}
	if n := testing.AllocsPerRun(200, func() { mustDefer(t, l, r) }); n > 1 {
		t.Errorf("Defer allocates %v times", n)
	}
}

// TestFollowSeesDeferred: a person who watches sees what was deferred at once, which is 10 ms and what the machine adds.
func TestFollowSeesDeferred(t *testing.T) {
	l := newLog(t)
	records, _, cancel := follow(t, l.Path())
	defer cancel()
	best := time.Hour
	for n := 0; n < 10 || n < 500 && best > 40*time.Millisecond; n++ { // a busy machine seldom has time
		start := time.Now()
		mustDefer(t, l, sample())
		<-records
		best = min(best, time.Since(start))
	}
	if best > 40*time.Millisecond {
		t.Errorf("seen after %v at best", best)
	}
}
