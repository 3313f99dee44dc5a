package testbed

import (
	"encoding/json"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// githubAPI is as much of api.github.com as gh and octokit need for the calls of the tests.
func githubAPI(graphql http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user", answer(http.StatusOK, map[string]any{"login": "octocat", "id": 1}))
	mux.HandleFunc("GET /repos/{owner}/{repo}", answer(http.StatusOK, map[string]any{
		"id": 7, "name": "myrepo", "full_name": "myorg/myrepo", "default_branch": "main",
	}))
	mux.HandleFunc("POST /repos/{owner}/{repo}/pulls", func(w http.ResponseWriter, r *http.Request) {
		var pull struct{ Title, Head, Base string }
		if err := json.NewDecoder(r.Body).Decode(&pull); err != nil {
			answer(http.StatusUnprocessableEntity, map[string]any{"message": err.Error()})(w, r)
			return
		}
		answer(http.StatusCreated, map[string]any{
			"number": 42, "state": "open", "title": pull.Title,
			"html_url": "https://github.com/" + r.PathValue("owner") + "/" + r.PathValue("repo") + "/pull/42",
		})(w, r)
	})
	mux.HandleFunc("DELETE /repos/{owner}/{repo}", answer(http.StatusNoContent, nil))
	mux.Handle("POST /graphql", graphql)
	return mux
}

// answer is a fixed JSON answer.
func answer(status int, v any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		if v != nil {
			json.NewEncoder(w).Encode(v)
		}
	}
}

// gitBackend serves the bare repositories under root through git's own CGI program.
func gitBackend(root string) http.Handler {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return answer(http.StatusServiceUnavailable, map[string]any{"message": "git is not here"})
	}
	return &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
			"REMOTE_USER=octocat", // http-backend allows receive-pack to authenticated users only
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
	}
}

// NewRepo makes the bare repository name ("myorg/myrepo") with one commit on main.
func (o *Origin) NewRepo(t testing.TB, name string) {
	t.Helper()
	bare := filepath.Join(o.Repos, name+".git")
	git(t, "", "init", "-q", "--bare", "-b", "main", bare)
	work := t.TempDir()
	git(t, "", "clone", "-q", bare, work)
	if err := os.WriteFile(filepath.Join(work, "README"), []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, work, "checkout", "-q", "-B", "main")
	git(t, work, "add", "README")
	git(t, work, "commit", "-q", "-m", "first")
	git(t, work, "push", "-q", "origin", "main")
}

// git runs git in dir, apart from the user's own settings.
func git(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=Tester", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=Tester", "GIT_COMMITTER_EMAIL=t@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
