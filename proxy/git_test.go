package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"agentguard/policy"
	"agentguard/policy/pack/packtest"
)

const gitPolicy = `version = 1
[agent]
name = "tester"
[credential.token]
from = "env:TOKEN"
service = "github"
[allow.work]
service = "github"
actions = ["read", "clone", "push", "create_branch", "create_tag", "lfs_upload", "lfs_download", "lfs_lock"]
resources = ["repo:myorg/myrepo"]
`

// gitRig is real git on one side of the proxy and git http-backend on the other.
type gitRig struct {
	*rig
	t      testing.TB
	root   string // of the server's repositories
	home   string
	work   string
	posted atomic.Int64 // bytes that reached the server
	env    []string
	lfs    lfsStore
}

func newGitRig(t testing.TB, o rigOptions) *gitRig {
	t.Helper()
	_, err := exec.LookPath("git")
	if err != nil {
		t.Skip("needs git")
	}
	g := &gitRig{t: t, root: t.TempDir(), home: t.TempDir()}
	g.work = filepath.Join(g.home, "work")
	if o.policy == "" {
		o.policy = gitPolicy
	}
	if o.ca, err = NewCA(nil); err != nil {
		t.Fatal(err)
	}
	o.secrets = map[string]string{"token": theSecret}
	adjust := o.adjust
	o.adjust = func(c *Config, u *UpstreamConfig) {
		u.Resolve["github.com:443"] = u.Resolve["api.example.com:443"]
		u.CA = o.ca.PEM()
		if c.TempDir = t.TempDir(); adjust != nil {
			adjust(c, u)
		}
	}
	g.lfs.objects = map[string][]byte{}
	g.rig = newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "github.com" {
			g.lfs.serve(w, r)
			return
		}
		if user, password, _ := r.BasicAuth(); user != "x-access-token" || password != theSecret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if g.lfs.serve(w, r) {
			return
		}
		r.Body = io.NopCloser(io.TeeReader(r.Body, counter{&g.posted}))
		g.backend(w, r)
	}, o)
	ca := filepath.Join(g.home, "ca.pem")
	if err := os.WriteFile(ca, g.proxy.CA.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, _ := pem.Decode(g.proxy.CA.PEM()); b == nil {
		t.Fatal("no certificate")
	}
	g.env = append(os.Environ(), "HOME="+g.home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_SSL_CAINFO="+ca,
		"https_proxy=http://x:"+theToken+"@"+g.addr, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	g.server("init -q --bare -b main myorg/myrepo.git")
	g.server("-C myorg/myrepo.git config http.receivepack true")
	g.server("-C myorg/myrepo.git config receive.advertisePushOptions true")
	g.git("init -q -b main work")
	g.git("remote add origin https://github.com/myorg/myrepo.git\ncommit -q --allow-empty -m one\npush -q origin main")
	return g
}

// backend runs git's CGI program. That of net/http/cgi takes no chunked bodies.
func (g *gitRig) backend(w http.ResponseWriter, r *http.Request) {
	cmd := exec.CommandContext(r.Context(), "git", "http-backend")
	cmd.Dir, cmd.Stdin, cmd.WaitDelay = g.root, r.Body, time.Second
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.root, "GIT_CONFIG_NOSYSTEM=1", "GIT_PROJECT_ROOT=" + g.root, "GIT_HTTP_EXPORT_ALL=1",
		"REQUEST_METHOD=" + r.Method, "PATH_INFO=" + r.URL.Path, "QUERY_STRING=" + r.URL.RawQuery, "CONTENT_TYPE=" + r.Header.Get("Content-Type"),
		"HTTP_CONTENT_ENCODING=" + r.Header.Get("Content-Encoding"), "GIT_PROTOCOL=" + r.Header.Get("Git-Protocol")}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		g.t.Error(err)
		return
	}
	defer cmd.Wait()
	answer := bufio.NewReader(out)
	head, err := textproto.NewReader(answer).ReadMIMEHeader()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	for name := range head {
		w.Header().Set(name, head.Get(name))
	}
	if status, _, _ := strings.Cut(head.Get("Status"), " "); status != "" {
		code, _ := strconv.Atoi(status)
		w.WriteHeader(code)
	}
	io.Copy(w, answer)
}

type counter struct{ n *atomic.Int64 } // of bytes

func (c counter) Write(p []byte) (int, error) { c.n.Add(int64(len(p))); return len(p), nil }

// run runs one command of git in a folder.
func (g *gitRig) run(dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env = dir, g.env
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// git runs commands of the child, one a line; the first may make the work tree.
func (g *gitRig) git(script string) string {
	g.t.Helper()
	var all string
	for line := range strings.Lines(script) {
		dir := g.work
		if _, err := os.Stat(dir); err != nil {
			dir = g.home
		}
		out, err := g.run(dir, strings.Fields(line)...)
		if err != nil {
			g.t.Fatalf("git %s: %v\n%s", line, err, out)
		}
		all += out
	}
	return all
}

func (g *gitRig) server(args string) string {
	g.t.Helper()
	out, err := g.run(g.root, strings.Fields(args)...)
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return out
}

func (g *gitRig) refs() string { return g.server("-C myorg/myrepo.git for-each-ref") }

// refused runs a push that must fail as git says it of a rejected ref, for the reason, and move nothing.
func (g *gitRig) refused(args string, refs int, reason string) {
	g.t.Helper()
	before := g.refs()
	out, err := g.run(g.work, strings.Fields(args)...)
	if err == nil || err.Error() != "exit status 1" || strings.Count(out, "[remote rejected]") != refs || !strings.Contains(out, reason) {
		g.t.Errorf("git %s: %v\n%s", args, err, out)
	}
	if after := g.refs(); after != before {
		g.t.Errorf("git %s moved\n%sto\n%s", args, before, after)
	}
}

// Fetch and push pass, or are refused, in each version of git's protocol and of HTTP, with what git sends in one piece and
// in chunks.
func TestGitInEachProtocol(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	g.git("config http.version HTTP/1.1")
	for v, version := range []string{"0", "1", "2"} {
		for h, transport := range []string{"HTTP/1.1", "HTTP/2"} {
			buffer := []string{"1", "64000000"}[(v+h)%2] // each two of the three meet
			buffered := "-c http.postBuffer=" + buffer + " push "
			g.git("config protocol.version " + version + "\nconfig http.version " + transport + "\n" +
				"commit -q --allow-empty -m more\n" + buffered + "-q --atomic -o x origin main")
			g.git("commit -q --amend --allow-empty -m other")
			g.refused(buffered+"--force origin main", 1, "(agentguard: Action force_push is denied (no rule allows it")
			g.refused(buffered+"--force --atomic -o ci.skip origin main main:fresh", 2, "refs/heads/main counts as push and force_push")
			g.refused(buffered+"--force-with-lease origin main", 1, "neither does what the server has")
			g.refused(buffered+"origin :main", 1, "Action delete_branch is denied")
			g.git("fetch -q origin\nreset -q --hard origin/main")
		}
		g.git("-c protocol.version=" + version + " clone -q https://github.com/myorg/myrepo.git v" + version)
		g.git("-c protocol.version=" + version + " -C v" + version + " fetch -q --all --tags --prune")
	}
}

// What the server has already is asked of it where a rule hangs on it, on record, with the credential.
func TestGitAsksOnlyWhereARuleHangsOnIt(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	g.git("checkout -q -b feature\ncommit -q --allow-empty -m two\npush -q origin feature")
	asked := func() (n int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, e := range g.records {
			if e.Transport == "preflight" && e.Recorded && e.Credential != nil && strings.Contains(e.Decision.Reason, "whether a push is forced") {
				n++
			}
		}
		g.records = nil
		return n
	}
	asked()
	g.git("push -q origin feature:main")
	if n := asked(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	g.refused("push --force origin main~0:feature", 1, "force_push")
	asked()
	g.refused("push --force origin main:feature :main", 2, "delete_branch")
	if n := asked(); n != 0 {
		t.Errorf("asked %d times for what is refused anyway", n)
	}
	any := newGitRig(t, rigOptions{policy: gitPolicy + "[allow.force]\nservice = \"github\"\nactions = [\"force_push\"]\n"})
	any.git("commit -q --allow-empty -m two\npush -q origin main\npush -q --force origin main~1:main")
	for _, e := range any.records {
		if e.Transport == "preflight" {
			t.Error("asked for what is allowed anyway")
		}
	}
}

// What git's dumb protocol, archives and other doors would read is refused.
func TestGitByOtherDoors(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	g.env = append(g.env, "GIT_SMART_HTTP=0")
	if out, err := g.run(g.home, "clone", "-q", "https://github.com/myorg/myrepo.git", "dumb"); err == nil || !strings.Contains(out, "403") && !strings.Contains(out, "agentguard") {
		t.Errorf("dumb: %v\n%s", err, out)
	}
	for path, want := range map[string]string{
		"info/refs": "neither service", "info/refs?service=git-upload-archive": "neither service", "info/refs?service=git-upload-pack&x": "neither service",
		"HEAD": "no operation", "objects/info/packs": "no operation", "info/refs?service=git-receive-pack": "",
	} {
		if a := g.do("GET", "https://github.com/myorg/myrepo.git/"+path, ""); (a.StatusCode == 403) != (want != "") || !strings.Contains(a.body, want) {
			t.Errorf("%s: %s %s", path, a.Status, a.body)
		}
	}
	if a := g.do("POST", "https://github.com/myorg/myrepo.git/git-upload-archive", "0000"); a.StatusCode != 403 {
		t.Errorf("git-upload-archive: %s", a.Status)
	}
}

// Refs by the thousand are read, and pushed by a hundred.
func TestGitWithManyRefs(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	var packed, made strings.Builder
	id := strings.TrimSpace(g.git("rev-parse HEAD"))
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range 5_000 {
		fmt.Fprintf(&packed, "%s refs/heads/some/folder/of/branches/%05d\n", id, i)
		if i < 100 {
			fmt.Fprintf(&made, "create refs/heads/more/%05d/%s %s\n", i, strings.Repeat("x", 200), id)
		}
	}
	if err := os.WriteFile(filepath.Join(g.root, "myorg/myrepo.git/packed-refs"), []byte(packed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("git", "update-ref", "--stdin")
	cmd.Dir, cmd.Env, cmd.Stdin = g.work, g.env, strings.NewReader(made.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	g.git("push -q origin refs/heads/more/*")
	for _, version := range []string{"0", "2"} {
		if out := g.git("-c protocol.version=" + version + " ls-remote -q origin"); strings.Count(out, "\n") < 5_100 {
			t.Errorf("version %s: %d refs", version, strings.Count(out, "\n"))
		}
	}
	g.refused("push origin main:refs/heads/other :refs/heads/some/folder/of/branches/00002", 2, "Action delete_branch")
}

// scattered is a push of so many commits, each behind a file of its own, as libgit2 packs them.
type scattered struct {
	bytes.Buffer
	tip string
}

// pushBody makes the body of a push from old: the oldest commit comes last, so that nothing is told before the end.
func pushBody(old, ref, root string, commits, size int) *scattered {
	type made struct{ file, tree, commit string }
	var list []made
	parent := root
	for i := range commits {
		file := make([]byte, size)
		(&noise{uint64(i)}).Read(file)
		m := made{file: string(file)}
		id, _ := hex.DecodeString(packtest.IDOf("blob", m.file))
		m.tree = "100644 f\x00" + string(id)
		m.commit = "tree " + packtest.IDOf("tree", m.tree) + "\n"
		if parent != "" {
			m.commit += "parent " + parent + "\n"
		}
		m.commit += "author a <a@example.com> 1 +0000\ncommitter a <a@example.com> 1 +0000\n\nmore\n"
		parent = packtest.ID(m.commit)
		list = append(list, m)
	}
	s := &scattered{tip: parent}
	line := old + " " + parent + " " + ref + "\x00report-status side-band-64k agent=test"
	fmt.Fprintf(s, "%04x%s0000", len(line)+4, line)
	p := packtest.New()
	p.Stored = true
	for _, m := range slices.Backward(list) {
		p.Plain(3, m.file)
		p.Plain(2, m.tree)
		p.Plain(1, m.commit)
	}
	s.Write(p.Done())
	return s
}

func (g *gitRig) post(body io.Reader, header ...string) answer {
	g.t.Helper()
	r, err := http.NewRequest("POST", "https://github.com/myorg/myrepo.git/git-receive-pack", body)
	if err != nil {
		g.t.Fatal(err)
	}
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Add(k, v)
	}
	c := g.client(false)
	c.Timeout = time.Minute
	resp, err := c.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Error(err)
	}
	return answer{resp, string(b)}
}

// A push that is too long to be held leaves but for its end, which waits for what the pack proves: a fast-forward moves
// the branch, what is forced moves nothing.
func TestPushThatCannotBeHeld(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	g.proxy.most = 2 << 20
	main := strings.TrimSpace(g.git("rev-parse main"))
	forward := pushBody(main, "refs/heads/main", main, 20, 400_000)
	a := g.post(bytes.NewReader(forward.Bytes()))
	if !strings.Contains(a.body, "ok refs/heads/main") || !strings.Contains(g.refs(), forward.tip) {
		t.Errorf("%s %q\n%s", a.Status, a.body, g.refs())
	}
	e := g.last()
	if e.Decision.Effect != policy.Allow || len(e.Match.Actions) != 1 || e.Sent != int64(forward.Len()) {
		t.Errorf("recorded %+v", e)
	}
	for name, c := range map[string]struct {
		body   []byte
		reason string
	}{
		"forced":           {pushBody(forward.tip, "refs/heads/main", "", 20, 400_000).Bytes(), "force_push"},
		"with a tail":      {append(pushBody(forward.tip, "refs/heads/main", "", 20, 400_000).Bytes(), make([]byte, 3<<20)...), "force_push"},
		"cut off":          {pushBody(forward.tip, "refs/heads/main", forward.tip, 20, 400_000).Bytes()[:7_000_000], "cut off"},
		"no pack any more": {append(pushBody(forward.tip, "refs/heads/main", forward.tip, 20, 400_000).Bytes()[:5_000_000], make([]byte, 3<<20)...), ""},
	} {
		before, posted := g.refs(), g.posted.Load()
		a := g.post(bytes.NewReader(c.body))
		if a.StatusCode != 200 || !strings.Contains(a.body, "ng refs/heads/main agentguard: ") || !strings.Contains(a.body, c.reason) {
			t.Errorf("%s: %s %q", name, a.Status, a.body)
		}
		if sent := g.posted.Load() - posted; sent == 0 || g.refs() != before {
			t.Errorf("%s: %d bytes arrived, the refs are\n%s", name, sent, g.refs())
		}
		e := g.last()
		if !e.Recorded || e.Refusal == nil || e.Refusal.Effect != "deny" || e.Decision.Effect != policy.Deny {
			t.Errorf("%s: recorded %+v", name, e)
		}
	}
	if left, _ := os.ReadDir(g.proxy.TempDir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is too long to be held and compressed, so that it is not known which bytes end the pack, counts as forced.
func TestCompressedPushThatCannotBeHeld(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	g.proxy.most = 2 << 20
	main := strings.TrimSpace(g.git("rev-parse main"))
	before := g.posted.Load()
	a := g.post(zipped(pushBody(main, "refs/heads/main", main, 20, 400_000).Bytes()), "Content-Encoding: gzip")
	if !strings.Contains(a.body, "larger than what is held back") || g.posted.Load() != before {
		t.Errorf("%s %q", a.Status, a.body)
	}
	g.proxy.most = maxSpool
	push := pushBody(main, "refs/heads/main", main, 3, 400_000)
	if a := g.post(zipped(push.Bytes()), "Content-Encoding: gzip"); !strings.Contains(a.body, "ok refs/heads/main") {
		t.Errorf("%s %q", a.Status, a.body)
	}
	if a := g.post(bytes.NewReader(push.Bytes()), "Content-Encoding: deflate"); a.StatusCode == 200 || !strings.Contains(a.body, "Content-Encoding") {
		t.Errorf("%s %q", a.Status, a.body)
	}
}

// largePush is a push of one commit on old with one file of that size, as it is made: in git's order, the commit first.
func largePush(old, parent string, size int64) io.Reader {
	text := fmt.Sprintf("tree %s\nparent %s\nauthor a <a@example.com> 1 +0000\ncommitter a <a@example.com> 1 +0000\n\nlarge\n", parent, parent)
	commit := packtest.ID(text)
	p := packtest.New()
	p.Plain(1, text)
	pack := p.Bytes()
	pack[11] = 2 // objects
	line := old + " " + commit + " refs/heads/main\x00report-status side-band-64k agent=test"
	head := fmt.Appendf(nil, "%04x%s0000", len(line)+4, line)
	pack = append(pack, 0x30|byte(size&15)|0x80)
	for n := size >> 4; n > 0; n >>= 7 {
		c := byte(n & 0x7f)
		if n>>7 > 0 {
			c |= 0x80
		}
		pack = append(pack, c)
	}
	pr, pw := io.Pipe()
	go func() {
		z, _ := zlib.NewWriterLevel(pw, zlib.NoCompression)
		io.CopyN(z, zeros{}, size)
		z.Close()
		pw.Write(make([]byte, sha1.Size))
		pw.Close()
	}()
	return io.MultiReader(bytes.NewReader(head), bytes.NewReader(pack), pr)
}

// A large push in git's order is told by its first bytes, and passes without being held, in flat memory.
func TestLargePushInFlatMemory(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	before := g.posted.Load()
	main := strings.TrimSpace(g.git("rev-parse main"))
	const size = maxSpool + 4<<20
	peak, stop := watchHeap()
	dir := g.proxy.TempDir
	g.proxy.TempDir = filepath.Join(dir, "missing") // nothing is written
	a := g.post(largePush(main, main, size))
	stop()
	if sent := g.posted.Load() - before; sent < size || g.last().Decision.Effect != policy.Allow {
		t.Errorf("%d bytes arrived: %q", sent, a.body)
	}
	if peak.Load() > 64<<20 {
		t.Errorf("the heap grew to %d MiB", peak.Load()>>20)
	}
	g.proxy.TempDir = dir
	// Forced, it is taken to its end so that git reads the reason, and nothing of it leaves.
	before = g.posted.Load()
	if a := g.post(largePush(main, strings.Repeat("4", 40), size)); !strings.Contains(a.body, "ng refs/heads/main agentguard: ") {
		t.Errorf("%s %q", a.Status, a.body)
	}
	if left := g.posted.Load() - before; left > 1000 { // the question to the server
		t.Errorf("%d bytes left", left)
	}
}

// watchHeap gives the most that the heap had.
func watchHeap() (*atomic.Int64, func()) {
	var peak atomic.Int64
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); int64(m.HeapInuse) > peak.Load()+8<<20 {
				runtime.GC() // what is garbage by now a busy machine may not have taken away
				runtime.ReadMemStats(&m)
			}
			peak.Store(max(peak.Load(), int64(m.HeapInuse)))
			select {
			case <-quit:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return &peak, func() { close(quit); <-ended }
}

func zipped(b []byte) io.Reader {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return &out
}

// noise does not compress.
type noise struct{ x uint64 }

func (n *noise) Read(p []byte) (int, error) {
	for i := range p {
		n.x = n.x*6364136223846793005 + 1442695040888963407
		p[i] = byte(n.x >> 56)
	}
	return len(p), nil
}

// What is made to look like a fast-forward: refused here, or by the server's own comparison with the ref as it is.
func TestPushThatPretends(t *testing.T) {
	g := newGitRig(t, rigOptions{})
	g.server("-C myorg/myrepo.git config receive.shallowUpdate true")
	first := strings.TrimSpace(g.git("rev-parse main"))
	g.git("commit -q --allow-empty -m two\npush -q origin main")
	main := strings.TrimSpace(g.git("rev-parse main"))
	forward := func() *scattered { return pushBody(main, "refs/heads/main", main, 2, 1000) }
	with := func(s *scattered, from, to string) []byte { // the first line of the commands, changed
		rest := s.Bytes()
		n, _ := strconv.ParseUint(string(rest[:4]), 16, 16)
		line := strings.Replace(string(rest[4:n]), from, to, 1)
		return append(fmt.Appendf(nil, "%04x%s", len(line)+4, line), rest[n:]...)
	}
	shallow := func(id string) []byte {
		return append(fmt.Appendf(nil, "0035shallow %s\n", id), forward().Bytes()...)
	}
	middle := func() string { // the older of the two commits
		text := forward().Bytes()
		return string(text[bytes.Index(text, []byte("parent "+forward().tip[:0]))+7:][:40])
	}
	for name, c := range map[string]struct {
		body   []byte
		reason string
	}{
		"another old one than the server has": {pushBody(first, "refs/heads/main", first, 2, 1000).Bytes(), "failed to update ref"},
		"a new branch that is there":          {with(forward(), main, strings.Repeat("0", 40)), "failed to update ref"},
		"cut off at its tip":                  {shallow(forward().tip), "Action force_push is denied"},
		"cut off within":                      {shallow(middle()), "Action force_push is denied"},
		"another spelling":                    {with(forward(), "refs/heads/main", "refs/heads//main"), "no name of a ref"},
		"a way up":                            {with(forward(), "refs/heads/main", "refs/heads/../heads/main"), "no name of a ref"},
		"the symbolic ref":                    {with(forward(), "refs/heads/main", "HEAD"), "no name of a ref"},
		"options that git does not see":       {with(forward(), "agent=test", "agent=x\vpush-options"), ""},
		"options with a value":                {with(forward(), "agent=test", "push-options=1"), "malformed pkt-line"},
		"another object format":               {with(forward(), "agent=test", "object-format=sha256"), "object format"},
		"a forced one after it":               {append(forward().Bytes()[:len(forward().Bytes())-20], pushBody(main, "refs/heads/main", "", 2, 1000).Bytes()...), ""},
	} {
		before := g.refs()
		a := g.post(bytes.NewReader(c.body))
		if !strings.Contains(a.body, c.reason) || g.refs() != before && c.reason != "" {
			t.Errorf("%s: %s %q\n%s", name, a.Status, a.body, g.refs())
		}
		if out := g.server("-C myorg/myrepo.git rev-list refs/heads/main"); !strings.Contains(out, main) || !strings.Contains(out, first) {
			t.Fatalf("%s: the history has gone:\n%s", name, out)
		}
		main = strings.TrimSpace(g.server("-C myorg/myrepo.git rev-parse refs/heads/main"))
	}
	if a := g.post(bytes.NewReader(forward().Bytes()), "Expect: 100-continue"); !strings.Contains(a.body, "ok refs/heads/main") {
		t.Errorf("expecting: %s %q", a.Status, a.body)
	}
	for _, encoding := range []string{"GZIP", "gzip, gzip", "deflate", "br", "identity"} {
		if a := g.post(bytes.NewReader(forward().Bytes()), "Content-Encoding: "+encoding); !strings.Contains(a.body, "none that git's servers know") {
			t.Errorf("%s: %s %q", encoding, a.Status, a.body)
		}
	}
}

// TestGitBranchRule: real git pushes to the branches that a rule leaves, and to no other, in one push or by itself.
func TestGitBranchRule(t *testing.T) {
	g := newGitRig(t, rigOptions{policy: gitPolicy + "[allow.delete]\nservice = \"github\"\nactions = [\"delete_branch\"]\n" +
		"[deny.main]\nactions = [\"push\", \"force_push\", \"delete_branch\"]\nwhen = { branch = \"main\" }\n"})
	g.git("checkout -q -b topic\ncommit -q --allow-empty -m two\npush -q origin topic\ncommit -q --allow-empty -m three\npush -q origin topic")
	g.refused("push origin topic:main", 1, "Action push is denied")
	g.refused("push origin :main", 1, "Action delete_branch is denied")
	g.git("commit -q --allow-empty -m four")
	g.refused("push origin topic topic:main", 2, "Action push is denied")
	g.git("push -q origin :topic")
}
