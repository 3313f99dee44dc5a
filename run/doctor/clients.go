package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"agentguard/run/origin"
)

// perClient bounds one program, and atOnce how many run: some (java, node) fill a core while they start.
const (
	perClient = 20 * time.Second
	atOnce    = 2
)

// host is what the embedded origin plays. It leads nowhere (RFC 2606 section 2), so that a program which goes round the
// proxy reaches nobody.
const host = "doctor.example"

// client is a program, and how it gets a URL.
type client struct {
	name    string
	program string
	args    []string // URL and PATH are replaced
	env     []string
	fix     string // where this program keeps settings that beat the environment
}

// missing is the exit code of a script of ours that lacks its library; as a program's own code it means something else
// (curl: the CA file cannot be read).
const missing = 77

func (k client) isScript() bool { return k.program == "python3" || k.program == "node" }

var clients = []client{
	{"curl", "curl", []string{"-sS", "--fail", "--max-time", "8", "URL"}, nil,
		"look in ~/.curlrc for proxy, cacert or noproxy"},
	{"wget", "wget", []string{"-q", "-O", "-", "-t", "1", "-T", "8", "URL"}, nil,
		"look in ~/.wgetrc and /etc/wgetrc for use_proxy, https_proxy or ca_certificate"},
	{"git", "git", []string{"ls-remote", "URL"}, []string{"GIT_TERMINAL_PROMPT=0"},
		"git config --show-origin --get-regexp '^http\\.'   (a proxy or sslCAInfo there beats the environment)"},
	{"gh", "gh", []string{"api", "PATH"}, []string{"GH_HOST=" + host},
		"look in ~/.config/gh/config.yml for http_unix_socket"},
	{"python urllib", "python3", []string{"-c", pythonURLLib, "URL"}, nil,
		"look for a sitecustomize that sets a proxy or a CA"},
	{"python requests", "python3", []string{"-c", pythonRequests, "URL"}, nil,
		"look for a sitecustomize or ~/.netrc that changes requests"},
	{"node fetch", "node", []string{"-e", nodeFetch, "URL"}, nil,
		"look for a NODE_OPTIONS of your own, and node --version: 20 or later"},
	{"node https", "node", []string{"-e", nodeHTTPS, "URL"}, nil,
		"look for a NODE_OPTIONS of your own, and node --version: 20 or later"},
	{"ruby", "ruby", []string{"-rnet/http", "-e", "r = Net::HTTP.get_response(URI(ARGV[0])); exit(r.code == '200' ? 0 : 1)", "URL"}, nil,
		"look for RUBYOPT"},
	{"java", "java", []string{"-Xshare:auto", "-XX:TieredStopAtLevel=1", "JAVA", "URL"}, nil,
		"look for a JAVA_TOOL_OPTIONS of your own, or net.properties of the JDK"},
}

const (
	pythonURLLib = `import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=8).read()`

	pythonRequests = `import sys
try:
    import requests
except ImportError:
    sys.exit(77)
requests.get(sys.argv[1], timeout=8).raise_for_status()`

	nodeFetch = `if (typeof fetch !== "function") process.exit(77);
fetch(process.argv[1]).then(r => process.exit(r.status === 200 ? 0 : 1), e => { console.error(String(e.cause || e)); process.exit(1) })`

	nodeHTTPS = `require("https").get(process.argv[1], r => process.exit(r.statusCode === 200 ? 0 : 1))
  .on("error", e => { console.error(String(e)); process.exit(1) })`

	// A JRE without a compiler cannot run a source file; that is told from other failures by its message.
	javaSource = `import java.net.*;
public class Fetch {
  public static void main(String[] a) throws Exception {
    HttpURLConnection c = (HttpURLConnection) new URL(a[0]).openConnection();
    c.setConnectTimeout(8000);
    c.setReadTimeout(8000);
    System.exit(c.getResponseCode() == 200 ? 0 : 1);
  }
}
`
	noCompiler = "error: compilation"
)

// checkClients runs each program that is installed in a real session against an embedded origin: it must take the proxy,
// trust the run's CA, and arrive there with the real credential.
func checkClients(ctx context.Context, c *Config) []Finding {
	if c.Quick {
		return one(Skip, "clients", "not tried", "")
	}
	l, err := newLab(c)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return one(Fail, "clients", "no session to try them in: "+first, "free space in the temporary directory, or set TMPDIR to one that is there")
	}
	defer l.close()
	all := slices.Clone(clients)
	if len(c.Fetch) > 0 {
		all = append(all, client{"go net/http", c.Fetch[0], append(slices.Clone(c.Fetch[1:]), "URL"), nil,
			"on macOS and Windows Go programs trust the system's store alone"})
	}
	findings := make([]Finding, len(all))
	gate := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i, k := range all {
		wait.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			start := time.Now()
			findings[i] = l.try(ctx, k)
			findings[i].Object, findings[i].Took = k.name, time.Since(start).Milliseconds()
		})
	}
	wait.Wait()
	return findings
}

// lab is an origin and a policy that leads to it.
type lab struct {
	config *Config
	dir    string
	secret string
	origin *origin.Origin
	policy string // file
	work   string // where the programs start; who they run as may read it
}

const labPolicy = `version = 1

[agent]
name = "doctor"

[service.doctor]
hosts = ["` + host + `"]
auth  = "bearer"
[service.doctor.actions]
fetch = "GET /{path...}"

[credential.doctor]
from    = "env:AGENTGUARD_DOCTOR_SECRET"
service = "doctor"
env     = ["GH_ENTERPRISE_TOKEN"]

[allow.fetch]
service = "doctor"
actions = ["fetch"]

[upstream]
ca            = "ca.pem"
allow_private = ["127.0.0.1"]
resolve       = { "` + host + `:443" = "ADDRESS" }
`

func newLab(c *Config) (l *lab, err error) {
	dir, err := os.MkdirTemp("", "agentguard-doctor-")
	if err != nil {
		return nil, err
	}
	l = &lab{config: c, dir: dir, secret: randomSecret()}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.origin, err = origin.Start(origin.Options{Hosts: []string{host}, Handler: l}); err != nil {
		return l, err
	}
	l.policy, l.work = filepath.Join(dir, "agentguard.toml"), filepath.Join(dir, "work")
	text := strings.Replace(labPolicy, "ADDRESS", l.origin.Addr(), 1)
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "ca.pem"), l.origin.CAPEM(), 0o600),
		os.WriteFile(l.policy, []byte(text), 0o600),
		os.Chmod(dir, 0o711), os.Mkdir(l.work, 0o755), os.WriteFile(filepath.Join(l.work, "Fetch.java"), []byte(javaSource), 0o644))
	return l, err
}

func (l *lab) close() {
	if l.origin != nil {
		l.origin.Close()
	}
	os.RemoveAll(l.dir)
}

func randomSecret() string {
	var b [20]byte
	rand.Read(b[:])
	return "doctor_" + hex.EncodeToString(b[:])
}

// ServeHTTP is the API: it knows one bearer, and answers git as an empty repository does.
func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.authorized(r.Header) {
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/info/refs") {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		io.WriteString(w, "001e# service=git-upload-pack\n00000000")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"ok":true}`)
}

// authorized takes both words: gh says "token" where others say "Bearer".
func (l *lab) authorized(h http.Header) bool {
	auth := h.Get("Authorization")
	return auth == "Bearer "+l.secret || auth == "token "+l.secret
}

// try runs one program in a session of its own.
func (l *lab) try(ctx context.Context, k client) Finding {
	program, err := exec.LookPath(k.program)
	if err != nil {
		return Finding{Status: Skip, What: "not installed", Why: " "}
	}
	if to, err := filepath.EvalSymlinks(program); err == nil && filepath.Base(to) == "busybox" {
		k.args = []string{"-q", "-O", "-", "URL"} // all that it has everywhere
	}
	path := "try/" + strings.ReplaceAll(k.name, " ", "-")
	code, said, err := l.session(ctx, append([]string{k.program}, l.fill(k.args, path)...), k.env)
	arrived := l.arrived(path)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Finding{Status: Fail, What: "stopped after " + perClient.String(), Fix: "run doctor again when the machine has less to do, or " + k.fix}
	case err != nil:
		return Finding{Status: Fail, What: err.Error(), Fix: k.fix}
	case k.isScript() && code == missing, k.program == "java" && strings.Contains(said, noCompiler):
		return Finding{Status: Skip, What: "not installed", Why: " "}
	case code == 0 && arrived:
		return Finding{Status: OK, What: "takes the proxy and trusts the run's CA, at isolation " + l.config.taken().String()}
	case arrived:
		return Finding{Status: Fail, What: "the answer did not reach it: " + said, Fix: k.fix}
	}
	return Finding{Status: Fail, What: fmt.Sprintf("nothing arrived (exit code %d): %s", code, said), Fix: k.fix}
}

func (l *lab) fill(args []string, path string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		switch a {
		case "URL":
			out[i] = "https://" + host + "/" + path
		case "PATH":
			out[i] = path
		case "JAVA":
			out[i] = filepath.Join(l.work, "Fetch.java")
		}
	}
	return out
}

// arrived says whether the program's request came with the real credential: nobody else has it.
func (l *lab) arrived(path string) bool {
	return slices.ContainsFunc(l.origin.Requests(), func(s origin.Seen) bool {
		return strings.Contains(s.Path, path) && l.authorized(s.Header)
	})
}

// session runs argv in a run of its own, which is a process of its own: a sandbox is made before a process is protected from others. It
// gives the exit code and the last line that was written.
func (l *lab) session(ctx context.Context, argv, env []string) (code int, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, perClient)
	defer cancel()
	args := append(slices.Clone(l.config.Run[1:]), "--quiet", "--isolation", l.config.taken().String(), "--policy", l.policy)
	for _, e := range env {
		args = append(args, "-e", e)
	}
	cmd := exec.CommandContext(ctx, l.config.Run[0], append(append(args, "--"), argv...)...)
	cmd.Env = append(direct(l.config.Environ), "AGENTGUARD_DOCTOR_SECRET="+l.secret, "XDG_STATE_HOME="+filepath.Join(l.dir, "state"))
	cmd.Dir, cmd.WaitDelay = l.work, time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	said = lastLine(out)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil: // whatever it said when it was ended
		return 0, said, ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() == notRun:
		return notRun, said, errors.New(errorLine(out))
	case errors.As(err, &exit):
		return exit.ExitCode(), said, nil
	}
	return 0, said, err
}

// notRun is the exit code of a run that was none.
const notRun = 125

// direct takes the way out of the user's own environment away: the origin is on this machine.
func direct(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(strings.ToLower(e), "=")
		return name == "http_proxy" || name == "https_proxy" || name == "all_proxy"
	})
}

// errorLine is what a run that was none said went wrong, which hints may follow.
func errorLine(text []byte) string {
	for line := range bytes.Lines(text) {
		if _, said, ok := bytes.Cut(line, []byte("error: ")); ok {
			return strings.TrimSpace(string(said))
		}
	}
	return lastLine(text)
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
