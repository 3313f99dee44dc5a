//go:build linux

package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// anothersUID is the number of a user that the tests make.
const anothersUID = 4713

// usersSession is one of root's, for a command of another user with a home directory as people have them; its own files are root's.
func usersSession(t *testing.T) *testbed.Session {
	t.Helper()
	s := sealedSession(t, "minimum = \"env\"\n")
	home := filepath.Join(s.Dir, "home")
	s.Prefix = append(testbed.Account(t, "ag-bot", anothersUID, home), s.Prefix...)
	roots := filepath.Join(s.Dir, "roots")
	for _, dir := range []string{roots, filepath.Join(roots, ".config")} {
		if err := os.Mkdir(dir, 0o755); err != nil { // open for all, so that only what hides it keeps the command out
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(roots, ".netrc"), []byte("secret-of-root\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	testbed.GiveDir(t, home, anothersUID)
	for dir, mode := range map[string]os.FileMode{s.Dir: 0o711, home: 0o755, filepath.Join(home, s.Work): 0o755} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	s.Env = append(s.Env, "HOME="+roots, "XDG_CONFIG_HOME="+roots+"/.config", "MAIL=/var/mail/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "TMPDIR=/tmp")
	return s
}

// asAt has the next runs use a level, behind what makes the account, and a policy that names a user.
func asAt(t *testing.T, s *testbed.Session, user, level string) {
	t.Helper()
	text, err := os.ReadFile(s.Policy)
	if err != nil {
		t.Fatal(err)
	}
	whole, _, _ := strings.Cut(string(text), "user = ")
	if user != "" {
		whole += "user = \"" + user + "\"\n"
	}
	s.Write(t, "agentguard.toml", whole)
	for i, word := range s.Prefix {
		if word == "--isolation" {
			s.Prefix[i+1] = level
		}
	}
}

// asAnother says, as the command, who it is and what it gets at. $1 is the session's folder, $2 a set-user-ID copy of id.
const asAnother = `grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status; "$2" -u
	env | grep -E '^(HOME|USER|LOGNAME|SHELL|XDG|MAIL|SUDO)' | sort
	files=$(dirname "$SSL_CERT_FILE"); stat -c 'files %u %a' "$files"; stat -c 'run %u %a' "$files/.."; grep -c CERTIFICATE "$SSL_CERT_FILE" >/dev/null && echo trusted
	cat "$1/agentguard.toml" "$1/crm-key" "$1"/state/*/*/* "$1/roots/.netrc" ~/.netrc ~/.aws/credentials /etc/shadow 2>/dev/null
	echo x >made && mktemp >/dev/null && mkdir -p ~/.cache/t && stat -c 'cache %u' ~/.cache && echo written; echo x >>~/.bashrc && echo persisted
	for s in 0 STOP KILL; do kill -$s $PPID && echo signalled; done 2>/dev/null
	curl -sS -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7`

// TestRootRunsAsAnother: the command of root's run is another user's in all that it is, has and can do, at each level; what
// belongs to the run stays root's.
func TestRootRunsAsAnother(t *testing.T) {
	testbed.Needs("curl", "unshare")(t)
	s := usersSession(t)
	setuid := filepath.Join(testbed.PublicDir(t), "id")
	if text, err := os.ReadFile("/usr/bin/id"); err != nil || os.WriteFile(setuid, text, 0o755) != nil || os.Chmod(setuid, 0o755|os.ModeSetuid) != nil {
		t.Fatal("no copy of id", err)
	}
	for _, level := range []string{"sealed", "filtered", "env"} {
		t.Run(level, func(t *testing.T) {
			asAt(t, s, "ag-bot", level)
			isAnother(t, s, level, s.Run(t, time.Minute, "sh", "-c", asAnother, "sh", s.Dir, setuid))
		})
	}
	t.Run("called by sudo", func(t *testing.T) { calledBySudo(t, s) })
	t.Run("links", func(t *testing.T) { rootIsNotLed(t, s) })
}

func isAnother(t *testing.T, s *testbed.Session, level string, r *testbed.Result) {
	t.Helper()
	for _, line := range []string{ // the run's directory is below one of the box's own, where that is in memory
		`Uid:(\s4713){4}`, `Gid:(\s4713){4}`, `Groups:\s*`, `CapPrm:\s0{16}`, `CapEff:\s0{16}`, `CapBnd:\s0{16}`, `CapAmb:\s0{16}`, `NoNewPrivs:\s1`, "4713",
		"HOME=" + filepath.Join(s.Dir, "home"), "USER=ag-bot", "LOGNAME=ag-bot", "SHELL=/bin/dash", "files 4713 700", `run \d+ 7(11|55)`, "trusted", "cache 4713", "written", "200",
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(r.Stdout) {
			t.Errorf("no line %s", line)
		}
	}
	closed := []string{s.Origin.Secrets["crm"], "[credential", "run.start", "root:", "XDG_CONFIG_HOME", "MAIL=", "SUDO_", "signalled"}
	switch others := []string{"secret-.netrc", "secret-.aws", "secret-of-root", "persisted"}; level {
	case "env":
		for _, seen := range others { // the control
			if !strings.Contains(r.Stdout, seen) {
				t.Errorf("env: no %s", seen)
			}
		}
	default:
		closed = append(closed, others...)
	}
	for _, text := range closed {
		if strings.Contains(r.Stdout, text) {
			t.Errorf("it has %s", text)
		}
	}
	if !strings.Contains(r.Stderr, "isolation "+level+", as ag-bot (uid 4713): ") || r.Audit[0]["detail.user"] != "ag-bot (uid 4713)" {
		t.Error("not said as whom it runs")
	}
	a := r.Recorded(thing7, "allow")
	if pid, _ := a["pid"].(float64); pid <= 0 {
		t.Errorf("the process that asked is not on record: %v", a)
	}
	if t.Failed() {
		t.Log(r)
	}
}

// calledBySudo: without a word in the policy the command runs as who called sudo; where the policy says root, as root.
func calledBySudo(t *testing.T, s *testbed.Session) {
	s.Env = append(s.Env, "SUDO_UID=4713", "SUDO_GID=4713", "SUDO_USER=ag-bot")
	for user, want := range map[string]string{"": "4713\n", "root": "0\n"} {
		for _, level := range []string{"sealed", "filtered", "env"} {
			asAt(t, s, user, level)
			r := s.Run(t, time.Minute, "sh", "-c", "id -u; env | grep SUDO_")
			if r.Stdout != want && user == "" || !strings.HasPrefix(r.Stdout, want) || strings.Contains(r.Stderr, ", as root: ") != (user == "root") {
				t.Errorf("%s, %q: %s", level, user, r)
			}
		}
	}
}

// rootIsNotLed: what somebody has in hand as whom the command runs leads root nowhere: what is made and read there is made and
// read as them.
func rootIsNotLed(t *testing.T, s *testbed.Session) {
	home, target := filepath.Join(s.Dir, "home"), filepath.Join(s.Dir, "target")
	secret := s.Write(t, "roots/wgetrc", "user_agent = root's own\n")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{".cache": target + "/made", ".npm": target + "/npm", "work/.git/hooks": target + "/hooks", ".wgetrc": secret} {
		file := filepath.Join(home, link)
		if err := errors.Join(os.RemoveAll(file), os.Symlink(to, file)); err != nil {
			t.Fatal(err)
		}
	}
	for _, level := range []string{"sealed", "filtered", "env"} {
		asAt(t, s, "ag-bot", level)
		r := s.Run(t, time.Minute, "sh", "-c", `cat "$WGETRC"`)
		if r.Code != 0 || !strings.Contains(r.Stdout, "ca_certificate") || strings.Contains(r.Stdout, "root's own") {
			t.Errorf("%s: %s", level, r)
		}
	}
	if made, err := os.ReadDir(target); err != nil || len(made) > 0 {
		t.Errorf("root made %v, %v", made, err)
	}
}
