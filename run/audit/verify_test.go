package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestChainAsDocumented verifies a log with nothing but what the package's description says.
func TestChainAsDocumented(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, &Record{Event: RunStart}, sample(), &Record{Event: Refused, Reason: `","chain":"00"}`}, &Record{Event: RunEnd})
	text, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	chain := sha256.Sum256([]byte("agentguard audit 1\nrun-1"))
	for n, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		i := strings.LastIndex(line, `,"chain"`)
		chain = sha256.Sum256([]byte(string(chain[:]) + line[:i] + "}"))
		var m struct {
			Seq   int
			Chain string
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m.Seq != n+1 || m.Chain != hex.EncodeToString(chain[:]) {
			t.Errorf("line %d: seq %d, chain %s, want %x", n+1, m.Seq, m.Chain, chain)
		}
	}
	anchor, err := os.ReadFile(anchorPath(l.Path(), l.opts.AnchorDir))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, word := range []string{"written", "writing"} {
		line := fmt.Sprintf("agentguard-anchor-2 %s %020d %x ", word, 4, chain)
		want += fmt.Sprintf("%s%08x\n", line, crc32.ChecksumIEEE([]byte(line)))
	}
	if string(anchor) != want {
		t.Errorf("anchor %q, want %q", anchor, want)
	}
}

// forge gives line n another reason, with a chain that follows from line n-1.
func forge(lines [][]byte, n int, seq uint64) []byte {
	prev := genesis("run-1")
	if n > 1 {
		prev, _ = statedChain(bytes.TrimSuffix(lines[n-2], []byte{'\n'}))
	}
	l := Log{last: head{seq - 1, prev}}
	l.encode(&Record{Seq: seq, Event: Sent, RunID: "run-1", Reason: "forged"})
	return bytes.Clone(l.enc.b[sha256.Size:])
}

func TestTampering(t *testing.T) {
	type lines = [][]byte
	edit := func(n int, from, to string) func(lines) lines {
		return func(ls lines) lines {
			changed := bytes.Replace(ls[n-1], []byte(from), []byte(to), 1)
			if bytes.Equal(changed, ls[n-1]) {
				panic("nothing changed")
			}
			ls[n-1] = changed
			return ls
		}
	}
	insert := func(n int, line func(lines) []byte) func(lines) lines {
		return func(ls lines) lines {
			return append(append(append(lines{}, ls[:n-1]...), line(ls)), ls[n-1:]...)
		}
	}
	cases := map[string]struct {
		tamper func(lines) lines
		want   []string // "line: what", in order; nothing else
	}{
		"untouched":               {func(ls lines) lines { return ls }, nil},
		"altered":                 {edit(4, "POST", "HEAD"), []string{"4: altered"}},
		"altered first":           {edit(1, `"event":"request"`, `"event":"notices"`), []string{"1: altered"}},
		"altered last":            {edit(8, "POST", "HEAD"), []string{"8: altered"}},
		"altered space":           {edit(4, `,"path"`, `, "path"`), []string{"4: altered"}},
		"altered chain":           {edit(4, `"chain":"`, `"chain":"0`), []string{"4: it has no chain", "5: 1 line is missing"}},
		"upper case chain":        {func(ls lines) lines { ls[3] = upperChain(ls[3]); return ls }, []string{"4: it has no chain", "5: 1 line is missing"}},
		"altered, rechained":      {func(ls lines) lines { ls[3] = forge(ls, 4, 4); return ls }, []string{"5: altered"}},
		"altered last, rechained": {func(ls lines) lines { ls[7] = forge(ls, 8, 8); return ls }, []string{"8: not the line that the anchor knows"}},
		"rewritten from the middle": {func(ls lines) lines {
			for n := 4; n <= 8; n++ {
				ls[n-1] = forge(ls, n, uint64(n))
			}
			return ls
		}, []string{"8: not the line that the anchor knows"}},
		"removed":            {func(ls lines) lines { return append(ls[:3], ls[4:]...) }, []string{"4: 1 line is missing before it"}},
		"removed first":      {func(ls lines) lines { return ls[2:] }, []string{"1: 2 lines are missing before it"}},
		"removed last":       {func(ls lines) lines { return ls[:7] }, []string{"8: the end is cut off"}},
		"removed all":        {func(ls lines) lines { return nil }, []string{"1: the end is cut off"}},
		"swapped":            {func(ls lines) lines { ls[3], ls[4] = ls[4], ls[3]; return ls }, []string{"4: inserted or moved", "6: 1 line is missing"}},
		"moved":              {func(ls lines) lines { return append(lines{ls[0], ls[6]}, append(ls[1:6:6], ls[7])...) }, []string{"2: inserted or moved", "8: 1 line is missing"}},
		"doubled":            {insert(4, func(ls lines) []byte { return ls[2] }), []string{"4: a copy of line 3"}},
		"copied to end":      {func(ls lines) lines { return append(ls, ls[1]) }, []string{"9: a copy of line 2"}},
		"inserted":           {insert(4, func(ls lines) []byte { return edit(1, "POST", "HEAD")(lines{bytes.Clone(ls[2])})[0] }), []string{"4: a copy of line 3"}},
		"inserted, chained":  {insert(4, func(ls lines) []byte { return forge(ls, 4, 4) }), []string{"4: inserted or moved"}},
		"wrong seq, chained": {insert(9, func(ls lines) []byte { return forge(ls, 9, 12) }), []string{"9: carries seq 12 where 9 was expected", "9: 4 lines were added"}},
		"inserted junk":      {insert(4, func(lines) []byte { return []byte("{}\n") }), []string{"4: not a record"}},
		"inserted long":      {insert(4, func(lines) []byte { return append(bytes.Repeat([]byte("x"), maxReadLine+5), '\n') }), []string{"4: longer than"}},
		"empty line":         {insert(4, func(lines) []byte { return []byte("\n") }), []string{"4: not a record"}},
		"cut in a line":      {func(ls lines) lines { return append(ls[:6], ls[6][:40]) }, []string{"7: the end is cut off"}},
		"added two":          {func(ls lines) lines { ls = append(ls, forge(ls, 9, 9)); return append(ls, forge(ls, 10, 10)) }, []string{"9: 2 lines were added"}},
		"foreign run":        {edit(4, `"run_id":"run-1"`, `"run_id":"run-2"`), []string{"4: of another run, run-2", "4: altered"}},
		"all of other run": {func(ls lines) lines {
			return bytes.SplitAfter(bytes.ReplaceAll(bytes.Join(ls, nil), []byte("run-1"), []byte("run-2")), []byte("\n"))[:1]
		},
			[]string{"0: it holds run run-2", "1: altered", "2: the end is cut off"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			for range 8 {
				r := sample()
				r.Event = Sent
				mustAppend(t, l, r)
			}
			tamper(t, l.Path(), c.tamper)
			wantProblems(t, mustVerify(t, l), c.want)
		})
	}
}

func upperChain(line []byte) []byte {
	i := bytes.LastIndex(line, []byte(chainMember)) + len(chainMember)
	return append(append(bytes.Clone(line[:i]), bytes.ToUpper(line[i:i+64])...), line[i+64:]...)
}

func tamper(t *testing.T, path string, change func([][]byte) [][]byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})
	lines[len(lines)-1] = append(bytes.Clone(lines[len(lines)-1]), '\n')
	if err := os.WriteFile(path, bytes.Join(change(lines), nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantProblems(t *testing.T, rep Report, want []string) {
	t.Helper()
	ok := len(rep.Problems) == len(want)
	for i := 0; ok && i < len(want); i++ {
		p := rep.Problems[i]
		ok = strings.HasPrefix(fmt.Sprintf("%d: %s", p.Line, p.What), want[i])
	}
	if !ok {
		t.Errorf("got  %v\nwant %q", rep.Problems, want)
	}
}

func TestAnchors(t *testing.T) {
	cases := map[string]struct {
		do   func(t *testing.T, anchor string)
		want []string
		note string
	}{
		"missing":       {func(t *testing.T, a string) { os.Remove(a) }, []string{"0: its anchor"}, ""},
		"emptied":       {func(t *testing.T, a string) { os.Truncate(a, 0) }, []string{"0: its anchor cannot be used"}, ""},
		"longer":        {func(t *testing.T, a string) { replace(t, a, "\n", "\n\n") }, []string{"0: its anchor cannot be used"}, ""},
		"edited":        {func(t *testing.T, a string) { replace(t, a, "0004 ", "0003 ") }, []string{"0: its anchor cannot be used"}, ""},
		"swapped lines": {func(t *testing.T, a string) { swap(t, a) }, []string{"0: its anchor cannot be used"}, ""},
		"directory":     {func(t *testing.T, a string) { os.Remove(a); os.Mkdir(a, 0o700) }, []string{"0: its anchor cannot be used"}, ""},

		// What a kill leaves, in the order of the steps.
		"writing torn":            {func(t *testing.T, a string) { anchorFor(t, a, 4, 4); tear(t, a, writing) }, nil, "not whole"},
		"announced, not written":  {func(t *testing.T, a string) { anchorFor(t, a, 4, 4); announce(t, a, 6) }, nil, ""},
		"announced, part written": {func(t *testing.T, a string) { anchorFor(t, a, 1, 4); announce(t, a, 6) }, nil, "3 lines are written without"},
		"announced and written":   {func(t *testing.T, a string) { anchorFor(t, a, 1, 4) }, nil, "3 lines are written without"},
		"written torn":            {func(t *testing.T, a string) { anchorFor(t, a, 4, 4); tear(t, a, written) }, nil, "not whole"},

		// What no kill leaves.
		"not announced":              {func(t *testing.T, a string) { anchorFor(t, a, 3, 3) }, []string{"4: 1 lines were added"}, ""},
		"more than announced":        {func(t *testing.T, a string) { anchorFor(t, a, 1, 3) }, []string{"4: 1 lines were added"}, ""},
		"other than announced":       {func(t *testing.T, a string) { anchorFor(t, a, 1, 1); announce(t, a, 4) }, []string{"4: not the line that the anchor announces"}, ""},
		"added, writing torn":        {func(t *testing.T, a string) { anchorFor(t, a, 3, 4); tear(t, a, writing) }, []string{"4: 1 lines were added"}, "not whole"},
		"cut, written torn":          {func(t *testing.T, a string) { announce(t, a, 6); tear(t, a, written) }, []string{"5: the end is cut off: the anchor knows of 6"}, "not whole"},
		"of another run":             {func(t *testing.T, a string) { both(t, a, head{0, genesis("run-2")}) }, []string{"1: the anchor is of another run"}, ""},
		"of another log":             {func(t *testing.T, a string) { both(t, a, head{4, genesis("x")}) }, []string{"4: not the line that the anchor knows"}, ""},
		"of before the first record": {func(t *testing.T, a string) { both(t, a, head{0, genesis("run-1")}) }, []string{"1: 4 lines were added"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			mustAppend(t, l, sample(), sample(), sample(), sample())
			l.Close()
			c.do(t, anchorPath(l.Path(), l.opts.AnchorDir))
			rep := mustVerify(t, l)
			wantProblems(t, rep, c.want)
			if notes := fmt.Sprint(rep.Notes); (c.note == "") != (len(rep.Notes) == 0) || !strings.Contains(notes, c.note) {
				t.Errorf("notes %s, want %q", notes, c.note)
			}
		})
	}
}

// TestAnotherRunsLog: the log of one run and its anchor, put in the place of another's, are whole, and not that one's.
func TestAnotherRunsLog(t *testing.T) {
	home := t.TempDir()
	good := newLogIn(t, home)
	o := optionsIn(home)
	o.RunID = "run-12"
	bad, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	mustAppend(t, good, sample())
	mustAppend(t, bad, sample(), &Record{Event: Refused})
	wantProblems(t, mustVerify(t, bad), nil)
	for _, pair := range [][2]string{{good.Path(), bad.Path()}, {anchorPath(good.Path(), o.AnchorDir), anchorPath(bad.Path(), o.AnchorDir)}} {
		if err := os.Rename(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	wantProblems(t, mustVerify(t, bad), []string{"0: it holds run run-1, of which it does not have the name"})
	elsewhere := filepath.Join(home, "a_copy.jsonl")
	if err := os.Rename(bad.Path(), elsewhere); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(elsewhere, "")
	if err != nil {
		t.Fatal(err)
	}
	wantProblems(t, rep, nil)
}

// TestAnchorCaughtHalfStored: what is torn only for a moment is read again.
func TestAnchorCaughtHalfStored(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample())
	a := anchorPath(l.Path(), l.opts.AnchorDir)
	for _, which := range []int{written, writing} {
		ok := false
		for range 200 { // the mending may be late
			tear(t, a, which)
			var mending sync.WaitGroup
			mending.Go(func() {
				time.Sleep(2 * time.Millisecond)
				l.anchor.store(which, &l.disk)
			})
			a, err := readAnchor(l.Path(), l.opts.AnchorDir)
			mending.Wait()
			if ok = err == nil && !a.torn; ok {
				break
			}
		}
		if !ok {
			t.Errorf("line %d stays torn", which)
		}
	}
}

// FuzzAnchor: what is taken for whole is what would be written.
func FuzzAnchor(f *testing.F) {
	low, high := head{7, genesis("x")}, head{9, genesis("y")}
	whole := high.append(low.append(nil, written), writing)
	f.Add(whole)
	f.Add(append(bytes.Repeat([]byte{'x'}, anchorLine), whole[anchorLine:]...))
	f.Add(append(whole[:anchorLine:anchorLine], whole[:anchorLine]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAnchor(b)
		if err != nil {
			return
		}
		if a.high.seq < a.low.seq {
			t.Errorf("from %d to %d", a.low.seq, a.high.seq)
		}
		isLow := string(a.low.append(nil, written)) == string(b[:anchorLine])
		isHigh := string(a.high.append(nil, writing)) == string(b[anchorLine:])
		if !isLow && !isHigh || a.torn && a.low != a.high {
			t.Errorf("%q was read as %+v", b, a)
		}
	})
}

// anchorFor rewrites the anchor of a log as it is when lines are written up to low and announced up to high.
func anchorFor(t *testing.T, anchor string, low, high uint64) {
	t.Helper()
	dir, _ := Dirs(filepath.Dir(filepath.Dir(filepath.Dir(anchor))))
	text, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(filepath.Base(anchor), anchorExt)+logExt))
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for which, seq := range []uint64{low, high} {
		h := head{seq: seq}
		h.chain, _ = statedChain(bytes.Split(text, []byte{'\n'})[seq-1])
		b = h.append(b, which)
	}
	write(t, anchor, string(b))
}

func both(t *testing.T, anchor string, h head) {
	t.Helper()
	write(t, anchor, string(h.append(h.append(nil, written), writing)))
}

// announce makes the anchor announce lines up to seq that are not those of the log.
func announce(t *testing.T, anchor string, seq uint64) {
	t.Helper()
	b, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	h := head{seq, genesis("never written")}
	write(t, anchor, string(h.append(b[:anchorLine:anchorLine], writing)))
}

// tear leaves a line of the anchor half stored.
func tear(t *testing.T, anchor string, which int) {
	t.Helper()
	b, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	h := head{1 << 40, genesis("never stored")}
	copy(b[which*anchorLine:], h.append(nil, which)[:anchorLine/2])
	write(t, anchor, string(b))
}

func swap(t *testing.T, anchor string) {
	t.Helper()
	b, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	write(t, anchor, string(b[anchorLine:])+string(b[:anchorLine]))
}

func replace(t *testing.T, name, from, to string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, strings.ReplaceAll(string(b), from, to))
}

func TestVerifyWithoutAnchorSaysSo(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample(), sample(), sample())
	tamper(t, l.Path(), func(ls [][]byte) [][]byte { return ls[:2] })
	rep, err := Verify(l.Path(), "")
	if err != nil || len(rep.Problems) > 0 || len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0].What, "cut end would not show") {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestTornLastLineIsNotFatal(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, sample(), sample())
	tornEnd(t, l.Path())
	rep := mustVerify(t, l)
	wantProblems(t, rep, []string{"3: it was added: the anchor announces nothing after 2"})
	announce(t, anchorPath(l.Path(), l.opts.AnchorDir), 3) // as whoever is killed while he writes it has done
	rep = mustVerify(t, l)
	if !rep.Torn || len(rep.Problems) > 0 || rep.Records != 2 {
		t.Errorf("%+v", rep)
	}
	// The writer itself goes on over it.
	mustAppend(t, l, sample())
	wantClean(t, l, 3)
}

func TestVerifyNonsense(t *testing.T) {
	l := newLog(t)
	l.Close()
	text := bytes.Repeat([]byte(`{"seq":7,"timestamp":"2026-01-02T03:04:05Z","event":"x","run_id":"r","chain":"`+strings.Repeat("00", 32)+"\"}\nnonsense\n"), 5000)
	if err := os.WriteFile(l.Path(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	rep := mustVerify(t, l)
	if rep.Records != 10000 || len(rep.Problems) != maxProblems || rep.More < 9000 {
		t.Errorf("%d records, %d problems, %d more", rep.Records, len(rep.Problems), rep.More)
	}
}

func TestVerifyTakesOnlyFiles(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/dev/zero", filepath.Join(t.TempDir(), "none")} {
		if _, err := Verify(path, ""); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}
