package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// newLog makes a log in a directory of its own.
func newLog(t testing.TB) *Log {
	t.Helper()
	return newLogIn(t, t.TempDir())
}

func newLogIn(t testing.TB, home string) *Log {
	t.Helper()
	l, err := Create(optionsIn(home))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func optionsIn(home string) Options {
	dir, anchors := Dirs(home)
	return Options{Dir: dir, AnchorDir: anchors, RunID: "run-1", AgentID: "bot"}
}

func mustAppend(t testing.TB, l *Log, records ...*Record) {
	t.Helper()
	for _, r := range records {
		if err := l.Append(r); err != nil {
			t.Fatal(err)
		}
	}
}

func mustVerify(t testing.TB, l *Log) Report {
	t.Helper()
	rep, err := Verify(l.Path(), l.opts.AnchorDir)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func wantClean(t testing.TB, l *Log, records int) Report {
	t.Helper()
	rep := mustVerify(t, l)
	if rep.Records != records || len(rep.Problems) > 0 || rep.Torn {
		t.Fatalf("want %d records and no problem, got %+v", records, rep)
	}
	return rep
}

func readAll(t testing.TB, path string) (all []*Record) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Read(f, func(_ int, r *Record, _ []byte) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAppendReadsBack(t *testing.T) {
	l := newLog(t)
	at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.FixedZone("", 3600))
	full := sample()
	full.Time, full.Actions, full.Reason = at, []string{"create_pr", "add_comment"}, "because"
	full.Detail = map[string]string{"b": "2", "a": "1"}
	full.Request.Query, full.Response.Error = "a=b", "peer went away"
	mustAppend(t, l, &Record{Event: RunStart, Time: at}, full, &Record{Event: RunEnd, Time: at})
	got := readAll(t, l.Path())
	full.Time = at.UTC()
	if !reflect.DeepEqual(got[1], full) {
		t.Errorf("got  %+v\nwant %+v", got[1], full)
	}
	if full.Seq != 2 || full.RunID != "run-1" {
		t.Errorf("Append left seq %d, run %q", full.Seq, full.RunID)
	}
	if got[0].AgentID != "bot" {
		t.Errorf("agent %q, want the log's", got[0].AgentID)
	}
	if rep := wantClean(t, l, 3); !rep.Complete || !rep.First.Equal(at) || rep.RunID != "run-1" {
		t.Errorf("report %+v", rep)
	}
}

func TestGuideFields(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	raw, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"timestamp":"`, `"agent_id":"github-pr-creator-001"`, `"action":"create_pr"`, `"service":"github"`, `"resource":"repo:myorg/myrepo"`,
		`"credential_used":"github-token"`, `"request":{"method":"POST"`, `"path":"/repos/myorg/myrepo/pulls"`, `"body_hash":"sha256:9f86`,
		`"response":{"status":201`, `"duration_ms":123.456`, `"ip_address":"127.0.0.1"`, `"stages_us":{"identify":0.412,"decide":0.73,`,
	} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
}

func TestRunEndCounts(t *testing.T) {
	l := newLog(t)
	end := &Record{Event: RunEnd}
	mustAppend(t, l, &Record{Event: Sent}, &Record{Event: Ended}, &Record{Event: Sent}, &Record{Event: Refused}, end)
	if end.Requests != 2 || end.Denied != 1 {
		t.Errorf("run.end says %d requests, %d denied", end.Requests, end.Denied)
	}
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix permissions")
	}
	home := t.TempDir()
	o := optionsIn(home)
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	l := newLogIn(t, home)
	for path, want := range map[string]os.FileMode{
		o.Dir: 0o700, o.AnchorDir: 0o700, l.Path(): 0o600, anchorPath(l.Path(), o.AnchorDir): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s is %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	fixed := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	cases := map[string]struct {
		prepare func(t *testing.T, o *Options)
		want    string
	}{
		"empty run id":        {func(_ *testing.T, o *Options) { o.RunID = "" }, "is no run id"},
		"run id with path":    {func(_ *testing.T, o *Options) { o.RunID = "../x" }, "is no run id"},
		"run id with escapes": {func(_ *testing.T, o *Options) { o.RunID = "a\x1b[2J" }, `\x1b`},
		"linked directory": {func(t *testing.T, o *Options) {
			symlink(t, t.TempDir(), o.Dir)
		}, "symbolic link"},
		"linked anchors": {func(t *testing.T, o *Options) {
			symlink(t, t.TempDir(), o.AnchorDir)
		}, "symbolic link"},
		"file for a directory": {func(t *testing.T, o *Options) {
			write(t, o.Dir, "")
		}, "not a directory"},
		"existing log": {func(t *testing.T, o *Options) {
			o.Now = fixed
			write(t, filepath.Join(o.Dir, fileName(*o)), "")
		}, string(filepath.Separator) + filepath.Join("agentguard", "audit", "20")}, // by its whole path
		"linked log": {func(t *testing.T, o *Options) {
			o.Now = fixed
			symlink(t, filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(o.Dir, fileName(*o)))
		}, "exists"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := optionsIn(t.TempDir())
			c.prepare(t, &o)
			_, err := Create(o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(o.AnchorDir, "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, name); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNamesSortByTime(t *testing.T) {
	o := optionsIn(t.TempDir())
	o.AgentID = "../ev il\x1b/" + strings.Repeat("x", 200)
	var names []string
	for _, ms := range []int{0, 1, 1000, 60_000, 86_400_000} {
		o.Now = func() time.Time {
			return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
		}
		l, err := Create(o)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if filepath.Dir(l.Path()) != o.Dir {
			t.Errorf("%s is outside of %s", l.Path(), o.Dir)
		}
		names = append(names, l.Path())
	}
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			t.Errorf("%s does not sort before %s", names[i-1], names[i])
		}
	}
}

func TestNilAndClosedLogRefuse(t *testing.T) {
	var none *Log
	if none.Append(&Record{Event: Sent}) == nil || none.Defer(&Record{Event: Ended}) == nil || none.Close() != nil {
		t.Error("a nil log took a record")
	}
	if new(Log).Append(&Record{Event: Sent}) == nil || new(Log).Defer(&Record{Event: Ended}) == nil {
		t.Error("a zero log took a record")
	}
	l := newLog(t)
	l.Close()
	if err := l.Append(&Record{Event: Sent}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed log says %v", err)
	}
	if err := l.Defer(&Record{Event: Ended}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed log says %v", err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	l := newLog(t)
	const writers, each = 16, 200
	done := make(chan struct{})
	go func() { // a reader that verifies all the while finds nothing
		defer close(done)
		for range 20 {
			if rep := mustVerify(t, l); len(rep.Problems) > 0 {
				t.Errorf("while writing: %+v", rep)
			}
		}
	}()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r := sample()
				r.ID = uint64(w*each + i)
				take := l.Append
				if i%2 == 1 {
					take = l.Defer
				}
				if err := take(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	<-done
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	wantClean(t, l, writers*each)
	seen := map[uint64]bool{}
	for _, r := range readAll(t, l.Path()) {
		seen[r.ID] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d exchanges on record, want %d", len(seen), writers*each)
	}
}

func TestClockGoingBack(t *testing.T) {
	home := t.TempDir()
	o := optionsIn(home)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o.Now = func() time.Time { now = now.Add(-time.Hour); return now }
	l, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mustAppend(t, l, &Record{Event: RunStart}, &Record{Event: Sent}, &Record{Event: RunEnd})
	rep := wantClean(t, l, 3)
	if len(rep.Notes) != 1 || rep.Notes[0].Line != 2 || !strings.Contains(rep.Notes[0].What, "clock went back by 1h") {
		t.Errorf("notes %v", rep.Notes)
	}
}

// TestRequestsThatWaited: a request is recorded with the time that it came, and may have waited while others went on.
func TestRequestsThatWaited(t *testing.T) {
	l := newLog(t)
	came := l.opts.Now().Add(time.Minute).Truncate(time.Second)
	mustAppend(t, l, &Record{Event: RunStart}, &Record{Event: Refused, Time: came.Add(time.Minute)}, &Record{Event: Refused, Time: came},
		&Record{Event: Sent, Time: came.Add(time.Second)}, &Record{Event: RunEnd, Time: came.Add(time.Hour)})
	if rep := wantClean(t, l, 5); len(rep.Notes) != 0 || !rep.Last.Equal(came.Add(time.Hour)) {
		t.Errorf("notes %v, last %v", rep.Notes, rep.Last)
	}
}

func TestAppendAllocates(t *testing.T) {
	l := newLog(t)
	r := sample()
	mustAppend(t, l, r)
	if n := testing.AllocsPerRun(100, func() { mustAppend(t, l, r) }); n > 1 {
		t.Errorf("Append allocates %v times", n)
	}
}

// hostile fills every field with s.
func hostile(s string) *Record {
	r := &Record{
		Event: Event(s), AgentID: s, Owner: s, ID: 1<<64 - 1, Service: s, Action: s, Resource: s, Rule: s, Effect: s, Reason: s,
		Credential: s, Request: Request{s, s, s, s, s, s, s, -1 << 63}, Response: Response{Status: -1 << 63, Bytes: -1 << 63, Scrubbed: -1 << 63, Error: s},
		DurationMS: 999999999999, Pid: -1 << 63, IPAddress: s, Transport: s, Requests: 1<<64 - 1, Denied: 1<<64 - 1, Detail: map[string]string{},
	}
	for i := range 500 {
		r.Actions, r.Resources = append(r.Actions, s), append(r.Resources, s)
		r.Operations = append(r.Operations, -1<<63, -1<<63, -1<<63)
		r.Stages = append(r.Stages, Stage{s, 1<<63 - 1})
		r.Response.Result = append(r.Response.Result, Field{s, s, i%2 == 0})
		r.Detail[fmt.Sprint(i)+s[:min(len(s), 4096)]] = s
	}
	return r
}

func TestLinesAreBoundedAndSafe(t *testing.T) {
	l := newLog(t)
	units := []string{"a", "\x00", "\x1b[2J", "\u202e", "\u2028", "\xff", `"`, `\`, "é", "日", "😀", "\U000e0041", "\r\n", "\u200b", "\u0085", "</script>"}
	for _, u := range units {
		mustAppend(t, l, hostile(strings.Repeat(u, 1<<20/len(u))))
	}
	raw, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(raw, []byte{'\n'})
	for i, line := range lines[:len(lines)-1] {
		if len(line) > maxLine {
			t.Errorf("%q: line of %d bytes", units[i], len(line))
		}
		if !json.Valid(line) {
			t.Errorf("%q: not JSON", units[i])
		}
		if text := string(line[:len(line)-1]); SafeText(text) != text {
			t.Errorf("%q: the raw line is not safe to print", units[i])
		}
		if !bytes.Contains(line, []byte("...[cut ")) {
			t.Errorf("%q: no mark of the cut", units[i])
		}
	}
	wantClean(t, l, len(units))
	if len(lines)-1 != len(units) {
		t.Errorf("%d lines for %d records", len(lines)-1, len(units))
	}
}
