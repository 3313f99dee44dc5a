package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentguard/run"
	"agentguard/run/sandbox"
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
	home := t.TempDir()
	in := func(path string) string { return filepath.Join(home, filepath.FromSlash(path)) }
	for path, want := range map[string]bool{
		"/root/.local/state/agentguard/audit": true, in(".local"): true, in(".local/share/agentguard"): true, in(".local/sh"): false,
		in("work"): false, "agentguard.toml": false, "/srv/agentguard": false,
	} {
		var err bytes.Buffer
		p := &program{ui: &ui{err: &err}, env: environment{"HOME=" + home, "USERPROFILE=" + home}}
		code, hints := p.explain(fmt.Errorf("keychain: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}))
		if code != ours || (len(hints) > 0) != want {
			t.Errorf("%s: %d, %q", path, code, hints)
		}
	}
}

// TestNowhere: who has no home directory is told so. What lies in the working directory is not taken for the record of runs, and
// no file without a name is said to be used.
func TestNowhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	log := filepath.Join("agentguard", "audit", "20260101T000000.000Z_planted_bot.jsonl")
	if err := errors.Join(os.MkdirAll(filepath.Dir(log), 0o700), os.WriteFile(log, []byte("{}\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	p := &program{ui: &ui{out: &answer{to: &out}, err: &said}}
	_, newest := p.findRuns(nil)
	_, _, last := p.toVerify(nil, false)
	for _, err := range []error{p.auditList(false), newest, last} {
		if err == nil || !strings.Contains(err.Error(), "no place that keeps the record") || out.Len() > 0 {
			t.Errorf("%v, and %q", err, out.String())
		}
	}
	p.sayNoKeychain("no bus")
	if got := said.String(); !strings.Contains(got, "no place for the encrypted file: set HOME, or AGENTGUARD_AGE_FILE") {
		t.Errorf("%q", got)
	}
}

// TestHeldBack: who is told that files could not be made is whoever failed after a while, confined, and had got nothing that it asked for.
func TestHeldBack(t *testing.T) {
	failed := run.Result{Code: 3, Duration: time.Second}
	for name, c := range map[string]struct {
		level  sandbox.Level
		change func(*run.Result)
		want   bool
	}{
		"confined":         {sandbox.Filtered, func(*run.Result) {}, true},
		"not confined":     {sandbox.Env, func(*run.Result) {}, false},
		"at once":          {sandbox.Sealed, func(r *run.Result) { r.Duration = time.Second / 3 }, false},
		"did not fail":     {sandbox.Sealed, func(r *run.Result) { r.Code = 0 }, false},
		"was not found":    {sandbox.Sealed, func(r *run.Result) { r.Code = 127 }, false},
		"asked for things": {sandbox.Sealed, func(r *run.Result) { r.Requests, r.Allowed = 2, 1 }, false},
		"was refused all":  {sandbox.Sealed, func(r *run.Result) { r.Requests = 1 }, true},
	} {
		r := failed
		c.change(&r)
		if got := (&program{level: c.level}).heldBack(r); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
