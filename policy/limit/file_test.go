package limit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

var perHour = Take{"agent/allow.x/create_pr", Rate{5, time.Hour}, 1}

func openIn(t testing.TB, dir string, now func() Reading) *File {
	t.Helper()
	f, err := OpenFile(dir, "agent", now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// count takes until no more fit.
func count(t *testing.T, s Store, one Take) int {
	t.Helper()
	for n := range 10_000 {
		if !take(t, s, one).OK {
			return n
		}
	}
	t.Fatal("there is no end")
	return 0
}

// wantError wants a refusal that names the file, says what is wrong and what to do.
func wantError(t *testing.T, err error, what, hint string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), what) || !strings.Contains(e.Hint, hint) {
		t.Errorf("%v: want %q with the hint %q", err, what, hint)
	}
}

func TestFileIsShared(t *testing.T) {
	dir := t.TempDir()
	a, b := openIn(t, dir, nil), openIn(t, dir, nil)
	for i := range perHour.Rate.N {
		if v := take(t, []Store{a, b}[i%2], perHour); !v.OK {
			t.Fatal(v)
		}
	}
	for name, s := range map[string]Store{"one": a, "other": b, "third, opened later": openIn(t, dir, nil)} {
		if v := take(t, s, perHour); v.OK || v.Which != perHour || v.Retry <= 59*time.Minute {
			t.Errorf("the %s: %+v", name, v)
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	take(t, openIn(t, dir, nil), perHour)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v: want the counters and their lock", entries, err)
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

// TestFileIsRewritten: what is taken for long leaves a file of bounded length, which says the same to a process that
// knew the one before and to one that did not.
func TestFileIsRewritten(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	a, b := openIn(t, dir, c.reading), openIn(t, dir, c.reading)
	busy, rare := Take{"busy", Rate{10, time.Second}, 1}, Take{"rare", Rate{3, 24 * time.Hour}, 1}
	take(t, a, rare)
	longest := int64(0)
	for i := range 10_000 {
		if v := take(t, []Store{a, b}[i/1000%2], busy); !v.OK {
			t.Fatal(i, v)
		}
		c.advance(100 * time.Millisecond)
		info, err := os.Stat(a.path)
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, info.Size())
	}
	if longest < minRewrite/2 || longest > minRewrite+1000 {
		t.Errorf("the file had up to %d bytes", longest)
	}
	for _, s := range []Store{a, b, openIn(t, dir, c.reading)} {
		if !take(t, s, rare).OK && s == a {
			t.Error("more was counted than was taken")
		}
	}
	if take(t, openIn(t, dir, c.reading), rare).OK {
		t.Error("a permit was lost")
	}
}

// TestFileClock: no one clock frees a permit by being set.
func TestFileClock(t *testing.T) {
	hour := Rate{1, time.Hour}
	base := Reading{Boot: "first", Mono: time.Minute, Wall: time.Unix(1_700_000_000, 0)}
	at := func(boot string, mono, wall time.Duration) Reading {
		return Reading{boot, base.Mono + mono, base.Wall.Add(wall)}
	}
	for _, c := range []struct {
		name string
		now  Reading
		wait time.Duration
	}{
		{"half an hour later", at("first", 30*time.Minute, 30*time.Minute), 30 * time.Minute},
		{"an hour later", at("first", time.Hour, time.Hour), 0},
		{"the wall clock is a year ahead", at("first", time.Minute, 8760*time.Hour), 59 * time.Minute},
		{"the wall clock is a year back", at("first", time.Hour, -8760*time.Hour), 0},
		{"started again, half an hour later", at("second", -time.Minute, 30*time.Minute), 30 * time.Minute},
		{"started again, an hour later", at("second", -time.Minute, time.Hour), 0},
		{"started again, the wall clock is a year back", at("second", 2*time.Hour, -8760*time.Hour), time.Hour},
		{"no clock but the wall's", at("", 0, 45*time.Minute), 15 * time.Minute},
		{"the same start, its clock went back", at("first", -30*time.Second, 2*time.Hour), time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			take(t, openIn(t, dir, func() Reading { return base }), Take{"k", hour, 1})
			now := c.now
			v := take(t, openIn(t, dir, func() Reading { return now }), Take{"k", hour, 1})
			if v.OK != (c.wait == 0) || v.Retry != c.wait {
				t.Fatalf("%+v, want %v", v, c.wait)
			}
			// From here on time passes as ever, for a process that was there and for one that comes.
			now.Mono, now.Wall = now.Mono+time.Hour, now.Wall.Add(time.Hour)
			if v := take(t, openIn(t, dir, func() Reading { return now }), Take{"k", hour, 1}); !v.OK {
				t.Fatalf("an hour later: %+v", v)
			}
		})
	}
}

// TestSystemClock: the machine's clock is one for all and tells its start.
func TestSystemClock(t *testing.T) {
	a := Now()
	b := Now()
	if d := b.since(a); d < 0 || d > time.Minute || b.differs(a) || a.Wall.IsZero() {
		t.Errorf("%+v, then %+v", a, b)
	}
	if os.PathSeparator == '/' && (a.Boot == "" || a.Mono <= 0) {
		t.Errorf("%+v: no clock but the wall's", a)
	}
}

// TestTornLine: whatever a kill leaves of the last line, the lines before it count, and it does not.
func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	f := openIn(t, dir, nil)
	take(t, f, perHour)
	before, _ := os.ReadFile(f.path)
	take(t, f, perHour)
	after, _ := os.ReadFile(f.path)
	tails := [][]byte{[]byte("\x00\x00\x00"), bytes.Repeat([]byte("x"), 5000)}
	for n := len(before); n < len(after); n++ {
		tails = append(tails, after[len(before):n])
	}
	for _, tail := range tails {
		torn := append(bytes.Clone(before), tail...)
		for _, known := range []bool{true, false} {
			os.WriteFile(f.path, before, 0o600)
			s := openIn(t, dir, nil)
			os.WriteFile(f.path, torn, 0o600)
			if !known {
				s = openIn(t, dir, nil)
			}
			if n := count(t, s, perHour); n != 4 {
				t.Fatalf("after %d bytes of a line: %d permits, want 4", len(tail), n)
			}
			if n := count(t, openIn(t, dir, nil), perHour); n != 0 {
				t.Fatalf("after %d bytes of a line: %d more for the next process", len(tail), n)
			}
		}
	}
}

// TestDamage: a file that is not what was written is never taken for one that says less.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	f := openIn(t, dir, nil)
	take(t, f, perHour, Take{"agent/allow.x/*", Rate{9, time.Minute}, 2})
	take(t, f, perHour)
	whole, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(whole) - 1 { // without the last line feed the last line is one that was never finished
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(whole)
			bad[i] ^= flip
			os.WriteFile(f.path, bad, 0o600)
			_, err := OpenFile(dir, "agent", nil)
			if wantError(t, err, "agent.limits: line ", "remove it to begin again"); t.Failed() {
				t.Fatalf("byte %d of %d:\n%s", i, len(whole), bad)
			}
		}
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, bad := range map[string][]byte{
		"empty":          {},
		"no line at all": []byte("x"),
		"no end":         lines[0],
		"a line is gone": bytes.Join([][]byte{lines[0], lines[1], lines[3]}, nil),
		"a line twice":   append(bytes.Clone(whole), lines[3]...),
		"zeros":          make([]byte, len(whole)),
		"another's":      []byte("5 of 5\n"),
		"lines swapped":  bytes.Join([][]byte{lines[0], lines[1], lines[3], lines[2]}, nil),
	} {
		os.WriteFile(f.path, whole, 0o600)
		f = openIn(t, dir, nil)
		os.WriteFile(f.path, bad, 0o600)
		_, err := OpenFile(dir, "agent", nil)
		wantError(t, err, "agent.limits: ", "remove it to begin again")
		if v, err := f.Take(context.Background(), []Take{perHour}); err == nil || v.OK {
			t.Errorf("%s: %+v, %v for the process that knew the file", name, v, err)
		}
	}
	os.Remove(f.path)
	if n := count(t, f, perHour); n != 5 {
		t.Errorf("removed as the hint says: %d permits", n)
	}
}

// TestJournalRefuses: lines with a right checksum that this program would not write.
func TestJournalRefuses(t *testing.T) {
	const end = "at\t9\t0\t0\tboot"
	for _, c := range []struct{ body, want string }{
		{"agentguard limits 1\n" + end, ""},
		{"agentguard limits 1\nwindow\tk\t60\t1\t2\n" + end + "\t60\t1\tk", ""},
		{"agentguard limits 2\n" + end, `says "agentguard limits 2"`},
		{end, "says"},
		{"agentguard limits 1\nagentguard limits 1\n" + end, "no known kind"},
		{"agentguard limits 1\n\n" + end, "no known kind"},
		{"agentguard limits 1\n" + end + "\nwindow\tk\t60\t1", "no known kind"},
		{"agentguard limits 1\nwindow\tk\t60\n" + end, "no known kind"},
		{"agentguard limits 1\nwindow\tk\t0\t1\n" + end, `"0" where a number`},
		{"agentguard limits 1\nwindow\tk\t60\t2\t1\n" + end, "earlier time"},
		{"agentguard limits 1\nwindow\tk\t60\t10\n" + end, "earlier time"},
		{"agentguard limits 1\n" + end + "\nat\t8\t0\t0\tboot", "earlier time"},
		{"agentguard limits 1\n" + end + "\t60\t1", "no known kind"},
		{"agentguard limits 1\n" + end + "\t60\t0\tk", `"0" where a number`},
		{"agentguard limits 1\n" + end + "\t60\t-1\tk", `"-1" where a number`},
		{"agentguard limits 1\n" + end + "\t60\t100001\tk", "takes 100001 permits"},
		{"agentguard limits 1\nat\t-1\t0\t0\tboot", `"-1" where a number`},
		{"agentguard limits 1\nat\tx\t0\t0\tboot", `"x" where a number`},
		{"agentguard limits 1\nat\t99999999999999999999\t0\t0\tboot", "where a number"},
		{"agentguard limits 1", "is not whole"},
	} {
		var l lines
		for _, body := range strings.Split(c.body, "\n") {
			l.add([]byte(body))
		}
		j := journal{book: newBook()}
		if err := j.read(l.text); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.body, err, c.want)
		}
	}
}

// TestFileRefusals are the ways in which there may be no counters.
func TestFileRefusals(t *testing.T) {
	t.Run("a directory in its place", func(t *testing.T) {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, "agent.limits"), 0o700)
		_, err := OpenFile(dir, "agent", nil)
		wantError(t, err, "agent.limits", "")
	})
	t.Run("too long", func(t *testing.T) {
		dir := t.TempDir()
		f := openIn(t, dir, nil)
		if err := os.Truncate(f.path, maxJournal+1); err != nil {
			t.Skip(err)
		}
		_, err := f.Take(context.Background(), []Take{perHour})
		wantError(t, err, "longer than 64 MiB", "remove it")
	})
	t.Run("cut off", func(t *testing.T) {
		f := openIn(t, t.TempDir(), nil)
		take(t, f, perHour)
		os.Truncate(f.path, f.size-1)
		_, err := f.Take(context.Background(), []Take{perHour})
		wantError(t, err, "shorter than it was", "remove it")
	})
	t.Run("the lock is held", func(t *testing.T) {
		f := openIn(t, t.TempDir(), nil)
		f.patience = 50 * time.Millisecond
		other := flock.New(f.lock.Path())
		if ok, err := other.TryLock(); !ok {
			t.Fatal(err)
		}
		_, err := f.Take(context.Background(), []Take{perHour})
		wantError(t, err, "another process has held", "end the process")
		other.Unlock()
		if v := take(t, f, perHour); !v.OK {
			t.Error(v)
		}
	})
	t.Run("a name that no file keeps", func(t *testing.T) {
		f := openIn(t, t.TempDir(), nil)
		for _, key := range []string{"", "a\tb", "a\nb"} {
			if v, err := f.Take(context.Background(), []Take{{key, Rate{5, time.Hour}, 1}}); err == nil || v.OK {
				t.Errorf("%q: %+v, %v", key, v, err)
			}
		}
	})
}

// TestFileTakenAway: a run that knows what was taken does not forget it with the file.
func TestFileTakenAway(t *testing.T) {
	dir := t.TempDir()
	f := openIn(t, dir, nil)
	take(t, f, perHour)
	os.Remove(f.path)
	if n := count(t, f, perHour); n != 4 {
		t.Errorf("%d permits after the file was removed, want 4", n)
	}
	if n := count(t, openIn(t, dir, nil), perHour); n != 0 {
		t.Errorf("%d permits in the file that was made again", n)
	}
}

func FuzzJournal(f *testing.F) {
	var l lines
	l.add([]byte(journalHead))
	l.add([]byte("window\tk\t60\t1\t2"))
	l.entry([]Take{perHour}, 5, Reading{Boot: "b", Mono: 1, Wall: time.Unix(1, 0)})
	f.Add(l.text, true)
	f.Add([]byte(journalHead+"\nat\t1\t2\t3\tb\t60\t1\tk"), false)
	f.Fuzz(func(t *testing.T, text []byte, sealed bool) {
		if !sealed { // past the checksum
			var l lines
			for _, body := range bytes.Split(text, []byte("\n")) {
				l.add(body)
			}
			text = l.text
		}
		j := journal{book: newBook()}
		if j.read(text) != nil {
			return
		}
		now, clocks := j.now, Reading{Boot: "b", Wall: time.Unix(1, 0)}
		again := journal{book: newBook()}
		if err := again.read(j.anew(now, clocks).text); err != nil {
			t.Fatalf("%q is read, and what is written then is not: %v", text, err)
		}
		for key, w := range j.windows {
			live := w.log[w.expired(now-w.per):]
			if len(live) > 0 && fmt.Sprint(again.windows[key].log) != fmt.Sprint(live) {
				t.Fatalf("%q: %v became %v", key, live, again.windows[key])
			}
		}
	})
}

func BenchmarkTakeFile(b *testing.B) {
	f := openIn(b, b.TempDir(), nil)
	takes := []Take{{"agent/allow.x/create_pr", Rate{5000, time.Hour}, 1}, {"agent/allow.x/*", Rate{100_000, time.Second}, 1}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Take(context.Background(), takes); err != nil {
			b.Fatal(err)
		}
	}
}
