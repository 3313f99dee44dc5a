package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/audit"
	"agentguard/run/sandbox"
	"agentguard/run/testbed"
	"agentguard/vault"
)

// world is a Config in which all is well.
func world(t *testing.T) *Config {
	t.Helper()
	secrets := map[string]string{"GOOD_TOKEN": "good-token-0123456789"}
	v := vault.New(vault.Options{LookupEnv: func(n string) (string, bool) { s, ok := secrets[n]; return s, ok }})
	t.Cleanup(func() { v.Close() })
	return &Config{
		Vault: v, Environ: os.Environ(), StateHome: t.TempDir(), Levels: []sandbox.Tried{{Level: sandbox.Env, Limits: []string{"much"}}},
		Policy: func() (*policy.Policy, error) { return policy.Parse("p.toml", []byte(goodPolicy)) },
	}
}

const goodPolicy = `version = 1
[agent]
name = "bot"
[credential.good]
from    = "env:GOOD_TOKEN"
service = "github"
env     = ["GITHUB_TOKEN"]
[allow.x]
service   = "github"
actions   = ["create_pr"]
resources = ["repo:o/r"]
`

// withProgram is a world in which client programs can be tried.
func withProgram(t *testing.T) *Config {
	t.Helper()
	c := world(t)
	c.Run = []string{testbed.Build(t, t.TempDir(), "agentguard"), "run"}
	return c
}

// want finds the finding of an object and looks at its status, what and fix.
func want(t *testing.T, findings []Finding, object string, s Status, what, fix string) {
	t.Helper()
	for _, f := range findings {
		if f.Object == object {
			if f.Status != s || !strings.Contains(f.What, what) || !strings.Contains(f.Fix, fix) {
				t.Errorf("%s: %s %q, fix %q; want %s %q, fix %q", object, f.Status, f.What, f.Fix, s, what, fix)
			}
			return
		}
	}
	t.Errorf("nothing was found about %s: %+v", object, findings)
}

// TestChecksSayWhatWhyAndFix: whatever a check finds amiss comes with a reason and a mend.
func TestChecksSayWhatWhyAndFix(t *testing.T) {
	seen := map[string]bool{}
	c := *world(t)
	c.Quick = true
	c.StateHome = ""
	c.Now = func() time.Time { return time.Unix(0, 0) }
	c.Policy = func() (*policy.Policy, error) { return nil, errors.New("p.toml: broken") }
	c.Levels = []sandbox.Tried{{Level: sandbox.Sealed, Err: errors.New("no namespaces")}}
	if Run(context.Background(), c, func(f Finding) {
		seen[f.Check] = true
		if f.Status != OK && (f.What == "" || f.Why == "") {
			t.Errorf("%s %s: what %q, why %q", f.Check, f.Object, f.What, f.Why)
		}
		if f.Status == Fail && f.Fix == "" {
			t.Errorf("%s %s: no fix", f.Check, f.Object)
		}
	}) {
		t.Error("a world in which nothing works passes")
	}
	for _, k := range checks {
		if k.name == "" || k.why == "" || k.bound <= 0 || !seen[k.name] {
			t.Errorf("check %q: why %q, bound %s, reported %v", k.name, k.why, k.bound, seen[k.name])
		}
	}
}

func TestAllIsWell(t *testing.T) {
	c := *world(t)
	c.Quick = true
	if !Run(context.Background(), c, func(f Finding) {
		if f.Status == Fail {
			t.Errorf("%+v", f)
		}
	}) {
		t.Error("a good world fails")
	}
}

func TestStatusZeroIsFail(t *testing.T) {
	if (Finding{}).Status.String() != "fail" {
		t.Error("a finding that nobody filled in passes")
	}
}

// A check that hangs is given up, and is a failure.
func TestBounded(t *testing.T) {
	start := time.Now()
	k := check{"stuck", "why", 50 * time.Millisecond, func(context.Context, *Config) []Finding { select {} }}
	want(t, k.bounded(context.Background(), &Config{}), "stuck", Fail, "no answer within 50ms", "unlock prompt")
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestClock(t *testing.T) {
	c := world(t)
	want(t, checkClock(t.Context(), c), "clock", OK, "20", "")
	at := func(s string) func() time.Time {
		d, _ := time.Parse(time.DateOnly, s)
		return func() time.Time { return d }
	}
	c.Now = at("1970-01-02")
	want(t, checkClock(t.Context(), c), "clock", Fail, "before this program was built", "timedatectl")
	c.Now = at("2099-01-01")
	want(t, checkClock(t.Context(), c), "clock", Fail, "2099", "timedatectl")
	c.Now, c.Built = at("2026-06-01"), time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	want(t, checkClock(t.Context(), c), "clock", Fail, "before this program was built", "")
}

// An audit log from the future means that the clock was set back.
func TestClockWentBack(t *testing.T) {
	c := world(t)
	dir, _ := audit.Dirs(c.StateHome)
	log := filepath.Join(dir, "x.jsonl")
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(log, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(48 * time.Hour)
	os.Chtimes(log, later, later)
	want(t, checkClock(t.Context(), c), "clock", Warn, "there is an audit log of "+later.UTC().Format(time.DateOnly), "timedatectl")
}

func TestPolicy(t *testing.T) {
	c := world(t)
	want(t, checkPolicy(t.Context(), c), "p.toml", OK, "agent bot, credentials: 1, rules: 1", "")
	c.Policy = func() (*policy.Policy, error) {
		return policy.Parse("p.toml", []byte(goodPolicy+"colour = 1\nsize = 2\n"))
	}
	want(t, checkPolicy(t.Context(), c), "policy", Fail, "(and 1 more)", "agentguard policy check")
	c.Policy = func() (*policy.Policy, error) { return policy.Parse("p.toml", []byte(goodPolicy)) }
	c.Trust = func(*policy.Policy) error { return errors.New("p.toml was never trusted") }
	if f := checkPolicy(t.Context(), c); len(f) != 2 || f[1].Status != Warn || !strings.Contains(f[1].Fix, "policy trust") {
		t.Errorf("%+v", f)
	}
	want(t, checkVault(t.Context(), c), "vault", Skip, "no policy of use", "") // it could name commands
	c.Policy = func() (*policy.Policy, error) { return nil, nil }
	want(t, checkPolicy(t.Context(), c), "policy", Skip, "there is none", "agentguard init")
}

func TestVault(t *testing.T) {
	c := world(t)
	want(t, checkVault(t.Context(), c), "good", OK, "readable from env:GOOD_TOKEN", "")
	c.Policy = func() (*policy.Policy, error) {
		return policy.Parse("p.toml", []byte(goodPolicy+"[credential.bad]\nfrom = \"env:MISSING_TOKEN\"\nservice = \"openai\"\n[allow.y]\nservice = \"openai\"\nactions = [\"read\"]\n"))
	}
	findings := checkVault(t.Context(), c)
	want(t, findings, "good", OK, "", "")
	want(t, findings, "bad", Fail, "env:MISSING_TOKEN", "")
}

func TestLimits(t *testing.T) {
	c := world(t)
	want(t, checkLimits(t.Context(), c), "limits", Skip, "no policy of use that limits", "")
	c.Policy = func() (*policy.Policy, error) {
		return policy.Parse("p.toml", []byte(goodPolicy+"limits = { create_pr = \"5/hour\" }\n"))
	}
	file := filepath.Join(run.LimitsDir(c.StateHome), "bot.limits")
	want(t, checkLimits(t.Context(), c), file, Skip, "nothing was counted yet", "")
	if _, err := os.Stat(run.LimitsDir(c.StateHome)); err == nil {
		t.Error("the check made a directory")
	}
	p, _ := c.Policy()
	l, err := run.OpenLimits(t.Context(), p, c.Vault, c.StateHome)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	want(t, checkLimits(t.Context(), c), file, OK, "counts", "")
	os.WriteFile(file, nil, 0o600)
	want(t, checkLimits(t.Context(), c), file, Fail, "is not whole", "remove it to begin again")
}

func TestAudit(t *testing.T) {
	c := world(t)
	logs, _ := audit.Dirs(c.StateHome)
	want(t, checkAudit(t.Context(), c), logs, OK, "writable", "")
	left, _ := os.ReadDir(logs)
	if len(left) != 0 {
		t.Errorf("the check left %v behind", left)
	}
	if runtime.GOOS != "windows" {
		os.Chmod(logs, 0o755)
		want(t, checkAudit(t.Context(), c), logs, Warn, "others on this machine can look", "chmod 700")
	}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	c.StateHome = file // a file where a directory should be: also root cannot write there
	logs, _ = audit.Dirs(file)
	want(t, checkAudit(t.Context(), c), logs, Fail, "not a directory", "XDG_STATE_HOME")
}

// A program whose own settings beat the environment is found out, and the mend names the file.
func TestClientThatDistrusts(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	c := withProgram(t)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte("cacert = /dev/null\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if f := l.try(t.Context(), clients[0]); f.Status != OK {
		t.Errorf("control: %+v", f)
	}
	c.Environ = append(c.Environ, "HOME="+home, "CURL_HOME="+home)
	k := clients[0]
	k.name = "curl again"
	if f := l.try(t.Context(), k); f.Status != Fail || !strings.Contains(f.What, "nothing arrived") || !strings.Contains(f.Fix, ".curlrc") {
		t.Errorf("%+v", f)
	}
}

// BusyBox's wget, which lacks options of GNU's, is told from that by where its name leads.
func TestClientOfBusyBox(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox")
	}
	l, err := newLab(withProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	dir := t.TempDir()
	if err := os.Symlink(busybox, filepath.Join(dir, "wget")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	if f := l.try(t.Context(), clients[1]); f.Status != OK {
		t.Errorf("%+v", f)
	}
}

// One that goes round the proxy arrives nowhere, and that is a failure too, whatever its exit code.
func TestClientThatGoesRound(t *testing.T) {
	l, err := newLab(withProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, c := range []struct {
		client
		want Status
	}{
		{client{name: "true", program: "true", fix: "x"}, Fail},
		{client{name: "its own 77", program: "sh", args: []string{"-c", "exit 77"}, fix: "x"}, Fail},
		{client{name: "not there", program: "no-such-program-here"}, Skip},
		{client{name: "lacks its library", program: "python3", args: []string{"-c", "import sys; sys.exit(77)"}}, Skip},
	} {
		if f := l.try(t.Context(), c.client); f.Status != c.want {
			t.Errorf("%s: %+v, want %s", c.name, f, c.want)
		}
	}
	// What was ended for its slowness, as on a busy machine, is said to be that, whatever it had said so far.
	soon, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	slow := client{name: "slow", program: "sh", args: []string{"-c", "echo Picked up >&2; exec sleep 30"}, fix: "x"}
	want(t, []Finding{l.try(soon, slow)}, "", Fail, "stopped after 20s", "less to do")
}
