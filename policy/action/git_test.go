package action

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gitServer is `git http-backend` behind a reader that classifies each request as the proxy would.
type gitServer struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newGitServer(t *testing.T) *gitServer {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("needs git")
	}
	root := t.TempDir()
	runGit(t, root, "init", "-q", "--bare", "o/r.git")
	runGit(t, filepath.Join(root, "o/r.git"), "config", "http.receivepack", "true")
	g := &gitServer{}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: root,
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength, r.TransferEncoding = int64(len(body)), nil
		g.note(t, r, body)
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gitServer) note(t *testing.T, r *http.Request, body []byte) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		if body, err = io.ReadAll(z); err != nil {
			t.Error(err)
		}
	}
	m := classifyGit(r, body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, r.Method+" "+filepath.Base(r.URL.Path)+": "+spell(m)+m.Reason)
}

func classifyGit(r *http.Request, body []byte) Match {
	s := Lookup("github")
	a := Authority{"github.com", 443}
	path, err := ParsePath(r.URL.EscapedPath(), true)
	if err != nil {
		panic(err)
	}
	return Classify(s, s.Host(a), &Request{Authority: a, Method: r.Method, Path: path, Query: r.URL.RawQuery, Header: r.Header,
		Peek: func(n int) ([]byte, error) { return body[:min(n, len(body))], nil }})
}

// last gives what the pushes and fetches since the last call were, discovery left out.
func (g *gitServer) last() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []string
	for _, s := range g.seen {
		if strings.HasPrefix(s, "POST") {
			list = append(list, s)
		}
	}
	g.seen = nil
	return strings.Join(list, "\n")
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestRealGit pushes with real git through git http-backend.
func TestRealGit(t *testing.T) {
	g := newGitServer(t)
	work := filepath.Join(t.TempDir(), "w")
	runGit(t, ".", "clone", "-q", g.URL+"/o/r.git", work)
	g.last()
	runGit(t, work, "checkout", "-q", "-b", "main")
	for _, step := range []struct {
		git  string
		want string
	}{
		{"commit -q --allow-empty -m one", ""},
		{"push -q origin main", "create_branch write repo:o/r"},
		{"commit -q --allow-empty -m two", ""},
		{"push -q origin main", "push write repo:o/r; force_push write repo:o/r" + "whether the update of refs/heads/main is forced"},
		{"push -q origin main:topic", "create_branch write repo:o/r"},
		{"tag v1", ""},
		{"push -q origin v1", "create_tag write repo:o/r"},
		{"push -q origin :topic main:a main:b", "create_branch write repo:o/r; create_branch write repo:o/r; delete_branch write repo:o/r"},
		{"push -q origin :v1", "delete_tag write repo:o/r"},
		{"push -q --atomic origin main:c", "create_branch write repo:o/r"},
		{"push -q origin main:refs/notes/x", "push write repo:o/r; force_push write repo:o/r"},
		{"push -q --force origin main~1:main", "push write repo:o/r; force_push write repo:o/r"},
		{"fetch -q origin", ""},
	} {
		runGit(t, work, strings.Fields(step.git)...)
		got := g.last()
		if step.want != "" && !strings.Contains(sortActions(got), sortActions("POST git-receive-pack: "+step.want)) {
			t.Errorf("git %s:\n%s\nwant %s", step.git, got, step.want)
		}
	}
	other := filepath.Join(t.TempDir(), "w2")
	runGit(t, ".", "clone", "-q", g.URL+"/o/r.git", other)
	if got := g.last(); !strings.Contains(got, "clone read repo:o/r") || strings.Contains(got, "write") {
		t.Errorf("clone:\n%s", got)
	}
	runGit(t, work, "-c", "http.postBuffer=1", "push", "-q", "origin", "main:probe") // the 4-byte probe, then chunks
	if got := g.last(); !strings.Contains(got, "create_branch write repo:o/r") || strings.Contains(got, "unknown") {
		t.Errorf("chunked push:\n%s", got)
	}
}

// sortActions makes the order of refs, which git chooses, irrelevant.
func sortActions(s string) string {
	return strings.ReplaceAll(s, "delete_branch write repo:o/r; create_branch write repo:o/r; create_branch write repo:o/r",
		"create_branch write repo:o/r; create_branch write repo:o/r; delete_branch write repo:o/r")
}

const (
	zero = "0000000000000000000000000000000000000000"
	one  = "1111111111111111111111111111111111111111"
	two  = "2222222222222222222222222222222222222222"
)

func pkt(lines ...string) []byte {
	var b bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&b, "%04x%s", len(l)+4, l)
	}
	b.WriteString("0000")
	return b.Bytes()
}

// Fail closed: a push that cannot be read whole is unknown.
func TestPushRefusesWhatItCannotRead(t *testing.T) {
	many := make([]string, 20_000)
	for i := range many {
		many[i] = fmt.Sprintf("%s %s refs/heads/b%d", zero, one, i)
	}
	for name, c := range map[string]struct {
		body   []byte
		reason string
	}{
		"push certificate":   {pkt("push-cert\x00caps\n", "certificate version 0.1\n"), "signed"},
		"malformed length":   {[]byte("00zz"), "malformed pkt-line"},
		"impossible length":  {[]byte("0003"), "impossible"},
		"delimiter":          {[]byte("0001"), "impossible"},
		"cut off":            {[]byte("00a0" + zero), "ends within"},
		"empty":              {nil, "ends within"},
		"no flush":           {bytes.TrimSuffix(pkt(zero+" "+one+" refs/heads/x\x00caps"), []byte("0000")), "ends within"},
		"short id":           {pkt("0 1 refs/heads/x\x00caps"), "malformed command"},
		"capital id":         {pkt(strings.Replace(zero, "0", "A", 1) + " " + one + " refs/heads/x\x00caps"), "malformed command"},
		"two hashes":         {pkt(zero + " " + strings.Repeat("1", 64) + " refs/heads/x\x00caps"), "malformed command"},
		"nothing to nothing": {pkt(zero + " " + zero + " refs/heads/x\x00caps"), "neither"},
		"ref out of refs":    {pkt(zero + " " + one + " HEAD\x00caps"), "no name"},
		"dots":               {pkt(zero + " " + one + " refs/heads/../x\x00caps"), "no name"},
		"control":            {pkt(zero + " " + one + " refs/heads/a\nb\x00caps"), "no name"},
		"glob":               {pkt(zero + " " + one + " refs/heads/*\x00caps"), "no name"},
		"twice":              {pkt(zero+" "+one+" refs/heads/x\x00caps", one+" "+zero+" refs/heads/x"), "twice"},
		"capabilities again": {pkt(zero+" "+one+" refs/heads/x\x00caps", zero+" "+one+" refs/heads/y\x00caps"), "capabilities"},
		"too many":           {pkt(many...), "more than"},
		"malformed shallow":  {pkt("shallow x", zero+" "+one+" refs/heads/x\x00caps"), "shallow"},
	} {
		r := httptest.NewRequest("POST", "https://github.com/o/r.git/git-receive-pack", nil)
		r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		m := classifyGit(r, c.body)
		if len(m.Actions) != 1 || m.Actions[0].Class != Unknown || !strings.Contains(m.Reason, c.reason) {
			t.Errorf("%s: %s, %q", name, spell(m), m.Reason)
		}
	}
}

func TestPushCommands(t *testing.T) {
	r := httptest.NewRequest("POST", "https://github.com/o/r.git/git-receive-pack", nil)
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	body := append(pkt("shallow "+one, one+" "+two+" refs/heads/main\x00report-status side-band-64k", two+" "+zero+" refs/tags/v1\n",
		zero+" "+strings.Replace(one, "1", "a", 1)+" refs/heads/x"), "PACK..."...)
	want := "push write repo:o/r; force_push write repo:o/r; delete_tag write repo:o/r; create_branch write repo:o/r"
	if m := classifyGit(r, body); spell(m) != want || !strings.Contains(m.Reason, "force_push") {
		t.Errorf("%s, %q", spell(m), m.Reason)
	}
	if m := classifyGit(r, []byte("0000")); spell(m) != "push write repo:o/r" {
		t.Errorf("probe: %s", spell(m))
	}
}

func FuzzReadCommands(f *testing.F) {
	f.Add(pkt(zero + " " + one + " refs/heads/x\x00caps"))
	f.Add([]byte("0000"))
	f.Add([]byte("00a0push-cert\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		commands, whole, err := readCommands(b)
		if err != nil || !whole {
			return
		}
		seen := map[string]bool{}
		for _, c := range commands {
			if len(c.actions()) == 0 || seen[c.ref] || !strings.HasPrefix(c.ref, "refs/") {
				t.Fatalf("%q gives %v", b, c)
			}
			seen[c.ref] = true
		}
	})
}
