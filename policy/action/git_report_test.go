package action

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// Real git prints each refusal at its ref and exits 1, and nothing has moved.
func TestRefusedPush(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\npush -q origin main\ncommit -q --allow-empty -m two")
	bare := filepath.Join(g.root, "o/r.git")
	before := runGit(t, bare, "for-each-ref")
	g.mu.Lock()
	g.refusal = "Action force_push\x1b[31m is denied\nby rule \"x\""
	g.mu.Unlock()
	for _, args := range []string{"push origin main main:b", "push --force --atomic -o x origin main", "push --quiet origin main:c",
		"-c http.postBuffer=1 push origin main"} {
		out, err := tryGit(w.dir, strings.Fields(args)...)
		if err == nil || err.Error() != "exit status 1" {
			t.Errorf("git %s: %v", args, err)
		}
		if want := `(agentguard: Action force_push [31m is denied by rule "x")`; !strings.Contains(out, "[remote rejected]") || !strings.Contains(out, want) {
			t.Errorf("git %s prints\n%s", args, out)
		}
	}
	if out, _ := tryGit(w.dir, "push", "origin", "main", "main:b"); strings.Count(out, "[remote rejected]") != 2 {
		t.Errorf("not each ref is refused:\n%s", out)
	}
	if after := runGit(t, bare, "for-each-ref"); after != before {
		t.Errorf("moved: %s", after)
	}
}

func TestReportStatus(t *testing.T) {
	plain, err := ReportStatus(pkt(one+" "+two+" refs/heads/x\x00report-status", one+" "+zero+" refs/heads/y"), "no\r\n\u202e\x9b more")
	if want := pkt("unpack ok\n", "ng refs/heads/x agentguard: no more\n", "ng refs/heads/y agentguard: no more\n"); err != nil || !bytes.Equal(plain, want) {
		t.Errorf("%q, %v\nwant %q", plain, err, want)
	}
	banded, err := ReportStatus(pkt(one+" "+two+" refs/heads/x\x00report-status-v2 side-band-64k", one+" "+zero+" refs/heads/y"), "no more")
	if want := pkt("\x01" + string(plain)); err != nil || !bytes.Equal(banded, want) {
		t.Errorf("%q, %v\nwant %q", banded, err, want)
	}
	for name, c := range map[string]struct{ head, err string }{
		"no report":    {string(pkt(one + " " + two + " refs/heads/x\x00side-band-64k")), "did not ask"},
		"no commands":  {"0000", "no commands"},
		"cut off":      {"00", "no commands"},
		"not commands": {"zzzz", "malformed"},
	} {
		if b, err := ReportStatus([]byte(c.head), "no"); b != nil || err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// Refs and reasons of any length fit into pkt-lines, and a long report into bands.
func TestReportStatusOfLongRefs(t *testing.T) {
	ref := "refs/heads/" + strings.Repeat("x", 65_000)
	reason := strings.Repeat("ä long reason ", 100)
	var lines []string
	for _, c := range "abcdefgh" {
		lines = append(lines, one+" "+two+" "+ref+string(c)+strings.Repeat("y", 360))
	}
	lines[0] += "\x00report-status side-band-64k"
	b, err := ReportStatus(pkt(lines...), reason)
	if err != nil {
		t.Fatal(err)
	}
	var report []byte
	for string(b) != "0000" {
		n, err := pktLength(b)
		if err != nil || n > len(b) || b[4] != 1 {
			t.Fatal(n, err)
		}
		report, b = append(report, b[5:n]...), b[n:]
	}
	count := 0
	for string(report) != "0000" {
		n, err := pktLength(report)
		if err != nil || n > len(report) || !utf8.Valid(report[:n]) || report[n-1] != '\n' {
			t.Fatal(n, err)
		}
		report = report[n:]
		count++
	}
	if count != 1+len(lines) {
		t.Errorf("%d lines", count)
	}
	if s := oneLine(reason, 20); len(s) > 20 || !strings.HasSuffix(s, "...") || !utf8.ValidString(s) {
		t.Errorf("%q", s)
	}
}

// Whatever was pushed and for whatever reason it is refused: git reads one line for each ref.
func FuzzReportStatus(f *testing.F) {
	f.Add(pkt(one+" "+two+" refs/heads/x\x00report-status side-band-64k", one+" "+zero+" refs/heads/y"), "no\r\n\u202e more")
	f.Add(pkt(one+" "+two+" refs/heads/x\x00report-status=1\vpush-options"), strings.Repeat("ä", 500))
	f.Fuzz(func(t *testing.T, head []byte, reason string) {
		b, err := ReportStatus(head, reason)
		if err != nil {
			return
		}
		h, _, err := readPushHead(head)
		if err != nil {
			t.Fatal("a report on what cannot be read")
		}
		if h.can("side-band-64k") {
			if b, err = bandOne(b); err != nil {
				t.Fatal(err)
			}
		}
		lines := 0
		for len(b) > 4 {
			line, rest, err := cutPkt(b)
			if err != nil || len(line) == 0 || bytes.IndexByte(line, '\n') != len(line)-1 {
				t.Fatalf("%q, %v", b, err)
			}
			lines, b = lines+1, rest
		}
		if string(b) != "0000" || lines != 1+len(h.commands) {
			t.Fatalf("%d lines for %d refs, then %q", lines, len(h.commands), b)
		}
	})
}

func bandOne(b []byte) (report []byte, err error) {
	for string(b) != "0000" {
		var line []byte
		if line, b, err = cutPkt(b); err != nil || len(line) == 0 || line[0] != 1 {
			return nil, fmt.Errorf("%q, %w", line, err)
		}
		report = append(report, line[1:]...)
	}
	return report, nil
}
