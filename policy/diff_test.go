package policy

import (
	"strings"
	"testing"
)

const diffHead = "version = 1\n[agent]\nname = \"bot\"\n[credential.gh]\nfrom = \"keychain:gh\"\nservice = \"github\"\n"

// TestDiff: each line of a policy that changes what may be done is told, with its direction.
func TestDiff(t *testing.T) {
	const rule = "[allow.a]\nservice = \"github\"\nactions = [\"read\", \"create_pr\"]\n"
	const merging = "[deny.d]\nactions = [\"merge_pr\"]\n"
	for _, c := range []struct{ before, after, want string }{
		{"", "", ""},
		{rule, rule, ""},
		{"", rule, "wider allow.a: new: read, create_pr anywhere"},
		{rule, "", "narrower allow.a: gone: read, create_pr anywhere"},
		{rule, strings.Replace(rule, `"read", `, `"merge_pr", `, 1), "wider allow.a: action merge_pr is new\nnarrower allow.a: action read is gone"},
		{rule, rule + "resources = [\"repo:o/r\"]\n", "narrower allow.a: it was about everything and is about repo:o/r"},
		{rule + "resources = [\"repo:o/r\"]\n", rule, "wider allow.a: it was about repo:o/r and is about everything"},
		{rule + "resources = [\"repo:o/r\"]\n", rule + "resources = [\"repo:o/*\"]\n", "wider allow.a: resource repo:o/* is new"},
		{rule + "resources = [\"repo:o/*\"]\n", rule + "resources = [\"repo:o/r\"]\n", "narrower allow.a: resource repo:o/* is gone"},
		{rule + "resources = [\"repo:o/*\"]\n", rule + "resources = [\"repo:o/x-*\"]\n", "narrower allow.a: resource repo:o/* is gone"},
		{rule + "resources = [\"repo:o/r\"]\n", rule + "resources = [\"repo:o/s\"]\n", "wider allow.a: resource repo:o/s is new\nnarrower allow.a: resource repo:o/r is gone"},
		{rule + "keep = [\"number\"]\n", rule + "keep = [\"number\", \"ticket.id\"]\n", "changed allow.a: kept field ticket.id is new"},
		{rule, rule + "limits = { create_pr = \"5/hour\" }\n", "narrower allow.a: create_pr is limited to 5/hour"},
		{rule + "limits = { create_pr = \"5/hour\" }\n", rule, "wider allow.a: create_pr is not limited any more; it was to 5/hour"},
		{rule + "limits = { create_pr = \"5/hour\" }\n", rule + "limits = { create_pr = \"6/hour\" }\n", "wider allow.a: create_pr is limited to 6/hour; it was to 5/hour"},
		{rule + "limits = { create_pr = \"5/hour\" }\n", rule + "limits = { create_pr = \"5/day\" }\n", "narrower allow.a: create_pr is limited to 5/day; it was to 5/hour"},
		{rule + "limits = { create_pr = \"5/hour\" }\n", rule + "limits = { create_pr = \"1/minute\" }\n", "changed allow.a: create_pr is limited to 1/minute; it was to 5/hour"},
		{rule, rule + "when = { base = \"main\" }\n", "narrower allow.a: it is only where base is \"main\""},
		{rule + "when = { base = \"main\" }\n", rule, "wider allow.a: it is no longer only where base is \"main\""},
		{rule, strings.Replace(rule, `"read", "create_pr"`, `"*"`, 1), "wider allow.a: action * is new"},
		{strings.Replace(rule, `"read", "create_pr"`, `"*"`, 1), rule, "narrower allow.a: action * is gone"},
		{rule, strings.Replace(rule, `"read", "create_pr"`, `"repos/get", "pulls/create"`, 1), "narrower allow.a: action create_pr is gone\nnarrower allow.a: action read is gone"},
		{rule, strings.Replace(rule, `"read"`, `"write"`, 1), "wider allow.a: action write is new\nnarrower allow.a: action read is gone"},
		{rule, strings.Replace(rule, `"create_pr"`, `"write"`, 1), "wider allow.a: action write is new"},
		{rule, strings.Replace(rule, `"create_pr"`, `"create_pr", "pulls/create"`, 1), ""},
		{strings.Replace(rule, `"create_pr"`, `"write"`, 1), strings.Replace(rule, `"create_pr"`, `"write", "merge_branch"`, 1), ""},
		{merging + strings.Replace(rule, `"create_pr"`, `"write"`, 1), merging + strings.Replace(rule, `"create_pr"`, `"write", "merge_branch", "add_comment"`, 1),
			"wider allow.a: action merge_branch is named now, so that denials and limits of what it comes to the same as do not hold for it"},
		{strings.Replace(rule, `"create_pr"`, `"*"`, 1) + "limits = { merge_pr = \"5/hour\" }\n", strings.Replace(rule, `"create_pr"`, `"*", "repos/merge"`, 1) + "limits = { merge_pr = \"5/hour\" }\n",
			"wider allow.a: action repos/merge is named now, so that denials and limits of what it comes to the same as do not hold for it"},
		{"[deny.d]\nservice = \"github\"\nactions = [\"merge_pr\"]\n", "[deny.d]\nservice = \"github\"\nactions = [\"write\"]\n", "narrower deny.d: action write is new"},
		{rule + "resources = [\"repo:O/R\"]\n", rule + "resources = [\"repo:o/r\"]\n", ""},
		{rule + "resources = [\"repo:*/r\", \"repo:o/*\"]\n", rule + "resources = [\"repo:o/a*\", \"repo:x/r\"]\n", "narrower allow.a: resource repo:*/r is gone\nnarrower allow.a: resource repo:o/* is gone"},
		{rule + "resources = [\"repo:o/a*\"]\n", rule + "resources = [\"repo:*/a\"]\n", "wider allow.a: resource repo:*/a is new\nnarrower allow.a: resource repo:o/a* is gone"},
		{rule + "limits = { create_pr = \"5/hour\" }\n", rule + "limits = { \"*\" = \"5/hour\" }\n", "narrower allow.a: * is limited to 5/hour"},
		{rule + "limits = { create_pr = \"5/hour\" }\n", rule + "limits = { \"*\" = \"6/hour\" }\n", "wider allow.a: create_pr is not limited any more; it was to 5/hour\nnarrower allow.a: * is limited to 6/hour"},
		{"[deny.d]\nactions = [\"delete_repo\"]\n" + rule, rule + "[deny.d]\nactions = [\"delete_repo\"]\n", ""},
		{"[deny.d]\nactions = [\"*\"]\n", "[deny.d]\nactions = [\"delete_repo\"]\n", "wider deny.d: action * is gone"},
		{"[deny.d]\nservice = \"github\"\nactions = [\"create_pr\"]\n", "[deny.d]\nservice = \"github\"\nactions = [\"write\"]\n",
			"wider deny.d: action create_pr is named no more, so that it forbids no longer what comes to the same: agent-tasks/create-task-in-repo\nnarrower deny.d: action write is new"},
		{"[deny.d]\nactions = [\"delete_repo\"]\nresources = [\"repo:o/*\"]\n", "[deny.d]\nactions = [\"delete_repo\"]\nresources = [\"repo:o/r\"]\n", "wider deny.d: resource repo:o/* is gone"},
		{"[deny.d]\nactions = [\"create_pr\"]\nwhen = { base = [\"a\", \"b\"] }\n", "[deny.d]\nactions = [\"create_pr\"]\nwhen = { base = \"a\" }\n", `wider deny.d: it is where base is "a"; it was where it is "a" or "b"`},
		{rule + "when = { base = [\"main\", \"dev\"] }\n", rule + "when = { base = \"main\" }\n", `narrower allow.a: it is where base is "main"; it was where it is "main" or "dev"`},
		{rule + "when = { base = \"release/1\" }\n", rule + "when = { base = [\"release/*\", \"main\"] }\n", `wider allow.a: it is where base is "release/*" or "main"; it was where it is "release/1"`},
		{rule + "when = { base = \"release/x*\" }\n", rule + "when = { base = \"release/*\" }\n", `wider allow.a: it is where base is "release/*"; it was where it is "release/x*"`},
		{rule + "when = { base = [\"a\", \"b\"] }\n", rule + "when = { base = [\"b\", \"a\"] }\n", ""},
		{rule + "when = { draft = true }\n", rule + "when = { draft = false }\n", "changed allow.a: it is where draft is false; it was where it is true"},
		{rule + "when = { issue = \"<= 10\" }\n", rule + "when = { issue = \"< 10\" }\n", "narrower allow.a: it is where issue is < 10; it was where it is <= 10"},
		{rule + "when = { issue = \"< 10\" }\n", rule + "when = { issue = \"<= 9\" }\n", ""},
		{rule + "when = { issue = 4 }\n", rule + "when = { issue = \">= 3\" }\n", "wider allow.a: it is where issue is >= 3; it was where it is 4"},
		{rule + "when = { issue = \"> 4\" }\n", rule + "when = { issue = \"< 9\" }\n", "changed allow.a: it is where issue is < 9; it was where it is > 4"},
		{rule + "when = { base = \"main\" }\n", rule + "when = { base = \"dev\" }\n", "changed allow.a: it is where base is \"dev\"; it was where it is \"main\""},

		{"", "[deny.d]\nactions = [\"delete_repo\"]\n", "narrower deny.d: new: delete_repo anywhere"},
		{"[deny.d]\nactions = [\"delete_repo\"]\n", "", "wider deny.d: gone: delete_repo anywhere"},
		{"[deny.d]\nactions = [\"delete_repo\", \"push\"]\n", "[deny.d]\nactions = [\"push\"]\n", "wider deny.d: action delete_repo is gone"},
		{"[deny.d]\nactions = [\"push\"]\n", "[deny.d]\nservice = \"github\"\nactions = [\"push\"]\n", "wider deny.d: it was for every service and is for github"},
		{"[deny.d]\nactions = [\"create_pr\"]\n", "[deny.d]\nactions = [\"create_pr\"]\nwhen = { base = \"x\" }\n", "wider deny.d: it is only where base is \"x\""},

		{"", "[network]\nallow = [\"pypi.org\"]\ntunnel = [\"a.example:8443\"]\n", "wider network.allow: host pypi.org is new\nwider network.tunnel: host a.example:8443 is new"},
		{"[network]\nallow = [\"pypi.org\"]\n", "", "narrower network.allow: host pypi.org is gone"},
		{"[network]\nallow = [\"*.a.example\"]\n", "[network]\nallow = [\"x.a.example\"]\n", "narrower network.allow: host *.a.example is gone"},
		{"[network]\nallow = [\"x.a.example\"]\n", "[network]\nallow = [\"*.a.example\"]\n", "wider network.allow: host *.a.example is new"},
		{"[network]\nallow = [\"*.a.example\"]\n", "[network]\nallow = [\"x.a.example:8443\"]\n", "wider network.allow: host x.a.example:8443 is new\nnarrower network.allow: host *.a.example is gone"},
		{"[network]\nallow = [\"*.a.example\"]\n", "[network]\nallow = [\"a.example\", \"xa.example\"]\n", "wider network.allow: host a.example is new\nwider network.allow: host xa.example is new\nnarrower network.allow: host *.a.example is gone"},
		{"[network]\nallow = [\"a.example\"]\n", "[network]\ntunnel = [\"a.example\"]\n", "wider network.tunnel: host a.example is new\nnarrower network.allow: host a.example is gone"},
		{"[env]\npass = [\"NPM_*\"]\n", "[env]\npass = [\"NPM_A\", \"NPX\"]\n", "wider env.pass: variable NPX is new\nnarrower env.pass: variable NPM_* is gone"},
		{"", "[credential.o]\nfrom = \"env:O\"\nservice = \"openai\"\n", "wider credential.o: new: env:O, for service openai"},
		{"[upstream]\nproxy = \"http://u:hunter2@p:1\"\n", "[upstream]\nproxy = \"http://u:hunter3@p:1\"\n", "changed upstream: the password of the proxy is another"},
		{"[upstream]\nproxy = \"http://u:hunter2@p:1\"\n", "[upstream]\nproxy = \"http://q:1\"\n", `changed upstream: the proxy was "http://u:xxxxx@p:1" and is "http://q:1"`},
		{"", "[upstream]\nallow_private = [\"127.0.0.1\"]\nproxy = \"none\"\n", "wider upstream: private address 127.0.0.1 is new\nchanged upstream: the proxy was \"\" and is \"none\""},
		{"", "[env]\npass = [\"EDITOR\"]\nset = { A = \"b\" }\n", "wider env.pass: variable EDITOR is new\nchanged env.set: variable A=b is new"},
		{"[service.crm]\nhosts = [\"a.example\"]\n[service.crm.actions]\nx = \"GET /x\"\n", "[service.crm]\nhosts = [\"a.example\", \"http://b.example\"]\nbase = \"https://a.example\"\n[service.crm.actions]\nx = \"* /x/{y} -> y:{y}\"\n",
			"wider service.crm: host http://b.example is new\nchanged service.crm: action x = * /x/{y} -> y:{y} is new\nchanged service.crm: action x = GET /x is gone"},

		{"[service.crm]\nhosts = [\"*.a.example\"]\nbase = \"https://b.a.example\"\nauth = \"bearer\"\n[service.crm.actions]\nx = \"GET /x\"\n", "[service.crm]\nhosts = [\"b.a.example\"]\nauth = \"header:X-Key\"\n[service.crm.actions]\nx = \"GET /x\"\n",
			`changed service.crm: the place of its credential was "bearer" and is "header:X-Key"` + "\nnarrower service.crm: host https://*.a.example is gone"},
		{"[service.crm]\nhosts = [\"a.example\"]\n[service.crm.actions]\nx = \"GET /x\"\n", "[service.crm]\nhosts = [\"a.example\"]\nescaped_slash = true\n[service.crm.actions]\nx = \"GET /x\"\n",
			"wider service.crm: paths with an escaped slash are taken: true, was false"},
		{"[isolation]\nread = [\"~/.aws\"]\n", "[isolation]\nread = [\"~/.aws/config\", \"~/.aws2\"]\n", "wider isolation: readable path ~/.aws2 is new\nnarrower isolation: readable path ~/.aws is gone"},
		{"[isolation]\nuser = \"a\"\n", "[isolation]\nuser = 0\n", `changed isolation: root's command ran as "a" and runs as "0"`},
		{"", "[isolation]\nminimum = \"filtered\"\n", "narrower isolation: its minimum was none and is filtered"},
		{"[isolation]\nminimum = \"sealed\"\n", "[isolation]\nminimum = \"env\"\n", "wider isolation: its minimum was sealed and is env"},
		{"[isolation]\nminimum = \"env\"\n", "", "narrower isolation: its minimum was env and is none"},
		{"[isolation]\nread = \"~/.aws\"\nhide = \"~/a\"\nnested = true\n", "[isolation]\nwrite = [\"~/.aws\"]\nallow_tcp = [5432]\n",
			"wider isolation: writable path ~/.aws is new\nwider isolation: hidden path ~/a is gone\nwider isolation: local service 127.0.0.1:5432 is new\n" +
				"narrower isolation: readable path ~/.aws is gone\nnarrower isolation: sandboxes of the child's own: false, was true"},
	} {
		var got []string
		for _, x := range Diff(mustParse(t, diffHead+c.before), mustParse(t, diffHead+c.after)) {
			got = append(got, x.Effect+" "+x.Where+": "+x.Text)
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("from\n%s\nto\n%s\ngot\n%s\nwant\n%s", c.before, c.after, strings.Join(got, "\n"), c.want)
		}
	}
}
