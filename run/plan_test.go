package run

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agentguard/run/clients"
	"agentguard/run/environ"
)

const live = "s3cr3t/+value-0123456789"

// plan is a run with everything.
func plan(env ...string) envPlan {
	return envPlan{
		Environ: environ.Of(env), Secrets: [][]byte{[]byte(live)}, Sources: []string{"MY_SOURCE"},
		Placeholders: map[string]string{"GITHUB_TOKEN": "ghp_placeholder"},
		ProxyURL:     "http://run:token@127.0.0.1:1234", GatewayURL: "http://run:token@127.0.0.1:1234", RunID: "r1", Agent: "bot", Isolation: "env",
		Files: clients.Files{CA: "/d/ca.pem", CertDir: "/d/certs", Bundle: "/d/b.pem", Wgetrc: "/d/w", PKCS12: "/d/t.p12", Preload: "/d/p q.js", AWSConfig: "/d/aws", JavaProxy: "127.0.0.1:5", PHPDir: "/d"},
	}
}

func TestNoLiveSecretReachesTheChild(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString
	p := plan(
		"A="+live, "B=x "+live+" y", "GITHUB_TOKEN="+live, "MY_SOURCE=else",
		"C="+basic([]byte(live)), "D="+basic([]byte("user:"+live)), "E="+basic([]byte("me:"+live)), "F="+base64.RawURLEncoding.EncodeToString([]byte("x:"+live)),
		"G="+url.QueryEscape(live), "H="+hex.EncodeToString([]byte(live)), "I=https://h/?q="+url.PathEscape(live), "X_"+live+"=1", "FINE=1",
	)
	p.Pass = []string{"*"}
	p.Set = map[string]string{"SET": live, "MY_SOURCE": "again", "HTTPS_PROXY": "http://evil", "GITHUB_TOKEN": "other"}
	p.Extra = []string{"A", "EXTRA=" + live, "MY_SOURCE", "GITHUB_TOKEN=" + live, "SSL_CERT_FILE=/evil", "AGENTGUARD_RUN=other", "GIVEN=1"}
	env, removed := p.Build()
	for _, kv := range env.List() {
		name, value, _ := strings.Cut(kv, "=")
		if environ.NeedlesOf(p.Secrets).In(value) || len(name) == 1 || name == "MY_SOURCE" || name == "SET" || name == "EXTRA" {
			t.Errorf("the child gets %s", kv)
		}
	}
	for name, want := range map[string]string{
		"GITHUB_TOKEN": "ghp_placeholder", "HTTPS_PROXY": p.ProxyURL, "SSL_CERT_FILE": "/d/b.pem", "AGENTGUARD_RUN": "r1", "FINE": "1", "GIVEN": "1",
	} {
		if env.Get(name) != want {
			t.Errorf("%s=%q, want %q", name, env.Get(name), want)
		}
	}
	if !slices.IsSorted(removed) || !slices.Contains(removed, "A") || !slices.Contains(removed, "MY_SOURCE") || slices.Contains(removed, "GITHUB_TOKEN") || slices.Contains(removed, "FINE") {
		t.Errorf("removed %q", removed)
	}
}

// Nor does one in the spelling that JSON, a shell or an address in an address has for it.
func TestNoEscapedSecretReachesTheChild(t *testing.T) {
	for _, value := range []string{
		`{"k":"pa\/ss\"word\\one two"}`, `{"k":"pa\u002fss\u0022word\u005cone two"}`, `pa/ss\"word\\one\ two`, "https://h/100%/?q=pa%2Fss%22word%5Cone+two",
		"https://h/?to=https%3A%2F%2Fh%2F%3Fq%3Dpa%252Fss%2522word%255Cone%2520two", `{"k":"{\"k\":\"pa/ss\\\"word\\\\one two\"}"}`, `\x70a/ss"word\one two`,
	} {
		p := plan("A="+value, "FINE="+value[:8])
		p.Secrets = [][]byte{[]byte(`pa/ss"word\one two`)}
		if env, removed := p.Build(); !slices.Equal(removed, []string{"A"}) || env.Get("FINE") == "" {
			t.Errorf("%s: removed %q", value, removed)
		}
	}
}

// A password is as live by itself as behind the name of its user.
func TestNoPartOfASecretReachesTheChild(t *testing.T) {
	p := plan("A=Tr0ub4dor-and-3", "B=https://alice:Tr0ub4dor-and-3@h/", "FINE=alice")
	p.Secrets = [][]byte{[]byte("alice:Tr0ub4dor-and-3")}
	env, removed := p.Build()
	if !slices.Equal(removed, []string{"A", "B"}) || env.Get("FINE") != "alice" {
		t.Errorf("removed %q", removed)
	}
}

func TestEveryClientVariableIsSet(t *testing.T) {
	env, _ := plan("http_proxy=http://corp:pw@proxy", "NO_PROXY=*", "ftp_proxy=http://corp", "npm_config_https_proxy=http://corp", "npm_config_strict_ssl=false",
		"NODE_TLS_REJECT_UNAUTHORIZED=0", "PYTHONHTTPSVERIFY=0", "GIT_SSL_NO_VERIFY=1", "npm_config_cafile=/corp", "AGENTGUARD_AGE_PASSPHRASE=x",
		"NODE_OPTIONS=--max-old-space-size=4096", "JAVA_TOOL_OPTIONS=-Xmx1g", "AWS_REGION=eu-west-1", "AWS_PROFILE=prod", "PHP_INI_SCAN_DIR=/x", "SSL_CERT_DIR=/y").Build()
	proxy, bundle := "http://run:token@127.0.0.1:1234", "/d/b.pem"
	want := map[string]string{
		"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy, "grpc_proxy": proxy,
		"NO_PROXY": "localhost,127.0.0.1,::1", "no_proxy": "localhost,127.0.0.1,::1", "NODE_USE_ENV_PROXY": "1", "PERL_LWP_ENV_PROXY": "1", "MOJO_PROXY": "1",
		"SSL_CERT_FILE": bundle, "CURL_CA_BUNDLE": bundle, "REQUESTS_CA_BUNDLE": bundle, "GIT_SSL_CAINFO": bundle, "AWS_CA_BUNDLE": bundle, "PIP_CERT": bundle,
		"CARGO_HTTP_CAINFO": bundle, "HTTPLIB2_CA_CERTS": bundle, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": bundle, "NPM_CONFIG_CAFILE": bundle,
		"BUNDLE_SSL_CA_CERT": bundle, "NIX_SSL_CERT_FILE": bundle, "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": bundle, "CODEX_CA_CERTIFICATE": bundle,
		"WEBSOCKET_CLIENT_CA_BUNDLE": bundle, "PERL_LWP_SSL_CA_FILE": bundle, "HTTPS_CA_FILE": bundle, "COMPOSER_CAFILE": bundle,
		"JULIA_SSL_CA_ROOTS_PATH": bundle, "HEX_CACERTS_PATH": bundle, "SYSTEM_CERTIFICATE_PATH": bundle, "MOJO_CA_FILE": bundle,
		"SSL_CERT_DIR":        "/d/certs" + string(filepath.ListSeparator) + "/y",
		"PHP_INI_SCAN_DIR":    "/x" + string(filepath.ListSeparator) + "/d",
		"NODE_EXTRA_CA_CERTS": "/d/ca.pem", "DENO_CERT": "/d/ca.pem", "WGETRC": "/d/w",
		"AWS_CONFIG_FILE": "/d/aws", "AWS_SHARED_CREDENTIALS_FILE": "/d/aws", "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1",
		"GIT_TERMINAL_PROMPT": "0", "GITHUB_TOKEN": "ghp_placeholder", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.proxy", "GIT_CONFIG_VALUE_0": proxy,
		"NODE_OPTIONS":      `--max-old-space-size=4096 --require="/d/p q.js"`,
		"JAVA_TOOL_OPTIONS": "-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=5 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=5 -Dhttp.nonProxyHosts=localhost|127.*|[::1] -Djavax.net.ssl.trustStore=/d/t.p12 -Djavax.net.ssl.trustStoreType=PKCS12",
		"AGENTGUARD_URL":    proxy, "AGENTGUARD_RUN": "r1", "AGENTGUARD_AGENT": "bot", "AGENTGUARD_ISOLATION": "env",
	}
	for name, value := range want {
		if env.Get(name) != value {
			t.Errorf("%s=%q, want %q", name, env.Get(name), value)
		}
	}
	for _, name := range env.Names() {
		if _, ok := want[name]; !ok {
			t.Errorf("unexpected %s=%s", name, env.Get(name))
		}
	}
}

func TestPassBringsBackWhatOnlyLooksSecret(t *testing.T) {
	p := plan("SOME_KEY=x", "OTHER_KEY=x", "NPM_CONFIG_X_TOKEN=x", "NAMED_TOKEN=x", "AGENTGUARD_AGE_KEY=x", "HTTPS_PROXY=http://corp")
	p.Pass, p.Extra = []string{"SOME_KEY", "NPM_CONFIG_*", "AGENTGUARD_*", "*_PROXY"}, []string{"NAMED_TOKEN", "NOT_SET"}
	env, removed := p.Build()
	if got := strings.Join(removed, " "); got != "AGENTGUARD_AGE_KEY OTHER_KEY" {
		t.Errorf("removed %q", got)
	}
	if _, ok := env.Lookup("NOT_SET"); ok {
		t.Error("a variable that is not set was passed")
	}
}

func TestGitConfigIsOneGroup(t *testing.T) {
	clean := []string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=user.name", "GIT_CONFIG_VALUE_0=me"}
	if _, removed := plan(clean...).Build(); removed != nil {
		t.Errorf("removed %q", removed)
	}
	for _, kv := range []string{"GIT_CONFIG_KEY_0=http.https://github.com/.extraheader", "GIT_CONFIG_KEY_0=http.sslVerify", "GIT_CONFIG_KEY_0=http.proxy", "GIT_CONFIG_VALUE_0=AUTHORIZATION: basic x"} {
		env, _ := plan(append(clean, kv)...).Build()
		if env.Get("GIT_CONFIG_COUNT") != "1" || env.Get("GIT_CONFIG_KEY_0") != "http.proxy" || env.Get("GIT_CONFIG_VALUE_0") != "http://run:token@127.0.0.1:1234" {
			t.Errorf("%s: %q", kv, env.List())
		}
	}
}

func TestMavenHasAPlace(t *testing.T) {
	for given, want := range map[string]string{
		"": "-Dmaven.repo.local=/c/m", "-Xmx1g": "-Xmx1g -Dmaven.repo.local=/c/m", "-Dmaven.repo.local=/x": "-Dmaven.repo.local=/x", "-Ddb.password=x": "-Dmaven.repo.local=/c/m",
	} {
		if env, _ := (envPlan{Environ: environ.Of([]string{"MAVEN_OPTS=" + given}), Maven: "/c/m"}).Build(); env.Get("MAVEN_OPTS") != want {
			t.Errorf("%q becomes %q, want %q", given, env.Get("MAVEN_OPTS"), want)
		}
	}
}

func TestZeroPlanStillScrubs(t *testing.T) {
	env, removed := envPlan{Environ: environ.Of([]string{"A=1", "B_TOKEN=x", "https_proxy=http://u:p@corp"})}.Build()
	if env.Get("A") != "1" || strings.Join(removed, " ") != "B_TOKEN https_proxy" {
		t.Errorf("removed %q of %q", removed, env.List())
	}
}

func BenchmarkBuild(b *testing.B) {
	environ := []string{"HOME=/home/me", "PATH=" + strings.Repeat("/usr/some/path:", 20), "LS_COLORS=" + strings.Repeat("*.tar=01;31:", 100)}
	for i := range 80 {
		environ = append(environ, "SOME_VARIABLE_"+string(rune('A'+i%26))+string(rune('A'+i/26))+"=https://example.com/some/value")
	}
	p := plan(environ...)
	b.ReportAllocs()
	for range b.N {
		p.Build()
	}
}
