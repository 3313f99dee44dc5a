package run

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnvLastDuplicateWins(t *testing.T) {
	e := newEnv([]string{"A=1", "B=2", "A=3=4", "junk", "=x", "N=a\x00b", "EMPTY="}, false)
	if got := strings.Join(e.List(), " "); got != "A=3=4 B=2 EMPTY=" {
		t.Errorf("got %q", got)
	}
	if _, ok := e.Lookup("EMPTY"); !ok || e.Get("A") != "3=4" {
		t.Error("lookup")
	}
	e.Unset("A")
	e.Set("", "x")
	if got := strings.Join(e.Names(), " "); got != "B EMPTY" {
		t.Errorf("names %q", got)
	}
	var zero environment
	zero.Set("A", "1")
	if zero.Get("A") != "1" {
		t.Error("the zero environment is not ready")
	}
}

func TestEnvFoldsOnWindows(t *testing.T) {
	e := newEnv([]string{"Path=a", "PATH=b", `=C:=C:\dir`}, true)
	if got := strings.Join(e.List(), " "); got != `=C:=C:\dir PATH=b` || e.Get("path") != "b" {
		t.Errorf("got %q", got)
	}
}

func TestLooksSecret(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
	for _, kv := range []string{
		"GITHUB_TOKEN=x", "MY_API_KEY=x", "API_KEY_2=x", "SECRET=x", "DJANGO_SECRET_KEY_BASE=x", "PGPASSWORD=x", "MYSQL_PWD=x", "DB_PASS=x", "SMTP_PASSWD=x",
		"SENTRY_DSN=x", "AZURE_PAT=x", "X_CREDENTIALS=x", "TOKEN=x", "github_token=x", "NPMTOKEN=x", "DOCKER_AUTH_CONFIG=ghp_aaaaaaaaaaaaaaaaaaaaaaaa",
		"npm_config_//npm.example.test/:_authToken=x", "npm_config__auth=x", "AWS_PROFILE=x", "AWS_SESSION_TOKEN=x",
		"GOOGLE_APPLICATION_CREDENTIALS=/x", "DBUS_SESSION_BUS_ADDRESS=unix:path=/x", "SSH_AUTH_SOCK=/x", "SSH_ASKPASS=/x", "GIT_ASKPASS=/x", "VSCODE_GIT_IPC_HANDLE=/x",
		"A=ghp_0123456789012345678901234567890123456", "A=x;github_pat_11ABCDEFG0123456789_abc", "A=sk-ant-api03-abcdefghijklm", "A=xoxb-123456-abcdef",
		"A=AKIAIOSFODNN7EXAMPLE", "A=AIzaSyA-1234567890abcdefghijklmnopqrstu", "A=glpat-abcdefghijklmnopqrst", "A=npm_abcdefghijklmnopqrstuvwxyz0123456789",
		"A=-----BEGIN PRIVATE KEY-----", "A=Bearer " + jwt, "A=postgres://user:pw@db/x", "A=https://0123456789abcdef0123@github.com/x", "A=mysql://u:p/w@h/x",
		"A=user:pw@tcp(db:3306)/x", "A=Server=db;User=sa;Password=hunter2", "A=DefaultEndpointsProtocol=https;AccountKey=abc=", "A=host=db password=x",
		"A=Authorization: Basic abc", "SSHPASS=x", "MY_CREDS=x", "FOO_CRED=x", "SLACK_WEBHOOK_URL=x", "BW_SESSION=x", "OP_SESSION_me=x", "APPKEY=x", "CARD_PIN=x",
		"A=https://hooks.slack.com/services/T0/B0/x", "A=https://discord.com/api/webhooks/1/x", "A=Bearer abcdefgh", "A=basic dXNlcjpwYXNz",
		`DOCKER_CONFIG_JSON={"auths":{"h":{"auth":"dTpw"}}}`, `A={"type":"service_account","private_key":"x"}`,
		"ORG_GRADLE_PROJECT_signingKey=x", "myAuthToken=x", "accesskey=x", "DB_PW=x", "SIGNING_P12=x", "OTEL_EXPORTER_OTLP_HEADERS=x", "IDENTITY_HEADER=x", "FASTLANE_SESSION=x", "DIRENV_DIFF=x", "__MISE_DIFF=x", "API_KEY=12345",
		"A=hvs.CAESIabcdefghijklmnop", "A=dckr_pat_abcdefghijklmnop", "A=glcbt-64_abcdefghijklmnop", "A=gsk_abcdefghijklmnopqrst", "A=ATATT3xFfGF0abcdefghijklmnopq",
		"A=jdbc:x://h/db?user=a&pwd=hunter22", "A=http://h:8086?token=x", "A=Server=db; Password = hunter2", "A=-Xmx1g -Dapi-key=hunter22", "A=<server><password>x</password></server>",
		"A=users:\n- user:\n    token: abcdef", "A=client-key-data: LS0tLS1CRUdJTiBSU0E=", "A=machine h login me password x", `A={"a":"{\"password\": \"x\"}"}`,
		"A=https://x.logic.example/invoke?sp=x&sig=abc", "A=https://hooks.zapier.com/hooks/catch/1/a/",
		"A=" + base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE KEY-----\nx")), "A=" + base64.StdEncoding.EncodeToString([]byte(`{"type":"service_account","private_key":"x"}`)),
		"COSMOS_PRIMARY_KEY=x", "AZURE_STORAGE_PRIMARY_KEY=x", "REDIS_CACHE_KEY=x", "SIGNING_CACHE_KEY_2=x",
		"A=LS0tLS1CRUdJTiBQUklWQVRFIEtF\nWS0tLS0tCng=\n", // as base64(1) folds it
	} {
		if name, value, _ := strings.Cut(kv, "="); !looksSecret(name, value) {
			t.Errorf("%s was taken for harmless", kv)
		}
	}
	for _, kv := range []string{
		"PATH=/bin:/usr/bin", "HOME=/home/me", "PWD=/x", "OLDPWD=/x", "COLORTERM=truecolor", "XDG_RUNTIME_DIR=/run/user/1", "XDG_CONFIG_DIRS=/etc", "TERM=xterm",
		"TOKENIZERS_PARALLELISM=false", "KEYBOARD=us", "KEYTIMEOUT=1", "CLAUDE_CODE_MAX_OUTPUT_TOKENS=1", "PASSENGER=x", "COMPASS_X=1", "AWS_REGION=eu-west-1", "GOPROXY=https://modules.example.test,direct",
		"A=https://example.com:8443/x@y", "A=ssh://git@github.com/x", "A=risk-assessment-of-the-thing", "A=desk-1234567890123456789", "A=sk-short", "LS_COLORS=rs=0:di=01;34",
		"PROMPT_COMMAND=echo $PWD", "LD_PRELOAD=/lib/x.so", "GIT_CONFIG_COUNT=1", "A=http://[::1]:80/", "MANPATH=/x:/y",
		"XDG_SESSION_ID=1", "DESKTOP_SESSION=gnome", "SESSION_MANAGER=local/x", "A=basic usage", "SPIN=1", "INIT_CWD=/x", "PIPX_HOME=/x", "A=the bearer of news",
		"DIRENV_DIR=-/x", "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "PASSWORD_STORE_DIR=/x", "GITHUB_TOKEN=", "USE_TOKEN=true", "TOKEN_LIMIT=5", "STRIPE_PUBLISHABLE_KEY=x", "CACHE_KEY=v1",
		"MONKEY=1x", "HOTKEY=x", "A=fix token: refresh it", "A=docs: say what token: is", "A=/usr/lib/jvm/java/lib/server", "A=max_tokens=4096", "A=aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk",
	} {
		if name, value, _ := strings.Cut(kv, "="); looksSecret(name, value) {
			t.Errorf("%s was taken for a secret", kv)
		}
	}
}

const live = "s3cr3t/+value-0123456789"

// plan is a run with everything.
func plan(environ ...string) envPlan {
	return envPlan{
		Environ: environ, Secrets: [][]byte{[]byte(live)}, Sources: []string{"MY_SOURCE"},
		Placeholders: map[string]string{"GITHUB_TOKEN": "ghp_placeholder"},
		ProxyURL:     "http://run:token@127.0.0.1:1234", GatewayURL: "http://run:token@127.0.0.1:1234", RunID: "r1", Agent: "bot", Isolation: "env",
		Files: clientFiles{Dir: "/d", CA: "/d/ca.pem", CertDir: "/d/certs", Bundle: "/d/b.pem", Wgetrc: "/d/w", PKCS12: "/d/t.p12", Preload: "/d/p q.js", AWSConfig: "/d/aws", JavaProxy: "127.0.0.1:5", PHPDir: "/d"},
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
		if needlesOf(p.Secrets).in(value) || len(name) == 1 || name == "MY_SOURCE" || name == "SET" || name == "EXTRA" {
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
		"NO_PROXY": "localhost,127.0.0.1,::1", "no_proxy": "localhost,127.0.0.1,::1", "NODE_USE_ENV_PROXY": "1", "PERL_LWP_ENV_PROXY": "1",
		"SSL_CERT_FILE": bundle, "CURL_CA_BUNDLE": bundle, "REQUESTS_CA_BUNDLE": bundle, "GIT_SSL_CAINFO": bundle, "AWS_CA_BUNDLE": bundle, "PIP_CERT": bundle,
		"CARGO_HTTP_CAINFO": bundle, "HTTPLIB2_CA_CERTS": bundle, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": bundle, "NPM_CONFIG_CAFILE": bundle,
		"BUNDLE_SSL_CA_CERT": bundle, "NIX_SSL_CERT_FILE": bundle, "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": bundle, "CODEX_CA_CERTIFICATE": bundle,
		"WEBSOCKET_CLIENT_CA_BUNDLE": bundle, "PERL_LWP_SSL_CA_FILE": bundle, "HTTPS_CA_FILE": bundle, "COMPOSER_CAFILE": bundle,
		"JULIA_SSL_CA_ROOTS_PATH": bundle, "HEX_CACERTS_PATH": bundle, "SYSTEM_CERTIFICATE_PATH": bundle,
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
		if env, _ := (envPlan{Environ: []string{"MAVEN_OPTS=" + given}, Maven: "/c/m"}).Build(); env.Get("MAVEN_OPTS") != want {
			t.Errorf("%q becomes %q, want %q", given, env.Get("MAVEN_OPTS"), want)
		}
	}
}

func TestZeroPlanStillScrubs(t *testing.T) {
	env, removed := envPlan{Environ: []string{"A=1", "B_TOKEN=x", "https_proxy=http://u:p@corp"}}.Build()
	if env.Get("A") != "1" || strings.Join(removed, " ") != "B_TOKEN https_proxy" {
		t.Errorf("removed %q of %q", removed, env.List())
	}
}

func FuzzSecretValue(f *testing.F) {
	for _, s := range []string{"postgres://u:p@h", "eyJa.eyJb.c", "sk-0123456789012345", "://:@", "@tcp(:", "ghp_ghp_ghp_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		secretValue(v)
		if strings.Contains(v, "\x00") || secretName(v) && v == "" {
			return
		}
		env, _ := envPlan{Environ: []string{"V=" + v + live}, Pass: []string{"V"}, Secrets: [][]byte{[]byte(live)}}.Build()
		if env.Get("V") != "" {
			t.Errorf("a live secret behind %q reaches the child", v)
		}
	})
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
