package run_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// ghCommand is a command of gh that changes something: the mutation that arrives where the policy allows it, the action
// that is refused where it does not, and what the log keeps of the answer, of which gh asks little.
type ghCommand struct{ args, mutation, action, kept string }

var ghCommands = []ghCommand{
	{"pr create -R %s --head fix-login --base main --title T --body B", "createPullRequest", "create_pr", `"result":{"number":42,"html_url":"https://github.com/myorg/myrepo/pull/42"}`},
	{"pr merge 42 -R %s --merge", "mergePullRequest", "merge_pr", ""},
	{"pr comment 42 -R %s --body hello", "addComment", "add_comment", `"result":{"html_url":"https://github.com/myorg/myrepo/issues/7#issuecomment-1"}`},
	{"issue comment 7 -R %s --body hello", "addComment", "add_comment", `"result":{"html_url":"https://github.com/myorg/myrepo/issues/7#issuecomment-1"}`},
	{"issue create -R %s --title T --body B", "createIssue", "create_issue", `"result":{"number":7,"html_url":"https://github.com/myorg/myrepo/issues/7"}`},
	{"pr edit 42 -R %s --title T", "updatePullRequest", "update_pr", ""},
	{"repo delete %s --yes", "", "delete_repo", ""},
}

// TestGitHubCLI runs real gh: what the policy allows on myorg/myrepo is executed there, and for every other repository, and
// under a policy that only reads, gh prints the reason and nothing arrives but questions.
func TestGitHubCLI(t *testing.T) {
	testbed.Needs("gh")(t)
	o := testbed.Start(t)
	s := testbed.NewSession(t, o, testbed.Build(t, t.TempDir(), "agentguard"), filepath.Join("testdata", "e2e", "github.toml"))
	allows, err := os.ReadFile(s.Policy)
	if err != nil {
		t.Fatal(err)
	}
	run := func(c ghCommand, repo string) *testbed.Result {
		argv := strings.Fields("gh " + strings.Replace(c.args, "%s", repo, 1))
		return s.Run(t, time.Minute, argv...)
	}
	for _, c := range ghCommands {
		t.Run("allowed "+c.action, func(t *testing.T) {
			r := run(c, "myorg/myrepo")
			if done := o.GitHub.Done(); r.Code != 0 || c.mutation != "" && !slices.Equal(done, []string{c.mutation + " myorg/myrepo"}) {
				t.Errorf("exit %d, executed %q\n%s", r.Code, done, r)
			}
			if c.mutation == "" && !slices.ContainsFunc(r.Seen, func(s testbed.Seen) bool { return s.Method == "DELETE" }) {
				t.Errorf("nothing was deleted\n%s", r)
			}
			if !strings.Contains(string(r.AuditText), c.kept) {
				t.Errorf("the log does not keep %s\n%s", c.kept, r)
			}
		})
	}
	t.Run("over ssh", func(t *testing.T) { sshClone(t, s, string(allows)) })
	refused := func(t *testing.T, c ghCommand, repo, why string) {
		r := run(c, repo)
		if r.Code == 0 || !strings.Contains(r.Stderr, "Action "+c.action+" is denied") || !strings.Contains(r.Stderr, why) {
			t.Errorf("exit %d\n%s", r.Code, r)
		}
		if done := o.GitHub.Done(); len(done) > 0 || slices.ContainsFunc(r.Seen, func(s testbed.Seen) bool { return s.Method == "DELETE" }) {
			t.Errorf("executed %q\n%s", done, r)
		}
	}
	s.Write(t, "agentguard.toml", strings.Replace(string(allows), `["repo:myorg/myrepo"]`, `["repo:myorg/myrepo", "repo:other/*"]`, 1)+
		"\n[deny.others]\nactions = [\"write\", \"admin\"]\nresources = [\"repo:other/*\"]\n")
	for _, c := range ghCommands {
		t.Run("on another repository "+c.action, func(t *testing.T) { refused(t, c, "other/repo", "deny.others") })
	}
	s.Write(t, "agentguard.toml", strings.Replace(string(allows), `"create_pr", "merge_pr", "add_comment", "request_review", "update_pr", "create_issue", "delete_repo", `, ``, 1))
	for _, c := range ghCommands {
		t.Run("not allowed "+c.action, func(t *testing.T) { refused(t, c, "myorg/myrepo", "no rule allows it") })
	}
}

// sshClone is what gh does for a user whose git_protocol is ssh: clone and push go by the proxy all the same.
func sshClone(t *testing.T, s *testbed.Session, policy string) {
	testbed.Needs("git")(t)
	s.Write(t, "agentguard.toml", strings.Replace(policy, `"create_pr",`, `"create_pr", "push", "create_branch",`, 1))
	s.Origin.NewRepo(t, "myorg/myrepo")
	script, err := filepath.Abs(filepath.Join("testdata", "e2e", "sh", "gh-ssh.sh"))
	if err != nil {
		t.Fatal(err)
	}
	r := s.Run(t, time.Minute, "sh", script, t.TempDir())
	wantAll(t, r, []string{"hello", "origin is git@github.com:myorg/myrepo.git", "pushed ", "forced: exit 1", "[remote rejected]", "force_push", "elsewhere: exit 1"})
	if strings.Contains(r.Stdout+r.Stderr, "ssh was started") || r.Recorded("POST github.com/myorg/myrepo.git/git-receive-pack", "deny") == nil {
		t.Errorf("%s", r)
	}
}

// TestGraphQLClients: gh and octokit show why a mutation was refused, and that a limit is used up.
func TestGraphQLClients(t *testing.T) {
	o := testbed.Start(t)
	program := testbed.Build(t, t.TempDir(), "agentguard")
	session := func(t *testing.T) *testbed.Session { // with limits of its own
		return testbed.NewSession(t, o, program, filepath.Join("testdata", "e2e", "github.toml"))
	}
	t.Run("gh", func(t *testing.T) {
		testbed.Needs("gh")(t)
		r := session(t).Run(t, time.Minute, "sh", "-c", "gh issue close 7 -R myorg/myrepo; gh issue close 8 -R myorg/myrepo; gh issue pin 8 -R myorg/myrepo")
		wantAll(t, r, []string{"429 Too Many Requests", "Rate limit of", `Action pin_issue is denied (no rule allows it: add "pin_issue" to the actions of [allow.work])`})
		if done := o.GitHub.Done(); !slices.Equal(done, []string{"closeIssue myorg/myrepo"}) {
			t.Errorf("executed %q\n%s", done, r)
		}
	})
	t.Run("octokit", func(t *testing.T) {
		testbed.Needs("node")(t)
		dir := testbed.NodeDir(t, filepath.Join("testdata", "e2e", "node"), npmPackages)
		r := session(t).Run(t, time.Minute, "node", filepath.Join(dir, "client_octokit_graphql.mjs"))
		wantAll(t, r, []string{"created https://github.com/myorg/myrepo/pull/42", "archiveRepository answered agentguard_deny [ 'gone' ]", "Action archive_repo is denied",
			"closeIssue done", "closeIssue 429", "Rate limit of"})
		if done := o.GitHub.Done(); !slices.Equal(done, []string{"createPullRequest myorg/myrepo", "closeIssue myorg/myrepo"}) {
			t.Errorf("executed %q\n%s", done, r)
		}
	})
}
