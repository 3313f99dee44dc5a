package proxy

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lfsStore is the API of git-lfs (docs/api of git-lfs), with the objects on a host of their own, as GitHub has it.
type lfsStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	locks   []map[string]any
	seen    []string
}

func (s *lfsStore) serve(w http.ResponseWriter, r *http.Request) bool {
	const api = "/myorg/myrepo.git/info/lfs/"
	if r.Host != "open.example.com" && !strings.HasPrefix(r.URL.Path, api) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r.Method+" "+r.Host+strings.TrimPrefix(r.URL.Path, api)+" "+r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	answer := func(v any) bool {
		json.NewEncoder(w).Encode(v)
		return true
	}
	oid := filepath.Base(r.URL.Path)
	switch {
	case r.Host == "open.example.com" && oid == "verify":
	case r.Host == "open.example.com" && r.Method == "PUT":
		b, _ := io.ReadAll(r.Body)
		if fmt.Sprintf("%x", sha256.Sum256(b)) == oid {
			s.objects[oid] = b
		}
	case r.Host == "open.example.com":
		w.Write(s.objects[oid])
	case strings.HasSuffix(r.URL.Path, "/objects/batch"):
		return answer(s.batch(r.Body))
	case strings.HasSuffix(r.URL.Path, "/locks/verify"):
		return answer(map[string]any{"ours": s.locks, "theirs": []any{}})
	case strings.HasSuffix(r.URL.Path, "/unlock"):
		lock := s.locks[0]
		s.locks = s.locks[1:]
		return answer(map[string]any{"lock": lock})
	case r.Method == "POST":
		var want struct{ Path string }
		json.NewDecoder(r.Body).Decode(&want)
		lock := map[string]any{"id": "7", "path": want.Path, "locked_at": "2026-01-02T03:04:05Z", "owner": map[string]any{"name": "a"}}
		s.locks = append(s.locks, lock)
		w.WriteHeader(http.StatusCreated)
		return answer(map[string]any{"lock": lock})
	default:
		return answer(map[string]any{"locks": s.locks})
	}
	return true
}

func (s *lfsStore) batch(body io.Reader) any {
	var q struct {
		Operation string
		Objects   []struct {
			Oid  string
			Size int64
		}
	}
	json.NewDecoder(body).Decode(&q)
	var objects []any
	for _, o := range q.Objects {
		to := map[string]any{"href": "https://open.example.com/store/" + o.Oid, "header": map[string]string{"Authorization": "RemoteAuth signed"}}
		actions := map[string]any{q.Operation: to}
		if q.Operation == "upload" {
			actions["verify"] = map[string]any{"href": "https://open.example.com/verify", "header": map[string]string{"Authorization": "RemoteAuth signed"}}
		}
		objects = append(objects, map[string]any{"oid": o.Oid, "size": o.Size, "authenticated": true, "actions": actions})
	}
	return map[string]any{"transfer": "basic", "objects": objects}
}

// What git-lfs does is actions of its own; the objects go to a host that gets no credential of ours.
func TestGitLFS(t *testing.T) {
	if _, err := exec.LookPath("git-lfs"); err != nil {
		t.Skip("needs git-lfs")
	}
	g := newGitRig(t, rigOptions{policy: gitPolicy + "[network]\nallow = [\"open.example.com\"]\n"})
	g.git("lfs install --local\nlfs track *.bin\nadd .gitattributes")
	if err := os.WriteFile(filepath.Join(g.work, "a.bin"), []byte("large"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.git("add a.bin\ncommit -q -m large\npush -q origin main\nlfs lock a.bin\nlfs locks\nlfs unlock a.bin\nclone -q https://github.com/myorg/myrepo.git other\n" +
		"-C other lfs install --local\n-C other lfs pull")
	if b, err := os.ReadFile(filepath.Join(g.work, "other/a.bin")); err != nil || string(b) != "large" {
		t.Errorf("%q, %v", b, err)
	}
	oid := fmt.Sprintf("%x", sha256.Sum256([]byte("large")))
	for _, want := range []string{"POST github.comobjects/batch Basic", "POST github.comlocks/verify Basic", "POST github.comlocks Basic", "POST github.comlocks/7/unlock Basic",
		"PUT open.example.com/store/" + oid + " RemoteAuth signed", "POST open.example.com/verify RemoteAuth signed", "GET open.example.com/store/" + oid + " RemoteAuth signed"} {
		if !slices.ContainsFunc(g.lfs.seen, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%s is not among %q", want, g.lfs.seen)
		}
	}
	done := map[string]bool{}
	for _, e := range g.records {
		done[e.Decision.Action.Name] = true
	}
	if !done["lfs_upload"] || !done["lfs_download"] || !done["lfs_lock"] {
		t.Errorf("recorded %v", done)
	}
}

// Who may push but not upload is told so by git-lfs, and nothing is pushed.
func TestGitLFSRefused(t *testing.T) {
	if _, err := exec.LookPath("git-lfs"); err != nil {
		t.Skip("needs git-lfs")
	}
	g := newGitRig(t, rigOptions{policy: strings.Replace(gitPolicy, `"lfs_upload", `, "", 1)})
	g.git("lfs install --local\nlfs track *.bin\nadd .gitattributes")
	if err := os.WriteFile(filepath.Join(g.work, "a.bin"), []byte("large"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.git("add a.bin\ncommit -q -m large")
	before := g.refs()
	if out, err := g.run(g.work, "push", "origin", "main"); err == nil || !strings.Contains(out, "Action lfs_upload is denied") {
		t.Errorf("%v\n%s", err, out)
	}
	if g.refs() != before || len(g.lfs.objects) > 0 {
		t.Error("something was pushed")
	}
}
