package run

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"agentguard/run/sandbox"
	"agentguard/vault"
)

// places says where things are, for the rules of what a confined child sees.
func (s *session) places() sandbox.Places {
	home := s.env.Get("HOME")
	dir := s.workDir()
	own := func(paths ...string) (out []string) {
		for _, p := range paths {
			if p != "" {
				out = append(out, placeOf(p, home, dir))
			}
		}
		return out
	}
	var caches []string
	for _, name := range slices.Concat(cacheVariables, resultVariables) {
		caches = append(caches, s.env.Get(name))
	}
	i, read := s.Policy.Isolation, s.Policy.Isolation.Read
	for _, f := range s.Policy.Files { // what the next run goes by; elsewhere it could not be changed anyway, and may be hidden
		path, _ := filepath.Abs(f.Path)
		if inside, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(inside) {
			read = append(read[:len(read):len(read)], path)
		}
	}
	policy := s.Policy.Source
	if policy != "" {
		policy, _ = filepath.Abs(policy)
	}
	self, _ := os.Executable()
	return sandbox.Places{
		Home: home, Others: s.ownHomes, Dir: dir, Path: filepath.SplitList(s.env.Get("PATH")), Temp: []string{os.TempDir(), s.env.Get("TMPDIR")}, Caches: caches,
		Jobs: jobSecrets(s.env.Get), Moves: sandbox.Moves(s.env.Get), Runtime: s.dir, Policy: policy, Program: self,
		Secret: own(append(s.sourceFiles(), s.Hide...)...), Read: own(read...), Write: own(i.Write...), Hide: own(i.Hide...),
	}
}

// placeOf is where a path of the policy leads: from the user's directory if it begins with ~, else from where the child starts.
func placeOf(path, home, dir string) string {
	switch {
	case path == "~" || strings.HasPrefix(path, "~/"):
		return filepath.Join(home, path[1:])
	case !filepath.IsAbs(path):
		return filepath.Join(dir, path)
	}
	return path
}

// workDir is where the child starts, as an absolute path.
func (s *session) workDir() string {
	if s.Dir != "" {
		return s.Dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

// sourceFiles are the files that the policy's credentials are read from.
func (s *session) sourceFiles() (files []string) {
	for _, c := range s.Policy.Credentials {
		if ref, err := vault.ParseRef(c.From); err == nil && ref.Backend == "file" {
			files = append(files, ref.Name)
		}
	}
	return files
}

// cacheVariables name directories that tools fill as they work.
var cacheVariables = []string{"XDG_CACHE_HOME", "GOCACHE", "GOMODCACHE", "PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache", "NPM_CONFIG_CACHE", "YARN_CACHE_FOLDER", "CCACHE_DIR"}

// resultVariables name the files in which a step of GitHub Actions, Gitea's or Forgejo's leaves what others read. Not among them:
// GITHUB_ENV, GITHUB_PATH and GITHUB_STATE, by which it could have the steps behind it execute something.
var resultVariables = []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}

// showsKeys says whether the child can sign: nothing hides keys from it, or the policy shows it some, or an agent that has them.
func (s *session) showsKeys() bool {
	shown := s.level.Level == sandbox.Env || s.opens(".gnupg") || s.opens(".ssh")
	for _, name := range append(s.Extra[:len(s.Extra):len(s.Extra)], s.Policy.Env.Pass...) {
		shown = shown || name == "SSH_AUTH_SOCK" || name == "GNUPGHOME"
	}
	return shown
}

// opens says whether the policy shows something of a place below the user's directory that is hidden as a rule.
func (s *session) opens(place string) bool {
	if len(s.Policy.Isolation.Read)+len(s.Policy.Isolation.Write) == 0 {
		return false
	}
	p := s.places()
	for _, path := range append(p.Read, p.Write...) {
		if strings.HasPrefix(path, filepath.Join(p.Home, place)) {
			return true
		}
	}
	return false
}

// tmuxDirs are where the user's tmux looks for a server. Who attaches to one executes what it says (tmux(1), detach-client -E): one of the
// command's must not be found there by a tmux outside.
func (s *session) tmuxDirs(p sandbox.Places) (dirs []string) {
	if !slices.ContainsFunc(p.Path, func(dir string) bool { return exists(filepath.Join(dir, "tmux")) }) {
		return nil
	}
	uid := uint32(os.Geteuid())
	if s.User != nil {
		uid = s.User.UID
	}
	for _, temp := range []string{s.env.Get("TMUX_TMPDIR"), "/tmp"} {
		if filepath.IsAbs(temp) {
			dirs = append(dirs, filepath.Join(temp, "tmux-"+strconv.FormatUint(uint64(uid), 10)))
		}
	}
	return dirs
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// rules are the views of a sealed run's files. Beside what every confined child sees: the user's runtime directory, where
// new sockets appear, is hidden, and hooks that a repository does not have cannot be added.
func (s *session) rules(p sandbox.Places, gitDirs []string) []sandbox.Rule {
	rules := []sandbox.Rule{{Path: "/run/user", View: sandbox.Hidden}} // the variable need not be set
	if dir := s.env.Get("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		rules = append(rules, sandbox.Rule{Path: dir, View: sandbox.Hidden})
	}
	for _, path := range slices.Concat(s.sealedSecrets(p), s.tmuxDirs(p), p.Shells()) {
		rules = append(rules, sandbox.Rule{Path: path, View: sandbox.Hidden})
	}
	for _, git := range gitDirs {
		rules = append(rules, sandbox.Rule{Path: git, View: sandbox.Writable}, sandbox.Rule{Path: filepath.Join(git, "hooks"), View: sandbox.ReadOnly})
	}
	return append(rules, p.Rules()...)
}

// Views says what the child of such a run would see at a level that confines it, of what there is now: the files that are not
// as the rest of the file system, which is read-only. frozen are directories in which files can be changed and no new ones made.
func Views(c Config, level sandbox.Level) (views []sandbox.Rule, frozen []string, err error) {
	s := newSession(c)
	if err := s.become(); err != nil {
		return nil, nil, err
	}
	p := s.places()
	if level == sandbox.Sealed {
		return sandbox.Seen(s.rules(p, sandbox.GitDirs(p.Dir))), nil, nil
	}
	f := &sandbox.Fence{Places: p, User: s.User.Boxed(), Nested: c.Policy.Isolation.Nested}
	if frozen, err = f.Prepare(); err != nil {
		return nil, nil, err
	}
	return f.Views(), frozen, nil
}
