package action

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// ghRequests runs GitHub's command line against a loopback socket (its setting http_unix_socket sends what it would send
// over TLS) and gives how each request is classified.
func ghRequests(t *testing.T, args ...string) []Match {
	t.Helper()
	gh, err := exec.LookPath("gh")
	if err != nil {
		t.Skip("needs gh")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	known := &Known{}
	for _, id := range []string{"x", "P", "I"} {
		known.Learn("github", id, Fact{Resource: Resource{"repo", "o/r"}})
	}
	var mu sync.Mutex
	var seen []Match
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		path, err := ParsePath(r.URL.EscapedPath(), true)
		if err != nil {
			t.Error(err)
		}
		s := Lookup("github")
		q := &Request{Method: r.Method, Path: path, Query: r.URL.RawQuery, Header: r.Header, Known: known,
			Body: func(int64) ([]byte, error) { return body, nil }}
		m := Classify(s, &s.Hosts[0], q)
		m.Settle(q)
		mu.Lock()
		seen = append(seen, m)
		mu.Unlock()
		if m.Actions[0].Class == Unknown {
			t.Logf("%s %s: %s\n%s", r.Method, r.URL, m.Reason, body)
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"data":{"repository":{"id":"x","name":"r","owner":{"login":"o"},"hasIssuesEnabled":true,"defaultBranchRef":{"name":"main"},`+
			`"pullRequest":{"number":1,"id":"P","state":"OPEN"},"issue":{"number":1,"id":"I"},"pullRequests":{"nodes":[],"totalCount":0},"issues":{"nodes":[],"totalCount":0}}}}`)
	})}}
	server.Start()
	defer server.Close()
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte("http_unix_socket: "+socket+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gh, args...)
	cmd.Env = []string{"GH_CONFIG_DIR=" + dir, "HOME=" + dir, "GH_TOKEN=ghp_placeholder", "PATH=" + os.Getenv("PATH"), "GH_NO_UPDATE_NOTIFIER=1"}
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("gh %s: %v %s", strings.Join(args, " "), err, out)
	}
	if len(seen) == 0 {
		t.Fatalf("gh %s sent nothing", strings.Join(args, " "))
	}
	return seen
}

// TestRealGH asks that what gh reads of one repository is claimed for that repository alone, by name or by id, and that
// its mutations go by the same names as the REST API's operations.
func TestRealGH(t *testing.T) {
	for _, args := range []string{"pr list -R O/R", "pr list -R O/R --state all --json number,title,author,headRepository,labels,files",
		"issue list -R O/R", "issue view 1 -R O/R", "issue view 1 -R O/R --comments", "pr view 1 -R O/R", "repo view O/R",
		"release list -R O/R", "api repos/O/R/pulls", "workflow list -R O/R", "pr list -R O/R --author @me", "pr status -R O/R",
		"issue list -R O/R --label bug", "search prs --repo O/R x", "auth status"} {
		for _, m := range ghRequests(t, strings.Fields(args)...) {
			for _, a := range m.Actions {
				if a.Class != Read || a.Resource.String() != "repo:o/r" && !a.Public {
					t.Errorf("gh %s: %s %s", args, spell(m), m.Reason)
				}
			}
		}
	}
	for args, want := range map[string]string{
		"pr close 1 -R O/R":                      "close_pr write repo:o/r",
		"pr comment 1 -R O/R --body x":           "add_comment write repo:o/r",
		"pr review 1 -R O/R --approve":           "submit_review write repo:o/r; approve_pr write repo:o/r",
		"issue close 1 -R O/R":                   "close_issue write repo:o/r",
		"issue comment 1 -R O/R --body x":        "add_comment write repo:o/r",
		"issue create -R O/R --title x --body y": "create_issue write repo:o/r",
		"issue delete 1 -R O/R --confirm":        "delete_issue admin repo:o/r",
		"issue pin 1 -R O/R":                     "pin_issue write repo:o/r",
		"api graphql -f query=mutation{archiveRepository(input:{repositoryId:\"x\"}){clientMutationId}}": "archive_repo admin repo:o/r",
	} {
		var got []string
		for _, m := range ghRequests(t, strings.Fields(args)...) {
			if m.Actions[0].Class != Read {
				got = append(got, spell(m))
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("gh %s: %q, want %q", args, got, want)
		}
	}
}
