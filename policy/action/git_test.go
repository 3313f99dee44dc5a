package action

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
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
	"testing/iotest"
)

// gitServer is `git http-backend` behind a reader that classifies each request as the proxy would.
type gitServer struct {
	*httptest.Server
	root    string
	backend http.Handler
	mu      sync.Mutex
	seen    []string
	refusal string                  // if not empty, the reason for which each push is refused
	asked   []string                // by the resolver
	ask     func(*Question, *Reply) // if not nil, changes answers to the resolver; without a server that can be asked, see deaf
	deaf    bool
}

func newGitServer(t testing.TB, init ...string) *gitServer {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("needs git")
	}
	g := &gitServer{root: t.TempDir()}
	runGit(t, g.root, append(append([]string{"init", "-q", "--bare"}, init...), "o/r.git")...)
	g.config(t, "http.receivepack", "true")
	g.config(t, "receive.advertisePushOptions", "true")
	g.backend = &cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: g.root, InheritEnv: []string{"PATH"},
		Env: []string{"GIT_PROJECT_ROOT=" + g.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + g.root}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength, r.TransferEncoding = int64(len(body)), nil
		decoded, refusal := g.note(t, r, body)
		if refusal != "" && r.Method == "POST" {
			refuse(t, w, decoded, refusal)
			return
		}
		g.backend.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gitServer) config(t testing.TB, key, value string) {
	t.Helper()
	runGit(t, filepath.Join(g.root, "o/r.git"), "config", key, value)
}

// refuse answers a push as the proxy does.
func refuse(t testing.TB, w http.ResponseWriter, body []byte, reason string) {
	if string(body) == "0000" {
		return // the probe
	}
	report, err := ReportStatus(body[:min(len(body), maxPushHead)], reason)
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", ReportContentType)
	w.Write(report)
}

// note gives the body as git made it, and the reason for which the push is refused.
func (g *gitServer) note(t testing.TB, r *http.Request, body []byte) (decoded []byte, refusal string) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return nil, ""
		}
		if body, err = io.ReadAll(z); err != nil {
			t.Error(err)
		}
	}
	m := g.classify(r, body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, r.Method+" "+filepath.Base(r.URL.Path)+": "+spell(m)+"; "+m.Reason)
	return body, g.refusal
}

// classify reads a request, and settles what is in doubt.
func (g *gitServer) classify(r *http.Request, body []byte) Match {
	q := gitRequest(r, body)
	g.mu.Lock()
	deaf := g.deaf
	g.mu.Unlock()
	if !deaf {
		q.Ask = g.answer
	}
	return settled(q)
}

// lets has questions answered otherwise from now on, or not at all.
func (g *gitServer) lets(ask func(*Question, *Reply), deaf bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ask, g.deaf = ask, deaf
}

// answer puts a question of the resolver to the server.
func (g *gitServer) answer(q *Question) (*Reply, error) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(q.Method, q.Path+"?"+q.Query, bytes.NewReader(q.Body))
	r.Header = q.Header
	g.backend.ServeHTTP(w, r)
	reply := &Reply{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, fmt.Sprintf("%s %s %s: %d bytes", q.Method, q.Path, q.Why, w.Body.Len()))
	if g.ask != nil {
		g.ask(q, reply)
	}
	if int64(len(reply.Body)) > cmp.Or(q.Max, 1<<20) {
		return nil, errors.New("the answer is too long")
	}
	return reply, nil
}

func classifyGit(r *http.Request, body []byte) Match { return settled(gitRequest(r, body)) }

func settled(q *Request) Match {
	s := Lookup("github")
	m := Classify(s, s.Host(q.Authority), q)
	m.Settle(q)
	return m
}

func gitRequest(r *http.Request, body []byte) *Request {
	path, err := ParsePath(r.URL.EscapedPath(), true)
	if err != nil {
		panic(err)
	}
	return &Request{Authority: Authority{"github.com", 443}, Method: r.Method, Path: path, Query: r.URL.RawQuery, Header: r.Header,
		Peek:   func(n int) ([]byte, error) { return body[:min(n, len(body))], nil },
		Stream: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }}
}

// pushRequest is a push without its body.
func pushRequest() *http.Request {
	r := httptest.NewRequest("POST", "https://github.com/o/r.git/git-receive-pack", nil)
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	return r
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

func runGit(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryGit(dir string, args ...string) (string, error) {
	return runIn(dir, exec.Command("git", args...))
}

func shellGit(dir, line string) (string, error) {
	return runIn(dir, exec.Command("sh", "-c", "git "+line))
}

func runIn(dir string, cmd *exec.Cmd) (string, error) {
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestCloneAndFetchAreReads(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\npush -q origin main")
	for _, args := range [][]string{{"clone", "-q", g.URL + "/o/r.git", filepath.Join(t.TempDir(), "w2")}, {"-C", w.dir, "fetch", "-q", "origin"}} {
		runGit(t, ".", args...)
		if got := g.last(); !strings.Contains(got, "clone read repo:o/r") || strings.Contains(got, "write") {
			t.Errorf("git %s:\n%s", args, got)
		}
	}
}

const (
	zero = "0000000000000000000000000000000000000000"
	wide = zero + "000000000000000000000000"
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
		"two hashes, again":  {pkt(zero+" "+one+" refs/heads/x\x00caps", wide+" "+strings.Repeat("1", 64)+" refs/heads/y"), "malformed command"},
		"no push options":    {pkt(zero + " " + one + " refs/heads/x\x00push-options"), "ends within"},
		"options with value": {pkt(zero + " " + one + " refs/heads/x\x00push-options=1"), "ends within"},
		"object format":      {pkt(zero + " " + one + " refs/heads/x\x00object-format=sha256"), "object format"},
		"malformed shallow":  {pkt("shallow x", zero+" "+one+" refs/heads/x\x00caps"), "shallow"},
	} {
		m := classifyGit(pushRequest(), c.body)
		if len(m.Actions) != 1 || m.Actions[0].Class != Unknown || !strings.Contains(m.Reason, c.reason) {
			t.Errorf("%s: %s, %q", name, spell(m), m.Reason)
		}
	}
}

func TestPushCommands(t *testing.T) {
	body := append(pkt("shallow "+one, one+" "+two+" refs/heads/main\x00report-status side-band-64k", two+" "+zero+" refs/tags/v1\n",
		zero+" "+strings.Replace(one, "1", "a", 1)+" refs/heads/x"), "PACK..."...)
	want := "push write repo:o/r; force_push write repo:o/r; delete_tag write repo:o/r; create_branch write repo:o/r"
	full := func() (io.ReadCloser, error) { return nil, errors.New("no room") }
	held := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)-4]), iotest.ErrReader(ErrHeld))), nil
	}
	for reason, stream := range map[string]func() (io.ReadCloser, error){"was not read": nil, "no room": full, "larger than what is held": held} {
		q := gitRequest(pushRequest(), body)
		q.Stream = stream
		if m := settled(q); spell(m) != want || !strings.Contains(m.Reason, reason) || (m.Doubt != nil) != (reason == "larger than what is held") {
			t.Errorf("%s: %s, %q", reason, spell(m), m.Reason)
		}
	}
	if m := classifyGit(pushRequest(), body); spell(m) != "unknown unknown path:/o/r.git/git-receive-pack" {
		t.Errorf("a broken pack: %s, %q", spell(m), m.Reason)
	}
	if m := classifyGit(pushRequest(), []byte("0000"+string(pkt(one+" "+zero+" refs/heads/x\x00report-status")))); !strings.Contains(m.Reason, "follows its empty list") {
		t.Errorf("commands behind an empty list: %s %q", spell(m), m.Reason)
	}
	if m := classifyGit(pushRequest(), []byte("0000")); spell(m) != "push write repo:o/r" {
		t.Errorf("probe: %s", spell(m))
	}
}

func FuzzPktLine(f *testing.F) {
	f.Add(pkt(zero + " " + one + " refs/heads/x\x00caps"))
	f.Add([]byte("0000"))
	f.Add([]byte("00a0push-cert\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, whole, err := readPushHead(b)
		if err != nil || !whole {
			return
		}
		seen := map[string]bool{}
		for _, c := range head.commands {
			if len(c.actions()) == 0 || seen[c.ref] || !strings.HasPrefix(c.ref, "refs/") {
				t.Fatalf("%q gives %v", b, c)
			}
			seen[c.ref] = true
		}
	})
}
