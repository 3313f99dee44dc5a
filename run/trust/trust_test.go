package trust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func record(policy, text string) Record {
	return Record{Policy: policy, SHA256: text, Files: map[string]string{"upstream.ca": "1"}, When: time.Unix(1_700_000_000, 0).UTC(), Text: text}
}

func TestStore(t *testing.T) {
	s := In(t.TempDir())
	if r, err := s.Get("/a"); r != nil || err != nil {
		t.Errorf("nothing is trusted: %+v, %v", r, err)
	}
	if all, err := s.List(); len(all) != 0 || err != nil {
		t.Errorf("nothing is trusted: %v, %v", all, err)
	}
	for _, r := range []Record{record("/b", "x"), record("/a", "y"), record("/a", "z")} {
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Get("/a")
	if err != nil || r.Text != "z" || !r.Same("z", map[string]string{"upstream.ca": "1"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if r.Same("y", r.Files) || r.Same("z", nil) || r.Same("z", map[string]string{"upstream.ca": "2"}) || (*Record)(nil).Same("", nil) {
		t.Error("another text or file is the same")
	}
	if got := r.Changed(map[string]string{"upstream.ca": "2", "service.crm.openapi": "3"}); !slices.Equal(got, []string{"upstream.ca"}) {
		t.Errorf("changed: %v", got)
	}
	all, err := s.List()
	if err != nil || len(all) != 2 || all[0].Policy != "/a" || all[1].Policy != "/b" {
		t.Errorf("%v, %v", all, err)
	}
	if err := s.Remove("/a"); err != nil {
		t.Error(err)
	}
	if err := s.Remove("/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestRecordsAreNotMoved: what one path was trusted by says nothing about another.
func TestRecordsAreNotMoved(t *testing.T) {
	s := In(t.TempDir())
	s.Put(record("/a", "x"))
	for what, spoil := range map[string]func() error{
		"is about /a":     func() error { return os.Rename(s.file("/a"), s.file("/b")) },
		"is damaged":      func() error { return os.WriteFile(s.file("/b"), []byte(`{"version":1`), 0o600) },
		"is of version 2": func() error { return os.WriteFile(s.file("/b"), []byte(`{"version":2,"policy":"/b"}`), 0o600) },
		"is of version 0": func() error { return os.WriteFile(s.file("/b"), []byte(`{}`), 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Get("/b"); r != nil || err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v, %v; want %q", r, err, what)
		}
		s.Put(record("/a", "x"))
	}
}

func TestPath(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(dir, "real"), 0o700)
	os.WriteFile(filepath.Join(dir, "policy.toml"), nil, 0o600)
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
	os.Symlink(filepath.Join(dir, "policy.toml"), filepath.Join(dir, "real", "agentguard.toml"))
	want := filepath.Join(dir, "real", "agentguard.toml")
	for _, file := range []string{want, filepath.Join(dir, "link", "agentguard.toml"), filepath.Join(dir, "link", ".", "agentguard.toml")} {
		if got, err := Path(file); got != want || err != nil {
			t.Errorf("%s is %s, %v", file, got, err)
		}
	}
	if _, err := Path(filepath.Join(dir, "none", "agentguard.toml")); err == nil {
		t.Error("a folder that is not there has a path")
	}
}

// TestPutAtOnce: whoever comes last wins, and no record is in pieces.
func TestPutAtOnce(t *testing.T) {
	s := In(t.TempDir())
	var all sync.WaitGroup
	for _, text := range []string{"x", strings.Repeat("y", 1<<17), "z"} {
		all.Go(func() {
			for range 20 {
				if err := s.Put(record("/a", text)); err != nil {
					t.Error(err)
				}
				if r, err := s.Get("/a"); err != nil || r.SHA256 != r.Text {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if left, _ := os.ReadDir(s.dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRecordThatIsNoFile: a pipe in its place would be waited for.
func TestRecordThatIsNoFile(t *testing.T) {
	s := In(t.TempDir())
	if err := os.MkdirAll(s.file("/a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get("/a"); r != nil || err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("%+v, %v", r, err)
	}
}
