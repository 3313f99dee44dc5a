//go:build linux

package run_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"agentguard/run/testbed"
)

// sealedSession has a home directory as people have them, with isolation in its policy.
func sealedSession(t *testing.T, isolation string) *testbed.Session {
	t.Helper()
	s := testbed.NewSession(t, testbed.Start(t), testbed.Build(t, t.TempDir(), "agentguard"), filepath.Join("testdata", "e2e", "policy.toml"))
	s.Work = "work"
	text, err := os.ReadFile(s.Policy)
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, "agentguard.toml", string(text)+"\n[isolation]\n"+isolation)
	for _, name := range []string{
		".netrc", ".aws/credentials", ".ssh/id_ed25519", ".config/gh/hosts.yml", ".npmrc", ".bashrc", ".config/autostart/x.desktop", "work/.git/HEAD", "work/file",
		".claude/history.jsonl", ".claude/shell-snapshots/x.sh", ".claude/daemon/dispatch/x", ".codex/x", ".local/share/keyrings/login.keyring", ".mozilla/firefox/p/logins.json", ".bash_history", "notes", "open", "output", "env", "elsewhere/config.json", "job/git-credentials-1.config", "build.tmp/KUBE", "ws/secretFiles/key", "mail", "ticket", ".cache/cliphist/db",
	} {
		file := filepath.Join(s.Dir, "home", name)
		os.MkdirAll(filepath.Dir(file), 0o700)
		os.WriteFile(file, []byte("secret-"+name+"\n"), 0o600)
	}
	return s
}

// TestSealedFiles: the child of a sealed run reads none of what holds secrets and changes nothing that is executed later; at
// level env, the control, it does both.
func TestSealedFiles(t *testing.T) {
	s := sealedSession(t, "minimum = \"env\"\nread = [\"~/.npmrc\"]\nhide = [\"~/notes\"]\nwrite = [\"~/open\", \"~/made/\", \"~/absent\"]\n")
	s.Env = append(s.Env, "DOCKER_CONFIG="+filepath.Join(s.Dir, "home", "elsewhere"), "GITHUB_OUTPUT="+filepath.Join(s.Dir, "home", "output"), "GITHUB_ENV="+filepath.Join(s.Dir, "home", "env"),
		"RUNNER_TEMP="+filepath.Join(s.Dir, "home", "job"), "CI_PROJECT_DIR="+filepath.Join(s.Dir, "home", "build"), "MAIL_PASSWORD_FILE="+filepath.Join(s.Dir, "home", "mail"), "KRB5CCNAME="+filepath.Join(s.Dir, "home", "ticket"), "WORKSPACE_TMP="+filepath.Join(s.Dir, "home", "ws"))
	script := `cd "$HOME/work"; cat ../.netrc ../.aws/* ../.ssh/* ../.config/gh/* ../.npmrc ../.local/share/keyrings/* ../.mozilla/firefox/p/* ../.bash_history ../notes ../mail ../ticket ../.cache/cliphist/* ../elsewhere/* ../job/* ../build.tmp/* ../ws/secretFiles/* ../../crm-key 2>/dev/null
		for f in ../.bashrc ../.zshenv ../.config/autostart/y.desktop ../.ssh/authorized_keys .git/hooks/post-checkout ../../agentguard.toml ../env ../output ../open ../made/x ../absent/x file ../.cache/tool; do
			mkdir -p "$(dirname "$f")" 2>/dev/null; echo changed >>"$f" 2>/dev/null; grep -q changed "$f" 2>/dev/null && echo "changed $f"
		done; echo '{}' >../.claude/settings.json; cat ../.claude/shell-snapshots/x.sh; for f in .claude/shell-snapshots/x.sh .claude/daemon/dispatch/y .codex/shell_snapshots/x; do mkdir -p "../${f%/*}"; echo secret-changed >>../$f; done 2>/dev/null; cat ../.codex/shell_snapshots/x; ls -R ../../state 2>/dev/null | grep -c jsonl`
	forbidden := []string{
		"secret-.netrc", "secret-.aws", "secret-.config/gh", "secret-.local", "secret-.mozilla", "secret-.bash_history", "secret-.ssh", "secret-notes", "secret-elsewhere", "secret-job", "secret-build", "secret-ws", "secret-mail", "secret-ticket", "secret-.cache", "secret-.claude",
		"changed ../.bashrc", "changed ../.zshenv", "changed ../.config", "changed .git/hooks", "changed ../../agentguard.toml", "changed ../env", "changed ../absent/x",
	}
	allowed := []string{"secret-changed", "secret-.npmrc", "changed ../open", "changed ../made/x", "changed ../output", "changed file", "changed ../.cache/tool"}
	s.Isolate("sealed")
	r := s.Run(t, time.Minute, "sh", "-c", script)
	for _, text := range forbidden {
		if strings.Contains(r.Stdout, text) {
			t.Errorf("sealed: %s", text)
		}
	}
	for _, text := range allowed {
		if !strings.Contains(r.Stdout, text) {
			t.Errorf("sealed: no %s", text)
		}
	}
	if !strings.HasSuffix(r.Stdout, "\n0\n") || strings.Contains(r.Stdout, s.Origin.Secrets["crm"]) {
		t.Error("agentguard's own files can be seen")
	}
	if settings := filepath.Join(s.Dir, "home/.claude/settings.json"); !strings.Contains(r.Stderr, "agentguard: warning: "+settings+" was made in this run") || os.Remove(settings) != nil {
		t.Error("it is not said what was made")
	}
	if !strings.Contains(r.Stderr, "agentguard: isolation.write: ~/absent is not there") || strings.Contains(r.Stderr, "~/made is") {
		t.Error("it is not said what cannot be written")
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "home/.ssh/authorized_keys")); err == nil {
		t.Error("a key was added")
	}
	if text, err := os.ReadFile(filepath.Join(s.Dir, "home/.claude/shell-snapshots/x.sh")); err != nil || strings.Contains(string(text), "changed") {
		t.Errorf("what another agent's shell executes is %q, %v", text, err)
	}
	for _, name := range []string{".codex/shell_snapshots/x", ".claude/daemon/dispatch/y"} {
		if _, err := os.Stat(filepath.Join(s.Dir, "home", name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
	if t.Failed() {
		t.Log(r)
	}
	s.Isolate("env")
	r = s.Run(t, time.Minute, "sh", "-c", script)
	for _, text := range append(forbidden, allowed...) {
		if !strings.Contains(r.Stdout, text) {
			t.Errorf("the control: no %s", text)
		}
	}
}

// TestCommitsAreUnsigned: who signs each commit can commit where the keys are hidden, and not where nothing says so. gpg itself works,
// without a key, also where it could not make its directory.
func TestCommitsAreUnsigned(t *testing.T) {
	testbed.Needs("git")(t)
	s := sealedSession(t, "minimum = \"env\"\n")
	s.Write(t, "home/.gitconfig", "[user]\nname = a\nemail = a@b.test\n[commit]\ngpgSign = true\n[tag]\ngpgSign = true\n")
	code := 0
	for _, level := range []string{"sealed", "filtered", "env"} {
		if level == "env" {
			code = 128
		}
		s.Isolate(level)
		r := s.Run(t, time.Minute, "sh", "-c", `{ ! command -v gpg >/dev/null || gpg -q --list-keys; } && rm -rf signed && git init -q signed && cd signed && git commit -q --allow-empty -m x && git tag -m y y`)
		if r.Code != code {
			t.Errorf("%s: %s", level, r)
		}
	}
}

// TestSealedServices: a service of the host that the policy names can be reached, no other one, and a server inside is where
// --publish says.
func TestSealedServices(t *testing.T) {
	testbed.NeedsPython()(t)
	serve := func() (port string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "host service") }))
		_, port, _ = net.SplitHostPort(l.Addr().String())
		return port
	}
	named, other := serve(), serve()
	free := func() string { // one that the system gives to nobody else meanwhile, as it does those that it chooses (32768 and up)
		for {
			port := strconv.Itoa(10_000 + rand.IntN(20_000))
			if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
				l.Close()
				return port
			}
		}
	}
	port, own := free(), free() // where nobody answers a port is the child's
	s := sealedSession(t, "allow_tcp = ["+named+", "+port+", "+own+"]\n")
	s.Prefix = []string{s.Prefix[0], "run", "--isolation", "sealed", "--publish", port, "--policy", s.Policy, "--"}
	reached := make(chan string, 1)
	go func() {
		defer os.WriteFile(filepath.Join(s.Dir, "home/work/stop"), nil, 0o600)
		for range 3000 {
			if resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%s/work/file", port)); err == nil {
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				reached <- string(text)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		reached <- "never"
	}()
	r := s.Run(t, time.Minute, "sh", "-c", `curl -s "http://127.0.0.1:$1/"; echo; curl -sS "http://127.0.0.1:$2/"; for i in 1 2 3 4; do curl -sk https://nowhere.test/ >&2; curl -sk --noproxy '*' https://nowhere.test/ >&2; done; cd "$HOME" && `+testbed.Python+` -c "import socket; socket.create_server((\"127.0.0.1\", $4)); print(\"own port\")"; `+testbed.Python+` -m http.server -b 127.0.0.1 "$3" & until [ -e work/stop ]; do sleep 0.02; done; kill $!`, "sh", named, other, port, own)
	if !strings.Contains(r.Stdout, "own port") {
		t.Errorf("the child's own port: %s", r)
	}
	if !strings.HasPrefix(r.Stdout, "host service\n") || strings.Count(r.Stdout, "host service") != 1 {
		t.Errorf("services of the host: %s", r)
	}
	known := map[any]bool{} // of a refusal that comes at once it may not be
	for _, a := range r.Audit {
		if pid, _ := a["pid"].(float64); a["event"] == "refused" && pid > 0 {
			known[a["transport"]] = true
		}
	}
	if !known["connect"] || !known["captured"] {
		t.Errorf("the processes that asked are not on record: %s", r)
	}
	if got := <-reached; got != "secret-work/file\n" {
		t.Errorf("published: %q\n%s", got, r)
	}
}

// TestSealedBrowserTrust: NSS, from which browsers that are built on Chromium take certificates, finds the run's CA where the user's own
// database is hidden, and nothing of it stays. What the policy opens there is the user's and as it was.
func TestSealedBrowserTrust(t *testing.T) {
	testbed.Needs("certutil")(t)
	for isolation, want := range map[string]bool{"": true, "read = [\"~/.pki/own\"]\n": false} {
		s := sealedSession(t, isolation)
		own := filepath.Join(s.Dir, "home/.pki/own")
		if os.MkdirAll(filepath.Dir(own), 0o700) != nil || os.WriteFile(own, nil, 0o600) != nil {
			t.Fatal("the user's own")
		}
		s.Isolate("sealed")
		r := s.Run(t, time.Minute, "sh", "-c", `ls -A ~/.pki; certutil -N --empty-password -d sql:$HOME/.pki/nssdb; certutil -L -d sql:$HOME/.pki/nssdb`)
		if got := strings.HasPrefix(r.Stdout, "nssdb\n") && regexp.MustCompile(`agentguard run CA +C,,`).MatchString(r.Stdout); got != want {
			t.Errorf("%q: %s", isolation, r)
		}
		if left, err := os.ReadDir(filepath.Dir(own)); err != nil || len(left) != 1 {
			t.Errorf("%q: %v stays, %v", isolation, left, err)
		}
	}
}

// TestChangedSettings: level filtered cannot hold what lies where an agent keeps its own, and says what of it was changed.
func TestChangedSettings(t *testing.T) {
	s := sealedSession(t, "")
	s.Write(t, "home/.claude/settings.json", "{}")
	for level, want := range map[string]bool{"sealed": false, "filtered": true} {
		s.Isolate(level)
		r := s.Run(t, time.Minute, "sh", "-c", `echo >>"$HOME/.claude/settings.json"; true`)
		if told := strings.Contains(r.Stderr, "settings.json was changed in this run"); told != want {
			t.Errorf("%s: told %t: %s", level, told, r)
		}
	}
}

// TestServersOfTheCommand: a tmux outside finds no server of a sealed command's, whose orders it would execute. One inside finds it.
func TestServersOfTheCommand(t *testing.T) {
	testbed.Needs("tmux")(t)
	s := sealedSession(t, "minimum = \"env\"\n")
	dir := filepath.Join(s.Dir, "home/work/tmux-"+strconv.Itoa(os.Getuid()))
	s.Env = append(s.Env, "TMUX_TMPDIR="+filepath.Dir(dir))
	for _, level := range []string{"sealed", "env"} {
		s.Isolate(level)
		r := s.Run(t, time.Minute, "sh", "-c", `tmux -f /dev/null new-session -d 'sleep 60' && tmux list-sessions -F found && touch "$TMUX_TMPDIR/tmux-$(id -u)/left"; tmux kill-server`)
		if !strings.Contains(r.Stdout, "found") {
			t.Errorf("%s: %s", level, r)
		}
		if _, err := os.Stat(filepath.Join(dir, "left")); (err == nil) != (level == "env") {
			t.Errorf("%s: what is in the directory of sockets is outside: %t", level, err == nil)
		}
	}
}

// TestNothingToWaitFor: an ordinary end leaves nobody a process to wait for. Who would have to is the first process of many a
// container, and not each of them does.
func TestNothingToWaitFor(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	s := sealedSession(t, "minimum = \"env\"\n")
	for _, level := range []string{"sealed", "filtered", "env"} {
		s.Isolate(level)
		if r := s.Run(t, time.Minute, "true"); r.Code != 0 {
			t.Fatalf("%s: %s", level, r.Stderr)
		}
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, file := range stats {
			stat, _ := os.ReadFile(file) // proc_pid_stat(5): the parent is what stands behind the state
			if _, ours, _ := strings.Cut(string(stat), "(ag-"); regexp.MustCompile(`\) . ` + strconv.Itoa(os.Getpid()) + ` `).MatchString(ours) {
				t.Errorf("%s: left is %s", level, stat)
			}
		}
	}
}
