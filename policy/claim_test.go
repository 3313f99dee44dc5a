package policy

import (
	"strings"
	"testing"

	"agentguard/policy/action"
)

const claiming = `version = 1
[agent]
name = "bot"
[credential.b]
from = "keychain:b"
service = "github"
[credential.a]
from = "keychain:a"
service = "github"
[allow.gh]
service = "github"
credential = "a"
actions = ["read"]
[allow.crm]
service = "crm"
actions = ["*"]
[deny.slack]
service = "slack"
actions = ["*"]
[service.crm]
hosts = ["crm.example.com:8443", "*.crm.example.com", "http://10.1.2.3:9001"]
[service.crm.actions]
any = "* /{x...}"
[service.idle]
hosts = ["idle.example.com"]
[service.idle.actions]
any = "* /{x...}"
[network]
allow = ["pypi.org", "*.pythonhosted.org", "registry.example.com:8443"]
tunnel = ["pinned.example.com", "odd.example.com:444"]
`

func TestClaim(t *testing.T) {
	p := mustParse(t, claiming)
	for _, c := range []struct {
		url    string
		kind   ClaimKind
		reason string // or the service
	}{
		{"https://api.github.com:443", ForService, "github"},
		{"https://crm.example.com:8443", ForService, "crm"},
		{"https://x.y.crm.example.com:443", ForService, "crm"},
		{"http://10.1.2.3:9001", ForService, "crm"},
		{"https://pypi.org:443", Open, ""},
		{"http://pypi.org:80", Open, ""},
		{"https://files.pythonhosted.org:443", Open, ""},
		{"https://registry.example.com:8443", Open, ""},
		{"http://registry.example.com:8443", Open, ""},
		{"https://pinned.example.com:443", Tunnel, ""},
		{"https://odd.example.com:444", Tunnel, ""},

		{"http://api.github.com:80", Unclaimed, "service github is reached as https://api.github.com alone, not as http://api.github.com"},
		{"http://api.github.com:443", Unclaimed, "not as http://api.github.com:443"},
		{"https://api.github.com:8443", Unclaimed, "not as https://api.github.com:8443"},
		{"https://api.github.com:80", Unclaimed, "service github is reached as"},
		{"https://crm.example.com:443", Unclaimed, "service crm is reached as https://crm.example.com:8443 alone"},
		{"https://10.1.2.3:9001", Unclaimed, "service crm is reached as http://10.1.2.3:9001 alone, not as https://10.1.2.3:9001"},
		{"https://pypi.org:80", Unclaimed, `pypi.org is in [network] allow, but not with port 80: write "pypi.org:80"`},
		{"https://pypi.org:8443", Unclaimed, `write "pypi.org:8443"`},
		{"https://pythonhosted.org:443", Unclaimed, `add "pythonhosted.org" to [network] allow`},
		{"https://registry.example.com:443", Unclaimed, "not with port 443"},
		{"http://pinned.example.com:80", Unclaimed, "is for TLS alone"},
		{"https://api.openai.com:443", Unclaimed, "api.openai.com belongs to service openai: write a [credential.NAME]"},
		{"https://slack.com:443", Unclaimed, "belongs to service slack"},
		{"https://idle.example.com:443", Unclaimed, "idle.example.com belongs to service idle, which no credential and no rule uses"},
		{"https://evil.example:443", Unclaimed, `add "evil.example" to [network] allow, or to the hosts of a [service.NAME]`},
		{"https://evil.example:22", Unclaimed, `add "evil.example:22" to`},
		{"https://example.com:443", Unclaimed, "add"},
		{"https://evilcrm.example.com:443", Unclaimed, "add"},
	} {
		scheme, authority, _ := strings.Cut(c.url, "://")
		a, err := action.ParseAuthority(authority, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Claim(a, scheme == "http")
		if got.Kind != c.kind {
			t.Errorf("%s: %+v", c.url, got)
		}
		switch got.Kind {
		case ForService:
			if got.Service.Name != c.reason || got.Host == nil || !got.Host.Pattern.Match(a.Host) || got.Reason != "" {
				t.Errorf("%s: %+v", c.url, got)
			}
		case Unclaimed:
			if !strings.Contains(got.Reason, c.reason) || got.Service != nil || got.Credentials != nil {
				t.Errorf("%s: %q, want %q", c.url, got.Reason, c.reason)
			}
		}
	}
	gh := p.Claim(action.Authority{Host: "api.github.com", Port: 443}, false)
	if len(gh.Credentials) != 2 || gh.Credentials[0].Name != "a" || gh.Credentials[1].Name != "b" {
		t.Errorf("credentials of github: %v", gh.Credentials)
	}
}

// One table says where credentials go and where the policy is enforced: every host of every credential is claimed by
// its service, and by nothing else.
func TestInjectionAndEnforcementShareOneTable(t *testing.T) {
	sound(t, mustParse(t, whole))
	sound(t, mustParse(t, claiming))
	for _, host := range []string{"api.github.com", "github.com", "*.github.com", "*.githubusercontent.com", "uploads.github.com:8443", "crm.example.com", "a.crm.example.com:1", "10.1.2.3"} {
		for _, key := range []string{"allow = [", "tunnel = ["} {
			text := strings.Replace(claiming, key, key+`"`+host+`", `, 1)
			if _, err := Parse("f", []byte(text)); err == nil {
				t.Errorf("%s%s] is accepted beside the service that has a credential there", key, host)
			}
		}
	}
}

func BenchmarkClaim(b *testing.B) {
	p := mustParse(b, claiming)
	for _, host := range []string{"api.github.com", "files.pythonhosted.org"} {
		b.Run(host, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Claim(action.Authority{Host: host, Port: 443}, false)
			}
		})
	}
}

// Which credential a question goes with hangs on the resource, where that is known.
func TestCredentialForAResource(t *testing.T) {
	p := mustParse(t, `version = 1
[agent]
name = "x"
[credential.one]
from = "env:ONE"
service = "github"
[credential.two]
from = "env:TWO"
service = "github"
[allow.one]
service = "github"
credential = "one"
actions = ["push"]
resources = ["repo:o/one"]
[allow.two]
service = "github"
credential = "two"
actions = ["write"]
resources = ["repo:o/t*"]
`)
	for resource, want := range map[string]string{"o/one": "one", "o/two": "two", "": "different credentials", "o/other": "no rule"} {
		a := action.Action{Name: "push", Operation: "git/receive-pack", Class: action.Write, Resource: action.Resource{Kind: "repo", Name: resource}}
		got, err := p.CredentialFor("github", []action.Action{a})
		if got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v", resource, got, err)
		}
	}
}
