package run

import (
	"os"
	"path/filepath"
	"strings"
)

// jobSecrets are the files of secrets that CI systems keep beside a job's working directory: what GitHub's checkout leaves for
// git from its version 6 on, GitLab's variables of type file, Jenkins' credentials of type file.
func jobSecrets(get func(string) string) (paths []string) {
	if dir := get("RUNNER_TEMP"); filepath.IsAbs(dir) {
		paths, _ = filepath.Glob(filepath.Join(escapeGlob(dir), "git-credentials-*"))
	}
	if dir := get("CI_PROJECT_DIR"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Clean(dir)+".tmp")
	}
	if dir := get("WORKSPACE_TMP"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Join(dir, "secretFiles"))
	}
	return paths
}

// tickets are where Kerberos keeps its own: among other temporary files as a rule, so that at level filtered, where to hide one is to
// make nothing new beside it, they stay.
func tickets(env *Env) []string {
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
// GOOGLE_APPLICATION_CREDENTIALS, DB_PASSWORD_FILE, SSH_AUTH_SOCK. Not those in the directory that it works in, and, as tickets, not at
// level filtered.
func (s *session) namedSecrets(dir string) (paths []string) {
	env, kept := NewEnv(s.Environ), EnvPlan{Pass: s.Policy.Env.Pass, Extra: s.Extra}
	for _, name := range env.Names() {
		path := filepath.Clean(env.Get(name))
		if !filepath.IsAbs(path) || reserved(name) || kept.passed(name) || !looksSecret(name, path) || strings.HasSuffix(strings.ToUpper(name), "ASKPASS") {
			continue
		}
		info, err := os.Stat(path)
		if inside, _ := filepath.Rel(dir, path); err == nil && !info.IsDir() && !filepath.IsLocal(inside) {
			paths = append(paths, path)
		}
	}
	return paths
}
