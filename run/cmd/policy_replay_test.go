package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode"

	"agentguard/policy"
	"agentguard/policy/suite"
	"agentguard/run/audit"
)

func replayer(t testing.TB, out io.Writer) *replay {
	t.Helper()
	pol, err := policy.Parse("a.toml", []byte(demoPolicy))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{ui: &ui{out: &answer{to: out}, err: io.Discard}}
	return &replay{program: p, asked: suite.NewReplay(pol), groups: map[group]*tallied{}, verbose: true}
}

const hostileText = `\u001b[2J\u202e\r\nX`

// hostileLog holds what no writer of ours writes: control characters, wrong types, lines without end, a list of a hundred
// thousand actions, numbers that are none.
func hostileLog() string {
	line := `{"event":"refused","agent_id":"%[1]s","action":"%[1]s","resource":"%[1]s","rule":"%[1]s","effect":"%[1]s","reason":"%[1]s",` +
		`"request":{"method":"%[1]s","authority":"%[1]s","path":"%[1]s","query":"%[1]s"},"stages_us":{"decide":1}}` + "\n"
	return fmt.Sprintf(line, hostileText) +
		`{"event":"run.start","run_id":"` + hostileText + `","detail":{"policy":"` + hostileText + `"}}` + "\n" +
		`{"event":"request","request":"GET"}` + "\n[]\nnull\n{}\n" +
		`{"event":"request","timestamp":"9999-12-31T23:59:59Z","request":{"method":"POST","authority":"api.github.com:443","path":"/graphql"},"service":"github","actions":[` +
		strings.Repeat(`"create_pr",`, 80_000) + `"x"],"resource":"repo:myorg/myrepo"}` + "\n" +
		strings.Repeat("x", 3<<20) + "\n" + `{"event":"request"`
}

// TestReplayOfHostileLogs: nothing of a log reaches a terminal as it is, and what is no record is passed over and said.
func TestReplayOfHostileLogs(t *testing.T) {
	var out bytes.Buffer
	r := replayer(t, &out)
	err := r.read("x\x1b.jsonl", strings.NewReader(hostileLog()))
	var line *audit.LineError
	if !errors.As(err, &line) || line.Line != 3 {
		t.Errorf("got %v, want line 3", err)
	}
	if err := r.report(1); err != nil {
		t.Fatal(err)
	}
	harmless(t, out.String())
	if r.requests != 2 {
		t.Errorf("%d requests in\n%s", r.requests, out.String())
	}
}

func harmless(t *testing.T, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }); i >= 0 {
		t.Errorf("%q reaches the terminal", text[i:min(len(text), i+20)])
	}
}

// TestReplayKeepsNothing: a log that is twenty times as long needs no more memory, whatever differs from line to line.
func TestReplayKeepsNothing(t *testing.T) {
	r := replayer(t, io.Discard)
	heap := func(from, to int) uint64 {
		pr, pw := io.Pipe()
		go func() {
			for i := from; i < to; i++ {
				fmt.Fprintf(pw, `{"event":"request","action":"a%[1]d","resource":"repo:o/%[1]d","rule":"allow.%[1]d","request":{"method":"GET","authority":"h%[1]d.example:443","path":"/%[1]d"}}`+"\n", i)
			}
			pw.Close()
		}()
		if err := r.read("log", pr); err != nil {
			t.Fatal(err)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	short := heap(0, 1000)
	long := heap(1000, 20_000)
	if long > short+1<<20 {
		t.Errorf("%d bytes after 1,000 requests, %d after 20,000", short, long)
	}
	if len(r.groups) != maxGroups || r.rest != 20_000-maxGroups || r.narrower != 20_000 {
		t.Errorf("%d rows, %d of other kinds, %d narrower", len(r.groups), r.rest, r.narrower)
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte(hostileLog()[:2000]))
	f.Add([]byte(`{"event":"request","service":"github","action":"create_pr","resource":"repo:myorg/myrepo","request":{"method":"POST","authority":"api.github.com:443","path":"/repos/myorg/myrepo/pulls"}}` + "\n"))
	f.Add([]byte(`{"event":"refused","effect":"limit","rule":"allow.open-prs","reason":"x","stages_us":{"identify":1,"limit":2},"request":{"method":"PATCH","authority":"api.github.com:443","path":"/repos/a/b"}}` + "\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		var out bytes.Buffer
		r := replayer(t, &out)
		r.read("log", bytes.NewReader(log))
		if err := r.report(1); err != nil {
			t.Fatal(err)
		}
		harmless(t, out.String())
		sum := 0
		for _, n := range r.changes {
			sum += n
		}
		if sum != r.requests {
			t.Errorf("%d requests, %d answers", r.requests, sum)
		}
	})
}
