package environ

import (
	"strings"
	"unicode/utf8"
)

// shape is how a vendor's keys begin and how many characters follow at least.
type shape struct {
	prefix string
	tail   int
}

// shapes are the documented prefixes of keys in wide use, vendor by vendor. Placeholders have them too, which matters to
// nobody: they are set after the scrub.
var shapes = []shape{
	{"ghp_", 20}, {"gho_", 20}, {"ghu_", 20}, {"ghs_", 20}, {"ghr_", 20}, {"github_pat_", 20}, // GitHub
	{"glpat-", 16}, {"glrt-", 16}, {"glptt-", 16}, {"gldt-", 16}, {"glcbt-", 16}, {"glft-", 16}, {"glsoat-", 16}, {"gloas-", 16}, {"glagent-", 16}, // GitLab
	{"ATATT3", 20}, {"ATCTT3", 20}, {"BBDC-", 20}, // Atlassian
	{"sk-", 16}, {"xai-", 20}, {"gsk_", 20}, {"r8_", 20}, {"pplx-", 20}, {"tvly-", 16}, {"nvapi-", 20}, {"lsv2_", 20}, {"hf_", 20}, // models: OpenAI, Anthropic and others
	{"sk_live_", 10}, {"sk_test_", 10}, {"rk_live_", 10}, {"rk_test_", 10}, {"whsec_", 16}, // Stripe
	{"xoxa-", 8}, {"xoxb-", 8}, {"xoxe-", 8}, {"xoxe.", 8}, {"xoxo-", 8}, {"xoxp-", 8}, {"xoxr-", 8}, {"xoxs-", 8}, {"xapp-", 8}, // Slack
	{"AKIA", 16}, {"ASIA", 16}, {"ABSK", 20}, {"AIza", 30}, {"ya29.", 16}, {"GOCSPX-", 16}, // AWS, Google
	{"npm_", 30}, {"pypi-", 32}, {"rubygems_", 20}, {"dckr_pat_", 16}, {"dckr_oat_", 16}, // registries
	{"hvs.", 16}, {"hvb.", 16}, {"ops_eyJ", 20}, {"AGE-SECRET-KEY-", 20}, {"AGE-PLUGIN-", 20}, // HashiCorp Vault, 1Password, age
	{"SG.", 20}, {"xkeysib-", 20}, {"shpat_", 20}, {"shpss_", 20}, {"lin_api_", 20}, {"ntn_", 20}, {"secret_", 40}, {"figd_", 20}, {"PMAK-", 20}, // services
	{"dop_v1_", 20}, {"doo_v1_", 20}, {"HRKU-", 20}, {"fm1r_", 20}, {"fm2_", 20}, {"fo1_", 20}, {"nfp_", 20}, {"sbp_", 20}, {"sb_secret_", 16}, {"pscale_", 20}, {"tskey-", 16}, {"pul-", 30}, // platforms
	{"ATBB", 20}, {"AKCp8", 20}, {"oy2", 40}, {"dapi", 32}, {"LTAI", 16}, {"dt0c01.", 16}, {"atlasv1.", 40}, {"rnd_", 20}, {"sgp_", 20}, {"CFPAT-", 20}, {"pat-na1-", 20}, {"pat-eu1-", 20}, // Bitbucket, JFrog, NuGet, Databricks, Alibaba, Dynatrace, Terraform and others
	{"sq0atp-", 20}, {"sq0csp-", 20}, {"EZAK", 40}, {"duffel_live_", 20}, {"shippo_live_", 20}, {"amzn.mws.", 16}, {"EAACEdEose0cBA", 8}, {"sk.eyJ", 20}, {"1//0", 30}, {"xprv", 80}, // shops, maps, Google's refresh tokens, wallets
	{"sk_", 40}, {"csk-", 20}, {"rpa_", 20}, {"apify_api_", 20}, {"e2b_", 20}, {"jina_", 20}, {"pcsk_", 20}, {"xoxd-", 8}, // more models, and what they use
	{"sntrys_", 20}, {"sntryu_", 20}, {"glsa_", 20}, {"glc_", 20}, {"phx_", 20}, {"NRAK-", 20}, {"CCIPAT_", 16}, // Sentry, Grafana, PostHog, New Relic, CircleCI
}

// SecretValue says whether a value has the shape of a key, of an address with a password in it, or of a connection string.
func SecretValue(v string) bool {
	return plainSecret(v) || plainSecret(armoured(v))
}

func plainSecret(v string) bool {
	if len(v) < 8 {
		return false
	}
	return strings.Contains(v, "-----BEGIN ") || strings.Contains(v, "PuTTY-User-Key-File-") || hasShape(v) || hasJWT(v) || hasUserinfo(v) || hasSecretField(v) || hasWebhook(v)
}

// armoured is the text that a value holds as a whole in base64, as keys and JSON of several lines do in CI; "": none.
func armoured(v string) string {
	packed := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.TrimSpace(v))
	if len(packed) < 24 || strings.ContainsFunc(strings.TrimRight(packed, "="), notBase64) {
		return ""
	}
	plain := decodeBase64(strings.TrimRight(packed, "="))
	if !utf8.ValidString(plain) || strings.Contains(plain, "\x00") {
		return ""
	}
	return plain
}

// hasWebhook looks for addresses that are themselves the secret: incoming webhooks, bots of Telegram, and what a signature
// in the query opens (Azure's SAS, Logic Apps).
func hasWebhook(v string) bool {
	low := strings.ToLower(v)
	for _, address := range []string{
		"hooks.slack.com/", "/api/webhooks/", ".webhook.office.com/", "api.telegram.org/bot", "hooks.zapier.com/", "maker.ifttt.com/trigger/",
		"open.feishu.cn/open-apis/bot/", "qyapi.weixin.qq.com/cgi-bin/webhook/", "oapi.dingtalk.com/robot/", ".alchemy.com/v2/", ".infura.io/v3/", "?sig=", "&sig=", "x-amz-signature=",
	} {
		if strings.Contains(low, address) {
			return true
		}
	}
	return false
}

// hasShape looks for keys of those shapes where words begin.
func hasShape(v string) bool {
	for at := range len(v) {
		if at > 0 && isWord(v[at-1]) || !isWord(v[at]) {
			continue
		}
		for _, s := range shapes {
			if v[at] == s.prefix[0] && strings.HasPrefix(v[at:], s.prefix) && wordRun(v[at+len(s.prefix):]) >= s.tail {
				return true
			}
		}
	}
	return false
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-'
}

func wordRun(v string) int {
	n := 0
	for n < len(v) && isWord(v[n]) {
		n++
	}
	return n
}

// hasJWT looks for header.payload.signature, where the first two are JSON objects in base64url (RFC 7519 section 3).
func hasJWT(v string) bool {
	for from := 0; ; {
		i := strings.Index(v[from:], "eyJ")
		if i < 0 {
			return false
		}
		rest := v[from+i:]
		head := wordRun(rest)
		if head >= 10 && strings.HasPrefix(rest[head:], ".eyJ") {
			return true
		}
		from += i + 3
	}
}

// hasUserinfo looks for scheme://user:password@host, for scheme://longtoken@host, and for the Go MySQL driver's
// user:password@tcp(host). A bare user, as in ssh://git@host, is no secret.
func hasUserinfo(v string) bool {
	for rest := v; ; {
		i := strings.Index(rest, "://")
		if i < 0 {
			break
		}
		rest = rest[i+3:]
		authority := rest
		if end := strings.IndexAny(authority, "/?# \t\n\"'"); end >= 0 {
			authority = authority[:end]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			_, password, _ := strings.Cut(authority[:at], ":")
			if password != "" || at >= 20 {
				return true
			}
		}
		// A password may hold an unescaped "/": then the "@" comes behind what looks like the path.
		if colon := strings.IndexByte(authority, ':'); colon > 0 && !isNumber(authority[colon+1:]) && strings.Contains(rest, "@") {
			return true
		}
	}
	if login, _, ok := strings.Cut(v, "@//"); ok && strings.Contains(login, "/") && !strings.ContainsAny(login, " :") {
		return true // user/password@//host:1521/service
	}
	if _, rest, ok := strings.Cut(v, "jdbc:oracle:"); ok && strings.Contains(rest, "/") && strings.Index(rest, "/") < strings.Index(rest, "@") {
		return true // jdbc:oracle:thin:user/password@host
	}
	at := strings.Index(v, "@tcp(")
	if at < 0 {
		at = strings.Index(v, "@unix(")
	}
	return at > 0 && strings.Contains(v[:at], ":")
}
