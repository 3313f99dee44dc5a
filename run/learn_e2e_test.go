package run_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// work is what an agent does while it is watched, with real programs. A forced push is none of it.
const work = `set -eu
cd "$1"
export GIT_TERMINAL_PROMPT=0 GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.com
git clone -q https://github.com/myorg/myrepo tree
cd tree
git commit -q --allow-empty -m second
git push -q origin HEAD:main
git push -q origin HEAD:refs/heads/feature-$2
gh api repos/myorg/myrepo/pulls -f title='Fix login' -f head=feature -f base=main >/dev/null
gh pr list -R myorg/myrepo
curl -sS -H "Authorization: Bearer $OPENAI_API_KEY" -H 'Content-Type: application/json' https://api.openai.com/v1/chat/completions \
  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a private word"}]}'
curl -sS -H "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7
echo all done
`

// TestLearn learns from real git, gh and curl, and then holds them to it.
func TestLearn(t *testing.T) {
	for _, need := range []string{"git", "gh", "curl"} {
		testbed.Needs(need)(t)
	}
	o := testbed.Start(t)
	program := testbed.Build(t, t.TempDir(), "agentguard")
	s := testbed.NewSession(t, o, program, filepath.Join("testdata", "e2e", "policy.toml"))
	o.NewRepo(t, "myorg/myrepo")
	text, err := os.ReadFile(s.Policy)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing is forbidden, so that only what is done tells a push from a forced one.
	before, rest, _ := strings.Cut(string(text), "[deny.dangerous]")
	_, rest, _ = strings.Cut(rest, "\n\n")
	os.WriteFile(s.Policy, []byte(before+rest), 0o600)
	learned := filepath.Join(s.Dir, "learned.toml") // beside the first: it names files beside itself
	s.Prefix = []string{program, "run", "--isolation", "env", "--learn", "-o", learned, "--policy", s.Policy, "--"}
	r := s.Run(t, time.Minute, "sh", "-c", work, "sh", t.TempDir(), "one")
	if r.Code != 0 || !strings.Contains(r.Stdout, "all done") {
		t.Fatal(r)
	}
	policy := read(t, learned)
	for _, part := range []string{
		`"create_branch"`, `"create_pr"`, `"push"`, `"clone"`, `resources  = ["repo:myorg/myrepo"]`, `"create_pr" = "2/hour"`,
		`resources  = ["model:gpt-4o-mini"]`, `actions    = ["read_thing"]`, `resources  = ["thing:7"]`, "[service.crm]",
	} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy has no %s", part)
		}
	}
	cases := filepath.Join(s.Dir, "learned.test.toml")
	for _, part := range []string{"force_push", "delete_branch", "private word", "allow.pull-requests"} {
		if strings.Contains(policy+read(t, cases), part) {
			t.Errorf("what was written has %s", part)
		}
	}
	for name, secret := range o.Secrets {
		if len(testbed.Leaks([]byte(policy+r.Stderr), secret)) > 0 {
			t.Errorf("the real %s was written", name)
		}
	}
	if out, err := exec.Command(program, "policy", "test", cases).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}

	s.Prefix = []string{program, "run", "--isolation", "env", "--policy", learned, "--"}
	dir := t.TempDir()
	if r := s.Run(t, time.Minute, "sh", "-c", work, "sh", dir, "two"); r.Code != 0 || !strings.Contains(r.Stdout, "all done") {
		t.Errorf("what was learned is not allowed: %s", r)
	}
	for _, script := range []string{
		"git commit -q --amend --allow-empty -m again && git push -q --force origin HEAD:main",
		"git push -q origin :feature-two",
		"gh api -X PATCH repos/myorg/myrepo/pulls/1 -f state=closed",
		`curl -sSf -H "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/8`,
	} {
		if r := s.Run(t, time.Minute, "sh", "-c", "cd "+dir+"/tree && export GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.com && "+script); r.Code == 0 || !strings.Contains(r.Stderr, "1 denied") {
			t.Errorf("%s: %s", script, r)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s", policy, read(t, cases))
	}
}
