package environ

import (
	"encoding/base64"
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
	var zero Env
	zero.Set("A", "1")
	if zero.Get("A") != "1" {
		t.Error("the zero Env is not ready")
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
		"CI_JOB_JWT=x", "CI_JOB_JWT_V2=x", "YARN_NPM_AUTH_IDENT=me:x", "BUNDLE_GEMS__EXAMPLE__COM=me:x", "SSH_KEY_BASE64=x", "APP_STORE_CONNECT_API_KEY_CONTENT=x", "TAILSCALE_AUTHKEY=x", "DBPASS=x", "WALLET_MNEMONIC=x", "SEED_PHRASE=x", "BEARER=x", "WIFI_PSK=x",
		`A={"dbPassword":"hunter22"}`, `A={"aws_secret_access_key": "0123456789"}`, "A={'password': 'hunter22'}", "A=[default] secret_key = hunter2222", "A=tool --api-key hunter2222 --fast", "A=tool --token hunter2222", "A=jdbc:oracle:thin:scott/tiger@//h:1521/x", "A=https://eth-mainnet.g.alchemy.com/v2/x",
		"A=ATBBabcdefghijklmnopqrst", "A=dapi0123456789abcdef0123456789abcdef", "A=x1.atlasv1.abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", "A=1//0gabcdefghijklmnopqrstuvwxyz0123456789", "A=sk_0123456789abcdef0123456789abcdef0123456789abcdef",
		"A=Cookie: sid=0123; theme=dark", "A=X-Api-Key: 0123456789abcdef", "A=scott/tiger@//h:1521/x", "ANDROID_KEYSTORE_BASE64=x", "HONEYCOMB_WRITEKEY=x", "SESSION_COOKIES=x", "A=PuTTY-User-Key-File-3: ssh-ed25519",
		"A=LS0tLS1CRUdJTiBQUklWQVRFIEtF\nWS0tLS0tCng=\n", // as base64(1) folds it
	} {
		if name, value, _ := strings.Cut(kv, "="); !LooksSecret(name, value) {
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
		"MONKEY=1x", `A={"key":"some-long-value"}`, "A=--sort-key surname-first", "A=--bind ctrl-k:up --preview-window right", "A=tool --key surname-first", "A=foreign_key=customers_id", "BUNDLE_GEM__TEST=rspec", "BUNDLE_LOCAL__RACK=/src/rack", "BUNDLE_BUILD__NOKOGIRI=--use-system-libraries", "COMPASS=north-east", "A=jdbc:oracle:thin:@//h:1521/x", "JWT_ALGORITHM=HS256", "HOTKEY=x", "A=fix token: refresh it", "A=docs: say what token: is", "A=/usr/lib/jvm/java/lib/server", "A=max_tokens=4096", "A=x-request-id: 0123456789", "A=see a/b@//c", "A=oy2vey", "A=cookie banner: on", "A=aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk",
	} {
		if name, value, _ := strings.Cut(kv, "="); LooksSecret(name, value) {
			t.Errorf("%s was taken for a secret", kv)
		}
	}
}

func FuzzSecretValue(f *testing.F) {
	const live = "s3cr3t/+value-0123456789"
	needles := NeedlesOf([][]byte{[]byte(live)})
	for _, s := range []string{"postgres://u:p@h", "eyJa.eyJb.c", "sk-0123456789012345", "://:@", "@tcp(:", "ghp_ghp_ghp_", "=\xff\x00rtrti+++++e=/", "\u023a\u023a\u023a\u023a\u023a\u023a\u023a --api-key x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		SecretValue(v)
		secretName(v)
		if !needles.In(v + live) {
			t.Errorf("a live secret behind %q is not found", v)
		}
	})
}
