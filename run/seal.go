package run

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"agentguard/run/sandbox"
	"agentguard/vault"
)

// sealed is the name of the level that has namespaces.
const sealed = "sealed"

// secretPaths are below the user's home and hold secrets of other tools, or what a person did.
var secretPaths = []string{
	".netrc", "_netrc", ".authinfo", ".authinfo.gpg", ".git-credentials", ".config/git/credentials", ".config/gh", ".config/hub", ".config/glab-cli",
	".ssh", ".gnupg", ".password-store", ".config/op", ".config/sops/age", ".config/age", ".vault-token", ".local/share/keyrings", ".local/share/kwalletd",
	".aws", ".azure", ".config/gcloud", ".config/doctl", ".config/hcloud", ".fly", ".oci", ".boto", ".s3cfg", ".config/rclone",
	".kube", ".docker", ".config/containers/auth.json", ".terraform.d/credentials.tfrc.json", ".terraformrc",
	".npmrc", ".yarnrc", ".pypirc", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml", ".m2/settings-security.xml", ".composer/auth.json", ".config/composer/auth.json", ".nuget/NuGet/NuGet.Config",
	".pgpass", ".my.cnf", ".mylogin.cnf",
	".mozilla", ".librewolf", ".thunderbird", ".config/google-chrome", ".config/chromium", ".config/BraveSoftware", ".config/microsoft-edge", ".config/vivaldi", ".config/opera",
	"snap/firefox", "snap/chromium", ".var/app",
	".config/Slack", ".config/discord", ".config/Signal", ".local/share/TelegramDesktop", ".config/Bitwarden", ".config/1Password",
	".bash_history", ".zsh_history", ".histfile", ".zhistory", ".local/share/fish/fish_history", ".python_history", ".node_repl_history", ".psql_history", ".mysql_history", ".sqlite_history", ".rediscli_history", ".lesshst",
}

// startPaths are below the user's home too: what stands there is executed later, outside of the sandbox.
var startPaths = []string{
	".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".config/fish", ".inputrc",
	".xprofile", ".xsession", ".xsessionrc", ".xinitrc", ".pam_environment", ".config/autostart", ".config/autostart-scripts", ".config/plasma-workspace", ".config/systemd", ".config/environment.d", ".local/share/systemd", ".local/share/dbus-1",
	".gitconfig", ".config/git", ".vimrc", ".config/nvim", ".emacs", ".tmux.conf", ".config/tmux", ".screenrc", ".crontab", "Library/LaunchAgents",
}

// systemTrust are files of roots that programs read without being told so by a variable. All are read as our bundle inside.
var systemTrust = append([]string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/certs/ca-bundle.crt"}, systemRoots...)

// javaTrust are Java's.
var javaTrust = []string{"/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts", "/etc/pki/java/cacerts"}

// rules are the views of a sealed run's files; the policy's own come last and win.
func (s *session) rules() []sandbox.Rule {
	env := NewEnv(s.Environ)
	var rules []sandbox.Rule
	add := func(v sandbox.View, paths ...string) {
		for _, p := range paths {
			if filepath.IsAbs(p) && filepath.Clean(p) != "/" {
				rules = append(rules, sandbox.Rule{Path: filepath.Clean(p), View: v})
			}
		}
	}
	home := env.Get("HOME")
	if os.Geteuid() == 0 { // the file system is read-only then
		add(sandbox.Writable, home, s.workDir(), os.TempDir(), env.Get("TMPDIR"), "/tmp", "/var/tmp")
	}
	add(sandbox.Hidden, env.Get("XDG_RUNTIME_DIR"), "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d")
	if home != "" {
		add(sandbox.Fixed, filepath.Join(home, ".config"))
		for _, p := range startPaths {
			add(sandbox.ReadOnly, filepath.Join(home, p))
		}
		for _, p := range secretPaths {
			add(sandbox.Hidden, filepath.Join(home, p))
		}
	}
	if git, hooks := gitDirs(s.workDir()); git != "" {
		add(sandbox.Fixed, git)
		add(sandbox.ReadOnly, hooks)
	}
	add(sandbox.Hidden, s.Hide...)
	add(sandbox.Hidden, s.sourceFiles()...)
	add(sandbox.ReadOnly, s.Policy.Source, s.dir)
	return rules
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

// gitDirs finds the repository that dir is in: its directory, which a work tree shares, and that of its hooks.
func gitDirs(dir string) (git, hooks string) {
	for ; dir != "" && dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".git")
		info, err := os.Stat(path)
		switch {
		case err != nil:
			continue
		case !info.IsDir():
			path = linkedGit(path)
		}
		hooks = filepath.Join(path, "hooks")
		if err := os.Mkdir(hooks, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return path, ""
		}
		return path, hooks
	}
	return "", ""
}

// linkedGit follows the file that a work tree has in the place of a directory (gitrepository-layout(5)).
func linkedGit(file string) string {
	text, err := os.ReadFile(file)
	to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if err != nil || !ok {
		return file
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(file), to)
	}
	if common, err := os.ReadFile(filepath.Join(to, "commondir")); err == nil {
		dir := strings.TrimSpace(string(common))
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(to, dir)
		}
		return dir
	}
	return to
}

// seal makes the box of a sealed run. It comes before this process is made undumpable, and so before any secret.
func (s *session) seal() error {
	config := sandbox.Config{Rules: s.rules(), Root: os.Geteuid() == 0, Ports: []int{22}}
	for _, port := range append(s.Policy.Ports(), 80, 443) {
		if p := int(port); !contains(config.Ports, p) && p != 53 {
			config.Ports = append(config.Ports, p)
		}
	}
	box, err := sandbox.Start(config)
	if err != nil {
		return unsealed(err)
	}
	s.box = box
	return nil
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// unsealed says why there is no box, and what mends it.
func unsealed(err error) error {
	var p *sandbox.Problem
	hint := "--isolation env runs it unconfined"
	if errors.As(err, &p) && p.Mend != "" {
		hint = p.Mend
	}
	e := failure(err, hint).(*ExitError)
	e.Reason = "isolation sealed does not work here: " + e.Reason
	return e
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
	for port, l := range s.box.Forward {
		go forward(l, port)
	}
	var shown []sandbox.Replacement
	for _, path := range systemTrust {
		shown = append(shown, sandbox.Replacement{Path: path, Source: s.files.Bundle})
	}
	for _, path := range javaTrust {
		shown = append(shown, sandbox.Replacement{Path: path, Source: s.files.PKCS12})
	}
	if err := s.box.Show(shown); err != nil {
		return unsealed(err)
	}
	return nil
}

// forward leads connections to a port of the loopback inside to the same port outside.
func forward(l net.Listener, port int) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			to, err := net.Dial("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
			if err != nil {
				return
			}
			defer to.Close()
			go pipe(to, c)
			pipe(c, to)
		}()
	}
}

// pipe copies one direction and passes its end on.
func pipe(dst, src net.Conn) {
	io.Copy(dst, src)
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
