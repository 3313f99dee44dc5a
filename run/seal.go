package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"agentguard/run/sandbox"
	"agentguard/vault"
)

// sealed is the name of the level that has namespaces.
const sealed = "sealed"

// systemTrust are files of roots that programs read without being told so by a variable. All are read as our bundle inside.
var systemTrust = append([]string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/certs/ca-bundle.crt"}, systemRoots...)

// javaTrust are Java's.
var javaTrust = []string{"/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts", "/etc/pki/java/cacerts"}

// places says where things are, for the rules of what a confined child sees.
func (s *session) places() sandbox.Places {
	env := NewEnv(s.Environ)
	home := env.Get("HOME")
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
		caches = append(caches, env.Get(name))
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
	return sandbox.Places{
		Home: home, Others: []string{s.ownHome}, Dir: dir, Path: filepath.SplitList(env.Get("PATH")), Temp: []string{os.TempDir(), env.Get("TMPDIR")}, Caches: caches,
		Jobs: jobSecrets(env.Get), Moves: sandbox.Moves(env.Get), Runtime: s.dir, Policy: policy,
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

// cacheVariables name directories that tools fill as they work.
var cacheVariables = []string{"XDG_CACHE_HOME", "GOCACHE", "GOMODCACHE", "PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache", "NPM_CONFIG_CACHE", "YARN_CACHE_FOLDER", "CCACHE_DIR"}

// resultVariables name the files in which a step of GitHub Actions, Gitea's or Forgejo's leaves what others read. Not among them:
// GITHUB_ENV, GITHUB_PATH and GITHUB_STATE, by which it could have the steps behind it execute something.
var resultVariables = []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}

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

// makeFirst makes what the child needs and could not make.
func (s *session) makeFirst(p sandbox.Places) {
	mend := ""
	s.User.Do(func() error {
		for _, dir := range p.First(s.Argv) {
			os.MkdirAll(dir, 0o700)
		}
		mend = p.LinkState(s.Argv)
		s.makeWritten(p)
		return nil
	})
	s.unsettled = p.Unsettled()
	if mend != "" {
		s.Say("Claude Code saves nothing in ~/.claude.json when it is confined, as it replaces that file. To mend it for good: %s", mend)
	}
}

// makeWritten makes what the policy lets the child write and is not there, where a slash at its end says that it is a directory. What
// is not there cannot be held open, so without the slash nothing could write it: that is said.
func (s *session) makeWritten(p sandbox.Places) {
	for _, written := range s.Policy.Isolation.Write {
		place := placeOf(written, p.Home, p.Dir)
		if strings.HasSuffix(written, "/") {
			os.MkdirAll(place, 0o700)
		}
		if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
			s.Say("isolation.write: %s is not there, so nothing can write it. Make it first; %q, with a slash, has a directory made", written, strings.TrimSuffix(written, "/")+"/")
		}
	}
}

// makePlaces makes what must be there to be hidden, read-only or writable in a sealed run.
func (s *session) makePlaces(p sandbox.Places, gitDirs []string) {
	s.makeFirst(p)
	if filepath.IsAbs(s.StateHome) {
		os.MkdirAll(filepath.Join(s.StateHome, "agentguard"), 0o700)
	}
	s.User.Do(func() error {
		for _, git := range gitDirs {
			os.Mkdir(filepath.Join(git, "hooks"), 0o755)
		}
		if p.Home != "" && hasBrowser(p.Home) {
			os.Mkdir(filepath.Join(p.Home, filepath.Dir(filepath.Dir(nssFile))), 0o700) // an empty one means nothing to them outside
		}
		return nil
	})
}

// browsers are where Chromium and what is built on it is found: those of the machine, and below the user's directory those that
// Playwright and Puppeteer have.
var browsers = []string{
	"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/microsoft-edge", "/usr/bin/brave-browser", "/opt/google/chrome",
	"~/.cache/ms-playwright", "~/.cache/puppeteer",
}

func hasBrowser(home string) bool {
	return slices.ContainsFunc(browsers, func(path string) bool {
		_, err := os.Stat(placeOf(path, home, "/"))
		return err == nil
	})
}

// rules are the views of a sealed run's files. Beside what every confined child sees: the user's runtime directory, where
// new sockets appear, is hidden, and hooks that a repository does not have cannot be added.
func (s *session) rules(p sandbox.Places, gitDirs []string) []sandbox.Rule {
	rules := []sandbox.Rule{{Path: "/run/user", View: sandbox.Hidden}} // the variable need not be set
	env := NewEnv(s.Environ)
	if dir := env.Get("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		rules = append(rules, sandbox.Rule{Path: dir, View: sandbox.Hidden})
	}
	for _, path := range tickets(env) {
		rules = append(rules, sandbox.Rule{Path: path, View: sandbox.Hidden})
	}
	for _, git := range gitDirs {
		rules = append(rules, sandbox.Rule{Path: git, View: sandbox.Writable}, sandbox.Rule{Path: filepath.Join(git, "hooks"), View: sandbox.ReadOnly})
	}
	return append(rules, p.Rules()...)
}

// tickets are where Kerberos keeps its own: among other temporary files as a rule, so that at level filtered, where to hide one is to
// make nothing new beside it, they stay.
func tickets(env *Env) []string {
	paths, _ := filepath.Glob("/tmp/krb5cc*")
	if _, path, ok := strings.Cut(env.Get("KRB5CCNAME"), ":"); ok && filepath.IsAbs(path) {
		paths = append(paths, path)
	}
	return paths
}

// Views says what the child of such a run would see at a level that confines it, of what there is now: the files that are not
// as the rest of the file system, which is read-only. frozen are directories in which files can be changed and no new ones made.
func Views(c Config, level sandbox.Level) (views []sandbox.Rule, frozen []string, err error) {
	s := &session{Config: c}
	if err := s.become(); err != nil {
		return nil, nil, err
	}
	p := s.places()
	if level == sandbox.Sealed {
		return sandbox.Seen(s.rules(p, sandbox.GitDirs(p.Dir))), nil, nil
	}
	f := &sandbox.Fence{Places: p, Nested: c.Policy.Isolation.Nested}
	if frozen, err = f.Prepare(); err != nil {
		return nil, nil, err
	}
	return f.Views(), frozen, nil
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

// seal makes the box of a sealed run. That begins before this process is made undumpable, and ends before any secret is loaded;
// meanwhile there is other work to do.
func (s *session) seal() error {
	if err := s.noDirectories(); err != nil {
		s.Begun.Close()
		return err
	}
	box := s.Begun
	if box != nil && s.User != nil {
		box.Kill()
		box = nil
	}
	if box == nil {
		var err error
		if box, err = sandbox.Fork(s.User.Boxed()); err != nil {
			return err
		}
	}
	furnished := make(chan error, 1)
	go func() { furnished <- box.Furnish(s.inside()) }()
	err := box.Forked()
	if err == nil {
		err = s.protect()
	}
	if failed := <-furnished; err == nil {
		err = failed
	}
	if err != nil {
		box.Close()
		return err
	}
	s.box = box
	return nil
}

// noDirectories refuses to give the command an open directory: by it all that is outside can be named as it is there, and written.
func (s *session) noDirectories() error {
	for i, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil {
			continue
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			name := [...]string{"input", "output", "error"}[i]
			return &sandbox.Problem{Step: "keep the command inside: its standard " + name + " is a directory, by which it could name all that is outside", Mend: "give it a file, or /dev/null"}
		}
	}
	return nil
}

// inside makes what must be there for a box, and says what it is to be.
func (s *session) inside() sandbox.Config {
	places := s.places()
	gitDirs := sandbox.GitDirs(places.Dir)
	s.makePlaces(places, gitDirs)
	if temp := s.ownTemp(); s.makeOwnDirs(temp, func(place string) bool { return places.Lacks(place) }) == nil {
		places.Temp = append(places.Temp, temp)
	}
	s.toolCaches(places)
	config := sandbox.Config{User: s.User.Boxed(), Rules: s.rules(places, gitDirs), Nested: s.Policy.Isolation.Nested, Ports: []int{22}, Terminal: terminalName(s.Stdin, s.Stdout, s.Stderr)}
	for _, to := range s.Policy.Isolation.AllowTCP {
		if port := int(to.Port()); !contains(config.Forward, port) && !s.isFree(to) {
			config.Forward = append(config.Forward, port)
		}
	}
	for _, port := range append(s.Policy.Ports(), 80, 443) {
		if p := int(port); !contains(config.Ports, p) && !contains(config.Forward, p) && p != 53 {
			config.Ports = append(config.Ports, p)
		}
	}
	return config
}

// isFree says whether nobody answers at an address of the loopback. Its port inside is then the command's own, as it is in a
// filtered run: what listens for it there would keep the command's server from it.
func (s *session) isFree(to netip.AddrPort) bool {
	c, err := net.DialTimeout("tcp", to.String(), time.Second)
	if err == nil {
		c.Close()
	}
	free := errors.Is(err, syscall.ECONNREFUSED)
	if free {
		s.Say("isolation sealed: nothing answers on %s, so the port is the command's own", to)
	}
	return free
}

// terminalName is the path of the first of these that is a terminal, "" where none is: by it programs find the one that they
// have (ttyname(3)), as its own name is not there inside.
func terminalName(files ...*os.File) string {
	for _, f := range files {
		if f == nil || !term.IsTerminal(int(f.Fd())) {
			continue
		}
		if name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd()))); err == nil && strings.HasPrefix(name, "/dev/") {
			return name
		}
	}
	return ""
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// unmet says why the level, which was found to work here, does not after all, and what mends it.
func (s *session) unmet(err error) error {
	w := sandbox.Wish{Level: s.level.Level, Minimum: s.Isolation.Minimum}
	return failure(&sandbox.Unmet{Wish: w, Tried: []sandbox.Tried{{Level: w.Level, Err: err}}}, "")
}

// serveSealed serves the child by the box's listeners, which it alone can reach.
func (s *session) serveSealed() error {
	s.main = s.box.Proxy
	s.files.JavaProxy = s.main.Addr().String()
	go s.proxy.ServeSealed(s.box.Proxy)
	for _, l := range s.box.Captured {
		go s.proxy.ServeCaptured(l)
	}
	if c, ok := s.box.Names.(*net.UDPConn); ok {
		go s.names.ServePackets(c)
	}
	go s.names.ServeStreams(s.box.Queries)
	for _, to := range s.Policy.Isolation.AllowTCP {
		if l := s.box.Forward[int(to.Port())]; l != nil {
			go relay(l, func() (net.Conn, error) { return net.Dial("tcp", to.String()) })
		}
	}
	for port, l := range s.published {
		go relay(l, func() (net.Conn, error) { return s.box.Dial(port) })
	}
	shown := []sandbox.Replacement{{Path: rootsDir, Source: s.files.CertDir, Among: true}}
	for _, path := range systemTrust {
		shown = append(shown, sandbox.Replacement{Path: path, Source: s.files.Bundle})
	}
	for _, path := range javaTrust {
		shown = append(shown, sandbox.Replacement{Path: path, Source: s.files.PKCS12})
	}
	if home := NewEnv(s.Environ).Get("HOME"); filepath.IsAbs(home) && !s.opens(".pki") {
		shown = append(shown, sandbox.Replacement{Path: filepath.Join(home, nssFile), Source: s.files.NSS, Laid: true})
	}
	if err := s.box.Show(shown); err != nil {
		return s.unmet(err)
	}
	return nil
}

// relay leads the connections of a listener elsewhere.
func relay(l net.Listener, dial func() (net.Conn, error)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			to, err := dial()
			if err != nil {
				return
			}
			defer to.Close()
			go pipe(to, c)
			pipe(c, to)
		}()
	}
}

// publish listens on the loopback for what a server of the child's is to be reached by.
func (s *session) publish() error {
	s.published = map[int]net.Listener{}
	for _, port := range s.Publish {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return failure(fmt.Errorf("--publish %d: %w", port, err), "another program has this port")
		}
		s.published[port] = l
		s.closers = append(s.closers, func() { l.Close() })
	}
	return nil
}

// pipe copies one direction and passes its end on.
func pipe(dst, src net.Conn) {
	io.Copy(dst, src)
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
