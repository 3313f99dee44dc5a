package policy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"agentguard/policy/action"
)

// A push whose pack nobody has asked for is read, and the server asked, only where the answer hangs on that.
func TestDoubtIsSettledWhereItMatters(t *testing.T) {
	const allow = "version = 1\n[agent]\nname = \"x\"\n[allow.a]\nservice = \"github\"\n"
	update := strings.Repeat("1", 40) + " " + strings.Repeat("2", 40) + " refs/heads/main"
	create := strings.Repeat("0", 40) + " " + strings.Repeat("2", 40) + " refs/heads/new"
	for _, c := range []struct {
		name, rules, commands string
		read                  bool
		want                  string
	}{
		{"only forced is missing", `actions = ["push"]`, update, true, "deny force_push; push force_push"},
		{"forced is allowed", `actions = ["push", "force_push"]`, update, false, "allow push; push force_push"},
		{"all is allowed, and counted", "actions = [\"*\"]\nlimits = { \"*\" = \"9/hour\" }", update, false, "allow push takes 1; push force_push"},
		{"forced ones are counted", "actions = [\"*\"]\nlimits = { force_push = \"9/hour\" }", update, true, "allow push takes 1; push force_push"},
		{"pushes are counted", "actions = [\"*\"]\nlimits = { push = \"9/hour\" }", update, false, "allow push takes 1; push force_push"},
		{"nothing is allowed", `actions = ["clone"]`, update, false, "deny push; push"},
		{"another ref is not allowed", `actions = ["push"]`, update + "|" + create, false, "deny create_branch; push create_branch"},
		{"no doubt", `actions = ["create_branch"]`, create, false, "allow create_branch; create_branch"},
		{"forced is forbidden", "actions = [\"*\"]\n[deny.d]\nactions = [\"force_push\"]", update, true, "deny force_push; push force_push"},
	} {
		p := mustParse(t, allow+c.rules+"\n")
		r, read := pushOf(c.commands, strings.NewReader("PACK\x00\x00\x00\x02\x00\x00\x00\x00"))
		m := classified(t, r)
		d := p.Decide(&m, r)
		if got := tell(&d, &m); got != c.want || *read != c.read {
			t.Errorf("%s: %s, read %v; want %s, %v", c.name, got, *read, c.want, c.read)
		}
	}
}

// What is too long to tell is denied, beside the answer for the case that it is harmless.
func TestDoubtThatIsTooLong(t *testing.T) {
	update := strings.Repeat("1", 40) + " " + strings.Repeat("2", 40) + " refs/heads/main"
	for rules, want := range map[string]string{
		`actions = ["push"]`:               "allow push; push",
		`actions = ["push", "force_push"]`: "",
		`actions = ["clone"]`:              "",
	} {
		p := mustParse(t, "version = 1\n[agent]\nname = \"x\"\n[allow.a]\nservice = \"github\"\n"+rules+"\n")
		r, _ := pushOf(update, io.MultiReader(strings.NewReader("PACK\x00\x00\x00\x02\x00\x00\x00\x09"), iotest.ErrReader(action.ErrHeld)))
		m := classified(t, r)
		d := p.Decide(&m, r)
		if (d.Otherwise != nil) != (want != "") {
			t.Errorf("%s: %+v", rules, d)
			continue
		}
		if want != "" {
			if least := m.AtLeast(); tell(d.Otherwise, &least) != want || d.Effect != Deny || !strings.Contains(d.Hint, "larger than what is held") {
				t.Errorf("%s: %+v", rules, d)
			}
		}
	}
	// A body that breaks off is no such case.
	r, _ := pushOf(update, iotest.ErrReader(errors.New("the child went away")))
	m := classified(t, r)
	d := mustParse(t, "version = 1\n[agent]\nname = \"x\"\n[allow.a]\nservice = \"github\"\nactions = [\"push\"]\n").Decide(&m, r)
	if d.Otherwise != nil || d.Effect != Deny || !strings.Contains(d.Reason, "went away") {
		t.Errorf("%+v", d)
	}
}

// pushOf is a push of commands, parted by |, with what follows them; it says whether that was read.
func pushOf(commands string, pack io.Reader) (*action.Request, *bool) {
	var b strings.Builder
	for i, c := range strings.Split(commands, "|") {
		if i == 0 {
			c += "\x00report-status"
		}
		fmt.Fprintf(&b, "%04x%s", len(c)+4, c)
	}
	head, read := b.String()+"0000", false
	path, _ := action.ParsePath("/o/r.git/git-receive-pack", true)
	return &action.Request{
		Authority: action.Authority{Host: "github.com", Port: 443}, Method: "POST", Path: path,
		Header: http.Header{"Content-Type": {"application/x-git-receive-pack-request"}},
		Peek:   func(n int) ([]byte, error) { return []byte(head)[:min(n, len(head))], nil },
		Stream: func() (io.ReadCloser, error) {
			read = true
			return io.NopCloser(io.MultiReader(strings.NewReader(head), pack)), nil
		},
	}, &read
}

func classified(t *testing.T, r *action.Request) action.Match {
	t.Helper()
	s := action.Lookup("github")
	return action.Classify(s, s.Host(r.Authority), r)
}

func tell(d *Decision, m *action.Match) string {
	s := d.Effect.String() + " " + d.Action.Name
	for _, l := range d.Limits {
		s += fmt.Sprintf(" takes %d", l.N)
	}
	s += ";"
	for _, a := range m.Actions {
		s += " " + a.Name
	}
	return s
}
