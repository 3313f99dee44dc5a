package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const goodLine = `{"seq":1,"timestamp":"2026-01-02T03:04:05.678Z","event":"notice","reason":"r"}` + "\n"

func TestRead(t *testing.T) {
	long := `{"event":"` + strings.Repeat("x", maxReadLine) + "\"}\n"
	cases := map[string]struct {
		text string
		want int // records
		err  string
	}{
		"nothing":           {"", 0, ""},
		"two":               {goodLine + goodLine, 2, ""},
		"unknown members":   {`{"event":"notice","later":{"a":[1]}}` + "\n", 1, ""},
		"torn":              {goodLine + goodLine[:30], 1, "line 2: torn after 30 bytes"},
		"torn before LF":    {goodLine + strings.TrimSuffix(goodLine, "\n"), 1, "line 2: torn"},
		"only torn":         {"{", 0, "line 1: torn after 1 bytes"},
		"bad in between":    {goodLine + "x\n" + goodLine, 2, "line 2: not a record"},
		"no event":          {"{}\n" + goodLine, 1, "line 1: not a record"},
		"null":              {"null\n" + goodLine, 1, "line 1: not a record"},
		"long":              {goodLine + long + goodLine, 2, "line 2: longer than"},
		"as long as may be": {`{"event":"` + strings.Repeat("x", maxReadLine-len(`{"event":""}`)-1) + "\"}\n" + goodLine, 2, ""},
		"wrong type":        {`{"event":"x","seq":"1"}` + "\n" + goodLine, 1, "line 1: not a record"},
		"bad and torn":      {"x\n{", 0, "line 2: torn"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			n := 0
			err := Read(strings.NewReader(c.text), func(line int, r *Record, raw []byte) error {
				n++
				if bytes.ContainsRune(raw, '\n') || r == nil {
					t.Errorf("line %d: %q", line, raw)
				}
				return nil
			})
			if n != c.want || (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%d records, %v; want %d, %q", n, err, c.want, c.err)
			}
		})
	}
}

func TestReadStops(t *testing.T) {
	stop := errors.New("stop")
	err := Read(strings.NewReader(goodLine+goodLine), func(int, *Record, []byte) error { return stop })
	if err != stop {
		t.Errorf("got %v", err)
	}
	err = Read(io.MultiReader(strings.NewReader(goodLine), iotest.ErrReader(stop)), func(int, *Record, []byte) error { return nil })
	if !errors.Is(err, stop) {
		t.Errorf("a failing reader gave %v", err)
	}
}

// TestReadIsFlat reads 256 MB, half of it one line.
func TestReadIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("needs more than -short's time")
	}
	var before, after runtime.MemStats
	big := io.MultiReader(strings.NewReader(goodLine), io.LimitReader(letters{}, 128<<20), strings.NewReader("\n"+goodLine))
	runtime.ReadMemStats(&before)
	n := 0
	Read(big, func(int, *Record, []byte) error { n++; return nil })
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; n != 2 || grown > 4<<20 {
		t.Errorf("%d records, %d bytes allocated", n, grown)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestMembersAgree(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample(), &Record{Event: RunEnd}, hostile("\x1b\"x"))
	text, _ := os.ReadFile(l.Path())
	for line := range bytes.Lines(text) {
		fast, ok := leadingMembers(line)
		if strings.Contains(string(line), `\u001b`) == ok {
			t.Errorf("%.80s: taken %v", line, ok)
		}
		slow, _ := readMembers(bytes.Replace(line, []byte(`"seq":`), []byte(`"seq": `), 1))
		if ok && (fast.Seq != slow.Seq || fast.Event != slow.Event || fast.RunID != slow.RunID || !fast.Time.Equal(slow.Time)) {
			t.Errorf("%+v and %+v", fast, slow)
		}
	}
}

func FuzzRead(f *testing.F) {
	l := newLog(f)
	mustAppend(f, l, sample(), hostile("a"), &Record{Event: RunEnd})
	text, err := os.ReadFile(l.Path())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[:2000])
	f.Add([]byte(goodLine + goodLine[:20]))
	f.Add([]byte(`{"event":"x","stages_us":{"a":1,"b\"":2.5},"detail":{"k":"v"}}` + "\n\n\x00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		last, records := 0, 0
		Read(bytes.NewReader(text), func(line int, r *Record, raw []byte) error {
			if line <= last {
				t.Fatalf("line %d after %d", line, last)
			}
			last, records = line, records+1
			if shown := r.Line(nil); SafeText(shown) != shown {
				t.Fatalf("%q is not safe to print", shown)
			}
			if m, ok := leadingMembers(raw); ok && m.Event == "" {
				t.Fatalf("%q: no event", raw)
			}
			return nil
		})
		name := filepath.Join(t.TempDir(), "x"+logExt)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		rep, err := Verify(name, "")
		if err != nil || rep.Records != bytes.Count(text, []byte{'\n'}) {
			t.Fatalf("%d records, %v", rep.Records, err)
		}
		readRun(name)
	})
}

// follow runs Follow and gives what it hands out.
func follow(t *testing.T, path string) (records chan *Record, done chan error, cancel func()) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	records, done = make(chan *Record, 100), make(chan error, 1)
	go func() {
		done <- Follow(ctx, path, func(r *Record) error { records <- r; return nil })
	}()
	return records, done, cancel
}

func TestFollow(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, &Record{Event: RunStart})
	records, done, cancel := follow(t, l.Path())
	defer cancel()
	if r := <-records; r.Event != RunStart {
		t.Fatalf("first %v", r.Event)
	}
	mustAppend(t, l, sample())
	if r := <-records; r.Seq != 2 {
		t.Fatalf("second has seq %d", r.Seq)
	}
	mustAppend(t, l, &Record{Event: RunEnd})
	if r := <-records; r.Event != RunEnd {
		t.Fatalf("third %v", r.Event)
	}
	if err := <-done; err != nil {
		t.Errorf("after run.end: %v", err)
	}
}

// A run that was killed writes no end, and nobody waits for one.
func TestFollowEndsWithTheWriter(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("who writes is not marked there")
	}
	l := newLog(t)
	mustAppend(t, l, &Record{Event: RunStart})
	records, done, cancel := follow(t, l.Path())
	defer cancel()
	<-records
	select {
	case err := <-done:
		t.Fatalf("while it is written: %v", err)
	case <-time.After(3 * heldEvery * followEvery):
	}
	mustAppend(t, l, sample())
	l.Close()
	if r := <-records; r.Seq != 2 {
		t.Fatalf("second has seq %d", r.Seq)
	}
	if err := <-done; err != ErrNoEnd {
		t.Errorf("after the writer: %v", err)
	}
}

func TestFollowWaitsForATornLine(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, &Record{Event: RunStart})
	half, err := os.OpenFile(l.Path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	half.WriteString(`{"seq":2,"timestamp":"2026-`)
	records, done, cancel := follow(t, l.Path())
	defer cancel()
	<-records
	time.Sleep(3 * followEvery)
	if len(records) > 0 {
		t.Fatal("half a line was handed out")
	}
	mustAppend(t, l, &Record{Event: Refused, Reason: "whole"}) // over the half one
	if r := <-records; r.Reason != "whole" {
		t.Errorf("got %+v", r)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFollowPassesOver(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.jsonl")
	text := "junk\n" + strings.Repeat("x", 5*maxLine) + "\n" + goodLine + `{"event":"run.end"}` + "\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	records, done, cancel := follow(t, name)
	defer cancel()
	if err := <-done; err != nil || len(records) != 2 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

func TestRuns(t *testing.T) {
	o := optionsIn(t.TempDir())
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o.Now = func() time.Time { return now }
	for i, end := range []bool{true, false, true} {
		o.RunID = []string{"z", "y", "x"}[i]
		l, err := Create(o)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, &Record{Event: RunStart})
		for range 3 {
			mustAppend(t, l, &Record{Event: Sent, Reason: `"event":"refused"`}, &Record{Event: Ended})
		}
		mustAppend(t, l, &Record{Event: Refused})
		now = now.Add(time.Minute)
		if end {
			mustAppend(t, l, &Record{Event: RunEnd})
		} else {
			tornEnd(t, l.Path())
		}
		l.Close()
	}
	write(t, filepath.Join(o.Dir, "notes.txt"), "x")
	write(t, filepath.Join(o.Dir, "empty.jsonl"), "")
	write(t, filepath.Join(o.Dir, "junk.jsonl"), "junk\n")
	symlink(t, "/dev/zero", filepath.Join(o.Dir, "link.jsonl"))
	runs, err := Runs(o.Dir)
	if err != nil || len(runs) != 3 {
		t.Fatalf("%+v, %v", runs, err)
	}
	for i, want := range []string{"x", "y", "z"} {
		r := runs[i]
		if r.RunID != want || r.AgentID != "bot" || r.Requests != 3 || r.Denied != 1 || r.Start.IsZero() {
			t.Errorf("run %d: %+v", i, r)
		}
	}
	if runs, err := Runs(filepath.Join(o.Dir, "none")); runs != nil || err != nil {
		t.Errorf("a missing directory: %v, %v", runs, err)
	}
}

func tornEnd(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"seq":9,"event":"run.end"`)
	f.Close()
}

func TestLost(t *testing.T) {
	home := t.TempDir()
	l := newLogIn(t, home)
	mustAppend(t, l, sample())
	if lost, err := Lost(l.opts.Dir, l.opts.AnchorDir); err != nil || len(lost) > 0 {
		t.Errorf("nothing is lost: %v, %v", lost, err)
	}
	l.Close()
	for what, hurt := range map[string]func() error{
		"emptied": func() error { return os.Truncate(l.Path(), 0) },
		"garbage": func() error { return os.WriteFile(l.Path(), []byte("no\nlog\n"), 0o600) },
		"a link":  func() error { os.Rename(l.Path(), l.Path()+"~"); return os.Symlink(l.Path()+"~", l.Path()) },
	} {
		text, _ := os.ReadFile(l.Path())
		if err := hurt(); err != nil {
			t.Fatal(err)
		}
		if lost, err := Lost(l.opts.Dir, l.opts.AnchorDir); err != nil || len(lost) != 1 {
			t.Errorf("%s: lost %v, %v", what, lost, err)
		}
		os.Remove(l.Path())
		os.WriteFile(l.Path(), text, 0o600)
	}
	os.Remove(l.Path())
	if lost, err := Lost(l.opts.Dir, l.opts.AnchorDir); err != nil || len(lost) != 1 || lost[0] != l.Path() {
		t.Errorf("lost %v, %v", lost, err)
	}
}
