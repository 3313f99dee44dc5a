package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// whole uses every key of the language.
const whole = `version = 1

[agent]
name    = "github-pr-creator-001"
purpose = "Create PRs for automated refactoring"
owner   = "@dev-team"

[credential.github-token]
from    = "keychain:github-token"
service = "github"
env     = ["GITHUB_TOKEN", "GH_TOKEN"]

[credential.crm-key]
from    = "file:/run/secrets/crm"
service = "crm"
env     = "CRM_KEY"
auth    = ["header:X-Api-Key", "basic:bot"]
swap    = ["query:key", "body:auth.token", "path"]
inject  = "placeholder"

[allow.open-prs]
service    = "github"
credential = "github-token"
actions    = ["read", "create_pr", "add_comment", "request_review"]
resources  = ["repo:MyOrg/MyRepo", "repo:MyOrg/docs-*"]
limits     = { create_pr = "5/hour", "*" = "600/minute" }

[allow.customers]
service = "crm"
actions = ["read_customer"]

[deny.dangerous]
actions = ["delete_repo", "delete_branch", "force_push", "change_settings", "add_collaborator"]

[service.crm]
hosts = ["crm.example.com", "*.crm.example.com:8443", "http://127.0.0.1:9001"]
auth  = "header:X-Api-Key"
base  = "https://crm.example.com/v2"
[service.crm.actions]
read_customer = "GET /customers/{id} -> customer:{id}"
anything_else = "* /{path...}"

[network]
allow  = ["pypi.org", "*.pythonhosted.org", "registry.corp.example:8443"]
tunnel = ["pinned.example.com"]

[env]
pass = ["EDITOR", "NPM_CONFIG_*"]
set  = { LOG_LEVEL = "debug" }

[upstream]
proxy         = "http://proxy.corp.example:3128"
ca            = "corp-ca.pem"
resolve       = { "API.github.com:443" = "127.0.0.1:8443" }
allow_private = ["git.corp.internal", "127.0.0.1", "10.0.0.0/8", "::1"]

[isolation]
minimum   = "filtered"
read      = "~/.ssh/known_hosts"
write     = ["/srv/cache/", "~/models"]
hide      = ["~/work"]
allow_tcp = [5432, "6379", "localhost:8080", "[::1]:9000"]
nested    = true
user      = "bot"
`

func mustParse(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("agentguard.toml", []byte(text))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

func TestParseWhole(t *testing.T) {
	p := mustParse(t, whole)
	if len(p.Warnings) != 0 {
		t.Errorf("warnings: %v", p.Warnings)
	}
	if len(p.Hash) != 64 || p.Source != "agentguard.toml" {
		t.Errorf("hash %q, source %q", p.Hash, p.Source)
	}
	if p.Agent != (Agent{"github-pr-creator-001", "Create PRs for automated refactoring", "@dev-team"}) {
		t.Errorf("agent %+v", p.Agent)
	}
	c := p.Credentials["crm-key"]
	if c == nil || c.Inject || c.Service != "crm" || len(c.Slots) != 2 || len(c.Swap) != 3 || !slices.Equal(c.Env, []string{"CRM_KEY"}) || c.Line != 13 {
		t.Errorf("crm-key is %+v", c)
	}
	if g := p.Credentials["github-token"]; g == nil || !g.Inject || g.Slots != nil || g.From != "keychain:github-token" {
		t.Errorf("github-token is %+v", g)
	}
	r := p.Allow["open-prs"]
	if r == nil || r.Name != "allow.open-prs" || r.Line != 21 || len(r.Limits) != 2 || r.Limits["create_pr"].N != 5 {
		t.Errorf("open-prs is %+v", r)
	}
	if d := p.Deny["dangerous"]; d == nil || d.Name != "deny.dangerous" || d.Service != "" || len(d.Actions) != 5 {
		t.Errorf("dangerous is %+v", d)
	}
	if s := p.Services["crm"]; s == nil || s.Base != "https://crm.example.com/v2" || len(s.Hosts) != 3 || p.Services["github"] == nil || len(p.Services) != 2 {
		t.Errorf("services are %v", p.Services)
	}
	if len(p.Network.Allow) != 3 || len(p.Network.Tunnel) != 1 || !slices.Equal(p.Env.Pass, []string{"EDITOR", "NPM_CONFIG_*"}) || p.Env.Set["LOG_LEVEL"] != "debug" {
		t.Errorf("network %+v, env %+v", p.Network, p.Env)
	}
	u := p.Upstream
	if u.Proxy != "http://proxy.corp.example:3128" || u.CA != "corp-ca.pem" || u.Resolve["api.github.com:443"] != "127.0.0.1:8443" || len(u.AllowPrivate) != 4 {
		t.Errorf("upstream %+v", u)
	}
	i := p.Isolation
	if i.Minimum != "filtered" || !slices.Equal(i.Read, []string{"~/.ssh/known_hosts"}) || !slices.Equal(i.Write, []string{"/srv/cache/", "~/models"}) ||
		!slices.Equal(i.Hide, []string{"~/work"}) || !i.Nested || i.User.Name != "bot" || i.User.Line == 0 ||
		fmt.Sprint(i.AllowTCP) != "[127.0.0.1:5432 127.0.0.1:6379 127.0.0.1:8080 [::1]:9000]" {
		t.Errorf("isolation %+v", i)
	}
}

// wrong is the text of the error cases: policies between lines of ---. A comment "#! message" says what must be reported
// on its line, ";;" stands between several messages, and "#? message" is a warning.
func wrong(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "wrong.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "---\n")
}

// expected reads the marked comments.
func expected(text, mark string) (want []string, lines []int) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if _, note, ok := strings.Cut(line, mark); ok {
			for message := range strings.SplitSeq(note, ";;") {
				want, lines = append(want, strings.TrimSpace(message)), append(lines, n)
			}
		}
	}
	return want, lines
}

func compare(t *testing.T, text string, got Errors, mark string) {
	t.Helper()
	want, lines := expected(text, mark)
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			t.Errorf("missing: %d: %s\nin\n%s", lines[i], want[i], text)
		case i >= len(want):
			t.Errorf("not expected: %d: %s (%s)\nin\n%s", got[i].Line, got[i].Message, got[i].Hint, text)
		case got[i].Line != lines[i] || got[i].Message != want[i]:
			t.Errorf("got  %d: %s\nwant %d: %s\nin\n%s", got[i].Line, got[i].Message, lines[i], want[i], text)
			return
		}
	}
}

func TestWrong(t *testing.T) {
	for _, text := range wrong(t) {
		p, err := Parse("agentguard.toml", []byte(text))
		var all Errors
		if err != nil && !errors.As(err, &all) {
			t.Fatalf("%v is of another type", err)
		}
		compare(t, text, all, "#!")
		if p != nil {
			compare(t, text, p.Warnings, "#?")
		}
		if (p == nil) != (len(all) > 0) {
			t.Errorf("policy %v and %d errors", p != nil, len(all))
		}
	}
}

func TestNotText(t *testing.T) {
	for name, c := range map[string]struct{ text, message string }{
		"UTF-16":    {"\xff\xfev\x00e\x00", "UTF-8"},
		"NUL":       {whole + "\x00", "NUL"},
		"too large": {strings.Repeat("# comment\n", maxFile/10+1), "2048 KiB"},
		"deep":      {"a = " + strings.Repeat("[", 200_000), "nested more than"},
		"empty":     {"", "version is missing"},
		"long list": {whole + "[deny.x]\nactions = [" + strings.Repeat(`"x",`, maxList+1) + "]\n", "names more than 1000"},
	} {
		p, err := Parse("f.toml", []byte(c.text))
		if p != nil || err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a folder was loaded")
	}
	file := filepath.Join(dir, "agentguard.toml")
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file)
	if err == nil || !strings.Contains(err.Error(), "upstream.ca cannot be read: open ") {
		t.Errorf("without the file that it names: %v", err)
	}
	ca := filepath.Join(dir, "corp-ca.pem")
	os.WriteFile(ca, []byte("PEM"), 0o600)
	p, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []File{{"upstream.ca", ca, hashOf([]byte("PEM"))}}
	if p.Source != file || p.Hash != hashOf([]byte(whole)) || string(p.Upstream.Roots) != "PEM" || !slices.Equal(p.Files, want) {
		t.Errorf("%q, %s, %q, %v", p.Source, p.Hash, p.Upstream.Roots, p.Files)
	}
	os.WriteFile(ca, make([]byte, maxRoots+1), 0o600)
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "is longer than 4 MiB") {
		t.Errorf("a long file of roots: %v", err)
	}
}

// Every key of the language, and every key that is planned, must be accounted for once it is misspelt or unfinished.
func TestUnknownKeysAreErrorsEverywhere(t *testing.T) {
	lines := strings.Split(whole, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "[") || strings.HasSuffix(line, ".actions]") {
			continue
		}
		text := strings.Join(slices.Insert(slices.Clone(lines), i+1, "zzz = 1"), "\n")
		_, err := Parse("f", []byte(text))
		var all Errors
		if !errors.As(err, &all) || len(all) != 1 || all[0].Line != i+2 || !strings.Contains(all[0].Message, "unknown key") {
			t.Errorf("below %s: %v", line, err)
		}
	}
}

func TestEmptyListsAreErrorsEverywhere(t *testing.T) {
	lines := strings.Split(whole, "\n")
	for i, line := range lines {
		key, _, ok := strings.Cut(line, "= [")
		if !ok {
			continue
		}
		text := strings.Join(slices.Replace(slices.Clone(lines), i, i+1, key+"= []"), "\n")
		_, err := Parse("f", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "is an empty list") {
			t.Errorf("%s= []: %v", key, err)
		}
	}
}

func TestZeroLimitsAreErrors(t *testing.T) {
	for _, rate := range []string{"0/hour", "-1/hour", "00/hour", "", "5", "5/fortnight", "unlimited"} {
		_, err := Parse("f", []byte(strings.Replace(whole, "5/hour", rate, 1)))
		if err == nil || !strings.Contains(err.Error(), "f:26: allow.open-prs.limits.create_pr") {
			t.Errorf("%q: %v", rate, err)
		}
	}
}

func TestReserved(t *testing.T) {
	for _, name := range []string{"PATH", "https_proxy", "HTTPS_PROXY", "Https_Proxy", "SSL_CERT_FILE", "NODE_OPTIONS", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "GIT_CONFIG_COUNT", "AGENTGUARD_URL", "npm_config_cafile"} {
		if !Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"GITHUB_TOKEN", "LDFLAGS", "PATHS", "EDITOR", ""} {
		if Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(tricky)
	for _, text := range strings.Split(readOr("testdata/wrong.txt"), "---\n") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("f", []byte(text))
		if err != nil {
			var all Errors
			if p != nil || !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("%v with %v", p, err)
			}
			for _, e := range all {
				if e.Line < 0 || e.Line > strings.Count(text, "\n")+1 || e.Message == "" || strings.ContainsAny(e.Error(), "\n\x1b") {
					t.Fatalf("%+v", e)
				}
			}
			return
		}
		sound(t, p)
	})
}

func readOr(file string) string {
	b, _ := os.ReadFile(file)
	return string(b)
}

// TestManyRules: a policy of ten thousand rules is read and decides, and one that is wrong throughout is told so soon.
func TestManyRules(t *testing.T) {
	text := func(name string) string {
		var b strings.Builder
		b.WriteString("version = 1\n[agent]\nname = \"a\"\n")
		for i := range 10_000 {
			fmt.Fprintf(&b, "[allow.r%d]\nservice = \"github\"\nactions = [%q]\nresources = [\"repo:o/r%d\"]\n", i, name, i)
		}
		return b.String()
	}
	p := mustParse(t, text("create_pr"))
	if d := p.Decide(act(p, "github", "create_pr repo:o/r9999"), nil); d.Rule != "allow.r9999" {
		t.Errorf("%+v", d)
	}
	_, err := Parse("agentguard.toml", []byte(text("creat_pr")))
	var all Errors
	if !errors.As(err, &all) || len(all) != 10_000 || !strings.Contains(all[0].Message, `did you mean "create_pr"?`) {
		t.Errorf("%d errors: %v", len(all), all[0])
	}
}
