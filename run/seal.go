package run

import (
	"errors"
	"fmt"
	"io"
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

// systemTrust are files of roots that programs read without being told so by a variable. All are read as our bundle inside.
var systemTrust = append([]string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/certs/ca-bundle.crt"}, systemRoots...)

// javaTrust are Java's.
var javaTrust = []string{"/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts", "/etc/pki/java/cacerts"}

// places says where things are, for the rules of what a confined child sees.
func (s *session) places() sandbox.Places {
	env := NewEnv(s.Environ)
	home := env.Get("HOME")
	own := func(paths []string) (out []string) {
		for _, p := range paths {
			if rest, ok := strings.CutPrefix(p, "~"); ok {
				p = filepath.Join(home, rest)
			}
			out = append(out, p)
		}
		return out
	}
	i := s.Policy.Isolation
	return sandbox.Places{
		Home: home, Dir: s.workDir(), Temp: []string{os.TempDir(), env.Get("TMPDIR")}, Runtime: s.dir, Policy: s.Policy.Source,
		Secret: append(s.sourceFiles(), s.Hide...), Read: own(i.Read), Write: own(i.Write), Hide: own(i.Hide),
	}
}

// firstCaches are made where they are missing: their tools would make them, in a home directory that is read-only inside.
var firstCaches = []string{".cache", ".npm", "go/pkg"}

// rules are the views of a sealed run's files. Beside what every confined child sees: the user's runtime directory, where
// new sockets appear, is hidden, and hooks that a repository does not have cannot be added.
func (s *session) rules() []sandbox.Rule {
	p := s.places()
	for _, name := range firstCaches {
		if p.Home != "" {
			os.MkdirAll(filepath.Join(p.Home, name), 0o700)
		}
	}
	if filepath.IsAbs(s.StateHome) { // what is to be hidden must be there
		os.MkdirAll(filepath.Join(s.StateHome, "agentguard"), 0o700)
	}
	var rules []sandbox.Rule
	if p.Home != "" {
		rules = append(rules, sandbox.Rule{Path: p.Home, View: sandbox.ReadOnly})
	}
	if dir := NewEnv(s.Environ).Get("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		rules = append(rules, sandbox.Rule{Path: dir, View: sandbox.Hidden})
	}
	for _, git := range sandbox.GitDirs(p.Dir) {
		hooks := filepath.Join(git, "hooks")
		os.Mkdir(hooks, 0o755)
		rules = append(rules, sandbox.Rule{Path: git, View: sandbox.Writable}, sandbox.Rule{Path: hooks, View: sandbox.ReadOnly})
	}
	return append(rules, p.Rules()...)
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

// seal makes the box of a sealed run. It comes before this process is made undumpable, and so before any secret.
func (s *session) seal() error {
	config := sandbox.Config{Rules: s.rules(), Nested: s.Policy.Isolation.Nested, Ports: []int{22}}
	for _, to := range s.Policy.Isolation.AllowTCP {
		if port := int(to.Port()); !contains(config.Forward, port) {
			config.Forward = append(config.Forward, port)
		}
	}
	for _, port := range append(s.Policy.Ports(), 80, 443) {
		if p := int(port); !contains(config.Ports, p) && !contains(config.Forward, p) && p != 53 {
			config.Ports = append(config.Ports, p)
		}
	}
	if err := s.publish(); err != nil {
		return err
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
	for _, to := range s.Policy.Isolation.AllowTCP {
		if l := s.box.Forward[int(to.Port())]; l != nil {
			go relay(l, func() (net.Conn, error) { return net.Dial("tcp", to.String()) })
		}
	}
	for port, l := range s.published {
		go relay(l, func() (net.Conn, error) { return s.box.Dial(port) })
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
