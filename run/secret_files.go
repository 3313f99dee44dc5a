package run

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"agentguard/run/clients"
	"agentguard/run/environ"
	"agentguard/run/sandbox"
)

// jobSecrets are the files of secrets that CI systems keep beside a job's working directory: what GitHub's checkout leaves for
// git from its version 6 on, GitLab's variables of type file, Jenkins' credentials of type file.
func jobSecrets(get func(string) string) (paths []string) {
	if dir := get("RUNNER_TEMP"); filepath.IsAbs(dir) {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), "git-credentials-") {
				paths = append(paths, filepath.Join(dir, entry.Name()))
			}
		}
	}
	if dir := get("CI_PROJECT_DIR"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Clean(dir)+".tmp")
	}
	if dir := get("WORKSPACE_TMP"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Join(dir, "secretFiles"))
	}
	return paths
}

// sealedSecrets are files that level sealed alone hides: they lie among others that the command makes, and at level filtered nothing new could
// be made beside what is hidden.
func (s *session) sealedSecrets(p sandbox.Places) []string {
	paths := append(tickets(s.env), s.namedSecrets(p.Dir)...)
	if cache := cmp.Or(s.env.Get("XDG_CACHE_HOME"), filepath.Join(p.Home, ".cache")); filepath.IsAbs(cache) {
		for _, name := range cachedSecrets {
			paths = append(paths, filepath.Join(cache, name))
		}
	}
	return paths
}

// cachedSecrets are what was copied to the clipboard, mail, what a screen showed, an index of texts, and logins, among what tools keep in a cache.
var cachedSecrets = []string{"evolution", "thunderbird", "geary", "zellij", "tracker", "tracker3", "cliphist", "clipcat", "greenclip.history", "clipboard-indicator@tudmotu.com", "spotify-player/credentials.json"}

// tickets are where Kerberos keeps its own.
func tickets(env *environ.Env) []string {
	paths, _ := filepath.Glob("/tmp/krb5cc*")
	for _, name := range []string{"KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME"} {
		path := env.Get(name)
		if _, rest, typed := strings.Cut(path, ":"); typed && !filepath.IsAbs(path) {
			path = strings.TrimLeft(rest, ":") // of a collection: DIR::/path
		}
		if filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// namedSecrets are the files to which variables lead that the command does not get, since they look secret:
// GOOGLE_APPLICATION_CREDENTIALS, DB_PASSWORD_FILE, SSH_AUTH_SOCK. Not those in the directory that it works in.
func (s *session) namedSecrets(dir string) (paths []string) {
	kept := envPlan{Pass: s.Policy.Env.Pass, Extra: s.Extra}
	for _, name := range s.env.Names() {
		path := filepath.Clean(s.env.Get(name))
		if !filepath.IsAbs(path) || clients.Reserved(name) || kept.passed(name) || !environ.LooksSecret(name, path) || strings.HasSuffix(strings.ToUpper(name), "ASKPASS") {
			continue
		}
		info, err := os.Stat(path)
		if inside, _ := filepath.Rel(dir, path); err == nil && !info.IsDir() && !filepath.IsLocal(inside) {
			paths = append(paths, path)
		}
	}
	return paths
}
