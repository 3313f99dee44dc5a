package audit

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	done := sample()
	done.Time = at
	for _, c := range []struct {
		r    *Record
		want string
	}{
		{done, "03:04:05.678 <allow>allow </>  create_pr repo:myorg/myrepo  POST api.github.com:443/repos/myorg/myrepo/pulls  " +
			"-> 201, 21.0 kB, 123.5 ms, 1 scrubbed  [allow.open-prs, github-token]"},
		{&Record{Time: at, Event: Refused, Effect: Deny, Action: "delete_repo", Resource: "repo:a/b", Rule: "deny.dangerous",
			Request: Request{Method: "DELETE", Authority: "api.github.com:443", Path: "/repos/a/b"}, Reason: "Action delete_repo is denied"},
			"03:04:05.678 <deny>deny  </>  delete_repo repo:a/b  DELETE api.github.com:443/repos/a/b  [deny.dangerous]  Action delete_repo is denied"},
		{&Record{Time: at, Event: RunStart, RunID: "r1", AgentID: "bot", Detail: map[string]string{"policy": "ab", "isolation": "env"}},
			"03:04:05.678 <>start </>  run r1  agent bot  isolation=env  policy=ab"},
		{&Record{Time: at, Event: RunEnd, Requests: 3, Denied: 1}, "03:04:05.678 <>end   </>  3 sent, 1 refused"},
		{&Record{Time: at, Event: RunEnd, Requests: 1, Detail: map[string]string{"requests": "2", "denied": "1", "exit_code": "3"}}, "03:04:05.678 <>end   </>  1 sent, 0 refused  exit_code=3"},
		{&Record{Time: at, Event: Sent, Effect: Allow, Rule: "allow.x"}, "03:04:05.678 <allow>allow </>  -> sent  [allow.x]"},
		{&Record{Time: at, Event: "another", Reason: "of a kind to come"}, "03:04:05.678 <>another</>  of a kind to come"},
		{&Record{Time: at, Event: Ended, Effect: Error, Response: Response{Error: "peer went away"}, DurationMS: 2},
			"03:04:05.678 <error>error </>  -> 0 B, 2.0 ms, error: peer went away"},
		{&Record{Time: at, Event: Ended, Effect: Allow, Response: Response{Status: 201, Result: Result{{"number", "42", true}, {"html_url", "https://x/\x1b", false}}}},
			`03:04:05.678 <allow>allow </>  -> 201, 0 B, 0.0 ms, number 42, html_url https://x/\x1b`},
	} {
		got := c.r.Line(func(effect, s string) string { return "<" + effect + ">" + s + "</>" })
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestLineIsSafeAndShort(t *testing.T) {
	for _, s := range []string{"\x1b[2J\x1b]0;x\x07", "\u202e\u2066", "\n\r\t", "\xff\xfe", "\u2028", "\U000e0041"} {
		r := hostile(strings.Repeat(s, 1<<16))
		r.Detail = map[string]string{s: s}
		line := r.Line(nil)
		if SafeText(line) != line || strings.ContainsAny(line, "\n\x1b") {
			t.Errorf("%q: not safe: %.200q", s, line)
		}
		if n := utf8.RuneCountInString(line); n > (10*showText+showFields*(showWord+showText))*15 {
			t.Errorf("%q: %d characters", s, n)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_960: "1.0 MB", 1 << 30: "1.1 GB", 1<<63 - 1: "9.2 EB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}
