package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// Session runs clients: through the built program under a policy, or, as the control, directly.
type Session struct {
	Origin  *Origin
	Dir     string   // mode 0700: the child's home, the policy, the audit log
	Policy  string   // file
	Prefix  []string // goes before a client's command; empty: none
	Env     []string // the supervisor's whole environment
	UID     int      // if not 0, whom it runs as; see Give
	Unset   []string // variables that are taken from the client again
	Work    string   // where the client starts, below its home
	Catches bool     // connections reach the proxy whatever the client knows of it

	read map[string]bool // audit files of earlier runs
}

// Result is what one run of a client did.
type Result struct {
	Stdout, Stderr string
	Code           int
	Env            map[string]string // what the client found in its environment
	Seen           []Seen            // what arrived at the origins
	AuditText      []byte            // the log of this run, as it is
	Audit          []Record          // and read
}

// Record is one line of the audit log, its nested objects flattened: "request.path".
type Record map[string]any

// compiled are the programs that Build has linked, by their path: once for all tests of a package.
var compiled sync.Map // of func() ([]byte, error)

// Build compiles the package at path into dir, with the race detector if the tests have it.
func Build(t testing.TB, dir, path string) string {
	t.Helper()
	once, _ := compiled.LoadOrStore(path, sync.OnceValues(func() ([]byte, error) { return compile(path) }))
	program, err := once.(func() ([]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, filepath.Base(path))
	syscall.ForkLock.RLock() // what is forked meanwhile would hold it open for writing, and nothing could run it
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func compile(path string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "agentguard-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program")
	args := []string{"build", "-tags", "urfave_cli_no_docs", "-o", file}
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, path)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s: %w\n%s", path, err, out)
	}
	return os.ReadFile(file)
}

// NewSession prepares runs of program with the policy made from the template file.
func NewSession(t testing.TB, o *Origin, program, policy string) *Session {
	t.Helper()
	s := &Session{Origin: o, Dir: privateDir(t), read: map[string]bool{}}
	s.WritePolicy(t, policy, "env:E2E_ECHO")
	s.Write(t, "crm-key", o.Secrets["crm"]+"\n")
	s.Write(t, "origin-ca.pem", string(o.CA))
	s.Prefix = []string{program, "run", "--isolation", "env", "--policy", s.Policy, "--"}
	s.Env = append(s.plainEnv(),
		"E2E_ECHO="+o.Secrets["echo"], "E2E_MAPS="+o.Secrets["maps"], "E2E_GITHUB="+o.Secrets["github"],
		"E2E_OPENAI="+o.Secrets["openai"], "E2E_ANTHROPIC="+o.Secrets["anthropic"])
	return s
}

// Isolate has the next runs use a level by name.
func (s *Session) Isolate(level string) {
	s.Prefix = []string{s.Prefix[0], "run", "--isolation", level, "--policy", s.Policy, "--"}
}

// NewControl prepares runs without the program: the same clients hold the real credentials and reach the origins
// through a tunnel that changes nothing; Node, which knows no proxy, by the script preload. It shows that the clients work,
// and that what is looked for can be found.
func NewControl(t testing.TB, o *Origin, preload string) *Session {
	t.Helper()
	s := &Session{Origin: o, Dir: privateDir(t), read: map[string]bool{}}
	proxy, ca := tunnel(t, o.Addr), s.Write(t, "origin-ca.pem", string(o.CA))
	s.Env = s.plainEnv()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "http_proxy"} {
		s.Env = append(s.Env, name+"="+proxy)
	}
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NODE_EXTRA_CA_CERTS", "PERL_LWP_SSL_CA_FILE"} {
		s.Env = append(s.Env, name+"="+ca)
	}
	wgetrc := s.Write(t, "wgetrc", "ca_certificate="+ca+"\n")
	php := filepath.Dir(s.Write(t, "php.ini", "curl.cainfo="+ca+"\n"))
	preload, err := filepath.Abs(preload)
	if err != nil {
		t.Fatal(err)
	}
	k := o.Secrets
	s.Env = append(s.Env, "PERL_LWP_ENV_PROXY=1", "WGETRC="+wgetrc, "PHP_INI_SCAN_DIR=:"+php, "ORIGIN="+o.Addr, "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"NODE_OPTIONS=--require="+preload, "ECHO_TOKEN="+k["echo"], "CRM_KEY="+k["crm"], "MAPS_KEY="+k["maps"],
		"GITHUB_TOKEN="+k["github"], "GH_TOKEN="+k["github"], "OPENAI_API_KEY="+k["openai"], "ANTHROPIC_API_KEY="+k["anthropic"])
	return s
}

// privateDir is a folder of mode 0700. It lies beside t.TempDir, whose parents another user could not pass.
func privateDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agentguard-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// PublicDir is a folder whose files every user can read, as those of t.TempDir cannot be.
func PublicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agentguard-e2e-public-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Write puts a private file into the session's folder.
func (s *Session) Write(t testing.TB, name, text string) string {
	t.Helper()
	file := filepath.Join(s.Dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Give makes another user the owner of the session's folder, and of what Run starts. It takes root.
func (s *Session) Give(t testing.TB, uid int) {
	t.Helper()
	s.UID = uid
	GiveDir(t, s.Dir, uid)
}

// GiveDir makes another user the owner of a folder and of all in it.
func GiveDir(t testing.TB, dir string, uid int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(file, uid, uid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Session) plainEnv() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TMPDIR=" + os.TempDir(),
		"HOME=" + filepath.Join(s.Dir, "home"), "XDG_STATE_HOME=" + filepath.Join(s.Dir, "state"),
		"GORACE=" + os.Getenv("GORACE"),
	}
}

// WritePolicy fills the template; the echo service's credential comes from echoFrom.
func (s *Session) WritePolicy(t testing.TB, file, echoFrom string) {
	t.Helper()
	tmpl, err := template.ParseFiles(file)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	err = tmpl.Execute(&text, map[string]any{
		"Addr": s.Origin.Addr, "Dir": s.Dir, "Hosts": s.Origin.Hosts(), "EchoFrom": echoFrom,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Policy = s.Write(t, "agentguard.toml", text.String())
}

// CanRead says whether whoever Run starts could read a file or folder.
func (s *Session) CanRead(path string) bool {
	cmd := exec.Command("test", "-r", path)
	runAs(cmd, s.UID)
	return cmd.Run() == nil
}

// Run runs a client to its end and gathers what everybody saw.
func (s *Session) Run(t testing.TB, limit time.Duration, argv ...string) *Result {
	t.Helper()
	s.Origin.Forget()
	envFile := filepath.Join(s.Dir, "home", s.Work, "child-env")
	if len(s.Unset) > 0 {
		without := []string{"env"}
		for _, name := range s.Unset {
			without = append(without, "-u", name)
		}
		argv = append(without, argv...)
	}
	argv = append([]string{"sh", "-c", `env -0 >"$1"; shift; exec "$@"`, "sh", envFile}, argv...)
	argv = append(append([]string(nil), s.Prefix...), argv...)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = s.Env, filepath.Join(s.Dir, "home", s.Work), &stdout, &stderr
	runAs(cmd, s.UID)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v\n%s", argv, err, stderr.String())
	}
	log := s.audit(t)
	return &Result{
		Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode(),
		Env: readEnv(t, envFile), Seen: s.Origin.Seen(), AuditText: log, Audit: records(t, log),
	}
}

func readEnv(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	env := map[string]string{}
	for entry := range strings.SplitSeq(string(text), "\x00") {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	os.Remove(file)
	return env
}

// audit reads the log files that appeared since the last run.
func (s *Session) audit(t testing.TB) []byte {
	t.Helper()
	var log []byte
	err := filepath.WalkDir(filepath.Join(s.Dir, "state"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".jsonl" || s.read[file] {
			return ignoreMissing(err)
		}
		s.read[file] = true
		text, err := os.ReadFile(file)
		log = append(log, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func records(t testing.TB, log []byte) []Record {
	t.Helper()
	var all []Record
	for line := range bytes.Lines(log) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("audit line %q: %v", line, err)
		}
		flat := Record{}
		flatten(flat, "", v)
		all = append(all, flat)
	}
	return all
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func flatten(into Record, prefix string, v map[string]any) {
	for name, value := range v {
		if nested, ok := value.(map[string]any); ok {
			flatten(into, prefix+name+".", nested)
			continue
		}
		into[prefix+name] = value
	}
}

// String shows all of it, for a failed test.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "exit %d\n--- stdout\n%s\n--- stderr\n%s\n--- origins saw\n", r.Code, r.Stdout, r.Stderr)
	for _, s := range r.Seen {
		fmt.Fprintf(&b, "%s %s%s %s good=%v %v\n", s.Method, s.Host, s.Path, s.Proto, s.Good, s.Header)
	}
	b.WriteString("--- audit\n")
	for _, a := range r.Audit {
		line, _ := json.Marshal(a)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// Recorded finds the audit record of a request ("GET host/path") with that effect.
func (r *Result) Recorded(request, effect string) Record {
	method, rest, _ := strings.Cut(request, " ")
	host, path, _ := strings.Cut(rest, "/")
	for _, a := range r.Audit {
		authority, _ := a["request.authority"].(string)
		if a["effect"] == effect && a["request.method"] == method && a["request.path"] == "/"+path && strings.TrimSuffix(authority, ":443") == host {
			return a
		}
	}
	return nil
}
