package policy

import (
	"strings"
	"testing"
)

// TestTraceAgrees: what Trace says rule by rule is what Decide decides.
func TestTraceAgrees(t *testing.T) {
	p := mustParse(t, deciding)
	tried := 0
	for _, name := range []string{"create_pr", "get", "add_comment", "delete_repo", "merge_pr", "public", "force_push", "no such"} {
		for _, resource := range []string{"", " repo:myorg/myrepo", " repo:myorg/docs-secret", " repo:myorg/docs-a", " repo:sandbox/one", " repo:other/x"} {
			for _, path := range []string{"/some/path", "/rate/x", "/forbidden/x", ""} {
				m := act(p, "github", name+resource)
				m.Path = path
				denies, allows := 0, 0
				for _, x := range p.Trace(m, nil, 0) {
					switch {
					case x.Why == "":
						t.Errorf("%s: %s says nothing", name, x.Rule.Name)
					case x.Matches && x.Deny:
						denies++
					case x.Matches:
						allows++
					}
				}
				tried++
				d := p.Decide(m, nil)
				if want := denies == 0 && allows > 0; want != (d.Effect == Allow) {
					t.Errorf("%s%s at %q: %d rules deny, %d allow, and the decision is %v by %q", name, resource, path, denies, allows, d.Effect, d.Rule)
				}
				if denies > 0 != strings.HasPrefix(d.Rule, "deny.") {
					t.Errorf("%s%s at %q: %d rules deny, and %q decides", name, resource, path, denies, d.Rule)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d were tried", tried)
	}
}

func TestTraceSays(t *testing.T) {
	p := mustParse(t, deciding)
	for _, c := range []struct{ actions, rule, why string }{
		{"create_pr repo:myorg/myrepo", "allow.prs", "it names create_pr, on repo:MyOrg/MyRepo, repo:MyOrg/Docs-*"},
		{"create_pr repo:myorg/x", "allow.prs", "it is about repo:MyOrg/MyRepo, repo:MyOrg/Docs-* only, not about repo:myorg/x"},
		{"create_pr repo:myorg/x", "allow.crm", "it is for service crm"},
		{"create_pr repo:sandbox/x", "allow.admin", "* is every known action, on repo:sandbox/*"},
		{"merge_pr repo:sandbox/one", "allow.merge-one", "it names the operation pulls/merge, on repo:sandbox/one"},
		{"get repo:other/x", "allow.all-reads", "it names the group read, on repo:other/*"},
		{"public", "allow.all-reads", "it names the group read, which reaches nobody's resource"},
		{"add_comment", "deny.secret", "it names add_comment; it protects repo:myorg/docs-secret, path:/forbidden/*, and the request does not tell which resource it is about"},
		{"delete_repo repo:o/r", "deny.dangerous", "it names delete_repo, anywhere"},
		{"delete_repo repo:o/r", "allow.prs", "it names read, create_pr, add_comment, close_pr, not delete_repo"},
		{"no-such repo:sandbox/r", "allow.admin", "no rule matches what the catalogue does not know"},
	} {
		found := false
		for _, x := range p.Trace(act(p, "github", c.actions), nil, 0) {
			if x.Rule.Name == c.rule {
				found = true
				if x.Why != c.why {
					t.Errorf("%s: %s: %q, want %q", c.actions, c.rule, x.Why, c.why)
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing about %s", c.actions, c.rule)
		}
	}
}
