package cmd

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// TestForeignTextIsEscaped: nothing that others wrote reaches a terminal as a control sequence or turns text around.
func TestForeignTextIsEscaped(t *testing.T) {
	const hostile = "a\x1b[2Jb\u202ec\x07d\re\x9bf"
	var out, err bytes.Buffer
	u := &ui{out: &answer{to: &out}, err: &err}
	u.say("%s", hostile)
	u.warn("%s", hostile)
	u.fail("%s", hostile)
	u.hint("%s", hostile)
	u.table([][]string{{hostile, "x"}})
	for _, written := range []string{out.String(), err.String()} {
		if written == "" || strings.ContainsAny(written, "\x1b\u202e\x07\r") || strings.Contains(written, "\x9b") {
			t.Errorf("%q", written)
		}
	}
	for _, l := range strings.Split(strings.TrimRight(err.String(), "\n"), "\n") {
		if !strings.HasPrefix(l, "agentguard: ") {
			t.Errorf("a line without prefix: %q", l)
		}
	}
}

// Each line of a text of several has the prefix, so that it can be told from the child's.
func TestEachLineHasThePrefix(t *testing.T) {
	var err bytes.Buffer
	(&ui{err: &err}).fail("one\ntwo\n")
	if got := err.String(); got != "agentguard: error: one\nagentguard: error: two\n" {
		t.Errorf("%q", got)
	}
}

// A directory of ours that is another user's has a way out, which a file of the user's own has not.
func TestUnreadableHomeHasAWayOut(t *testing.T) {
	for path, want := range map[string]bool{"/root/.local/state/agentguard/audit": true, "agentguard.toml": false, "/srv/agentguard": false} {
		var err bytes.Buffer
		p := &program{ui: &ui{err: &err}}
		code, hints := p.explain(fmt.Errorf("keychain: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}))
		if code != ours || (len(hints) > 0) != want {
			t.Errorf("%s: %d, %q", path, code, hints)
		}
	}
}
