package origin

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// GitHub is a handler with the few operations of GitHub's REST API that the demo and the tests need. It knows one token: as
// a bearer (GitHub's old word "token" too) or as a Basic password; anything else is a 401, as at GitHub.
//
// GET /repos/{o}/{r}/contents/{path...} is the leak: it gives the request's credential back, as it came and in base64, in the
// body and in a header, as a debugging endpoint or an error page of a real service may.
func GitHub(token string) http.Handler {
	g := &gitHub{token: token}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user", g.user)
	mux.HandleFunc("GET /repos/{owner}/{repo}", g.repo)
	mux.HandleFunc("DELETE /repos/{owner}/{repo}", g.deleteRepo)
	mux.HandleFunc("GET /repos/{owner}/{repo}/pulls", g.pulls)
	mux.HandleFunc("POST /repos/{owner}/{repo}/pulls", g.createPull)
	mux.HandleFunc("GET /repos/{owner}/{repo}/contents/{path...}", g.echo)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	})
	return g.authenticated(mux)
}

type gitHub struct {
	token string
	pull  atomic.Int64
}

func (g *gitHub) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch g.token {
		case bearer(r), password:
			next.ServeHTTP(w, r)
		default:
			answer(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials"})
		}
	})
}

func bearer(r *http.Request) string {
	var scheme, value string
	fmt.Sscanf(r.Header.Get("Authorization"), "%s %s", &scheme, &value)
	if scheme == "Bearer" || scheme == "token" {
		return value
	}
	return ""
}

func (g *gitHub) user(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]any{"login": "octocat", "id": 1, "type": "User"})
}

func (g *gitHub) repo(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]any{"full_name": r.PathValue("owner") + "/" + r.PathValue("repo"), "private": true})
}

func (g *gitHub) deleteRepo(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusNoContent)
}

func (g *gitHub) pulls(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, []any{}) }

func (g *gitHub) createPull(w http.ResponseWriter, r *http.Request) {
	var in struct{ Title, Head, Base string }
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&in); err != nil || in.Head == "" || in.Base == "" {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed"})
		return
	}
	n := g.pull.Add(1)
	answer(w, http.StatusCreated, map[string]any{
		"number": n, "title": in.Title, "state": "open",
		"html_url": fmt.Sprintf("https://github.com/%s/%s/pull/%d", r.PathValue("owner"), r.PathValue("repo"), n),
	})
}

func (g *gitHub) echo(w http.ResponseWriter, r *http.Request) {
	auth := r.Header.Get("Authorization")
	w.Header().Set("X-Debug-Authorization", auth)
	answer(w, http.StatusOK, map[string]any{
		"message":       "debug: this request came with the headers below",
		"authorization": auth,
		"base64":        base64.StdEncoding.EncodeToString([]byte(auth)),
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
