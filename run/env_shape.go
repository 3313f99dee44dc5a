package run

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// shape is how a vendor's keys begin and how many characters follow at least.
type shape struct {
	prefix string
	tail   int
}

// shapes are the documented prefixes of keys in wide use (GitHub, OpenAI and Anthropic, Slack, AWS, Google, GitLab, npm,
// Stripe, Hugging Face, PyPI, SendGrid, Shopify, DigitalOcean, Linear, age). Placeholders have them too, which matters
// to nobody: they are set after the scrub.
var shapes = []shape{
	{"ghp_", 20}, {"gho_", 20}, {"ghu_", 20}, {"ghs_", 20}, {"ghr_", 20}, {"github_pat_", 20},
	{"sk-", 16}, {"sk_live_", 10}, {"sk_test_", 10}, {"rk_live_", 10}, {"rk_test_", 10}, {"whsec_", 16},
	{"xoxa-", 8}, {"xoxb-", 8}, {"xoxe-", 8}, {"xoxe.", 8}, {"xoxo-", 8}, {"xoxp-", 8}, {"xoxr-", 8}, {"xoxs-", 8}, {"xapp-", 8},
	{"AKIA", 16}, {"ASIA", 16}, {"AIza", 30}, {"ya29.", 16}, {"glpat-", 16}, {"npm_", 30}, {"hf_", 20}, {"pypi-", 32},
	{"SG.", 20}, {"shpat_", 20}, {"dop_v1_", 20}, {"lin_api_", 20}, {"AGE-SECRET-KEY-", 20}, {"AGE-PLUGIN-", 20},
}

// secretValue says whether a value has the shape of a key, of an address with a password in it, or of a connection string.
func secretValue(v string) bool {
	if len(v) < 8 {
		return false
	}
	for _, s := range shapes {
		if hasShape(v, s) {
			return true
		}
	}
	return strings.Contains(v, "-----BEGIN ") || hasJWT(v) || hasUserinfo(v) || hasPasswordField(v) || hasWebhook(v)
}

// hasWebhook looks for addresses that are themselves the secret: incoming webhooks of Slack, Discord and Teams, bots of
// Telegram.
func hasWebhook(v string) bool {
	low := strings.ToLower(v)
	for _, address := range []string{"hooks.slack.com/", "/api/webhooks/", ".webhook.office.com/", "api.telegram.org/bot"} {
		if strings.Contains(low, address) {
			return true
		}
	}
	return false
}

func hasShape(v string, s shape) bool {
	for from := 0; ; {
		i := strings.Index(v[from:], s.prefix)
		if i < 0 {
			return false
		}
		at := from + i
		end := at + len(s.prefix)
		if (at == 0 || !isWord(v[at-1])) && wordRun(v[end:]) >= s.tail {
			return true
		}
		from = end
	}
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
	at := strings.Index(v, "@tcp(")
	if at < 0 {
		at = strings.Index(v, "@unix(")
	}
	return at > 0 && strings.Contains(v[:at], ":")
}

// hasPasswordField looks for the connection strings of SQL Server, Azure and libpq, for header lines and their values, and
// for the JSON of Docker and of Google's keys.
func hasPasswordField(v string) bool {
	low := strings.ToLower(v)
	for _, field := range []string{
		"password=", "passwd=", "accountkey=", "sharedaccesskey=", ";pwd=", "authorization: ", "authtoken=",
		`"auth":`, `"password":`, `"private_key":`, `"identitytoken":`, `"client_secret":`, `"refresh_token":`,
	} {
		if i := strings.Index(low, field); i >= 0 && len(low) > i+len(field) {
			return true
		}
	}
	for _, scheme := range []string{"bearer ", "basic "} { // RFC 9110 section 11.4
		if rest, ok := strings.CutPrefix(low, scheme); ok && wordRun(rest) >= 8 {
			return true
		}
	}
	return false
}

// needles are live secrets to be found in values.
type needles []string

func needlesOf(secrets [][]byte) needles {
	var n needles
	for _, s := range secrets {
		if len(s) > 0 {
			n = append(n, string(s))
		}
	}
	return n
}

// in says whether a text holds a secret as it is, percent-encoded, in base64 at any alignment (the "user:password" of
// npm's _auth), or in hex.
func (n needles) in(text string) bool {
	if len(n) == 0 {
		return false
	}
	if n.plain(text) {
		return true
	}
	if strings.Contains(text, "%") {
		if plain, err := url.PathUnescape(text); err == nil && n.plain(plain) {
			return true
		}
	}
	shortest := len(slices.MinFunc(n, func(a, b string) int { return len(a) - len(b) }))
	for token := range strings.FieldsFuncSeq(text, notBase64) {
		if len(token) > shortest && (n.plain(decodeBase64(token)) || len(token) >= 2*shortest && n.plain(decodeHex(token))) {
			return true
		}
	}
	return false
}

func (n needles) plain(text string) bool {
	for _, s := range n {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func notBase64(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '+' && r != '/' && r != '-' && r != '_'
}

// decodeBase64 reads both alphabets, and an unfinished last group as far as it goes.
func decodeBase64(token string) string {
	if len(token)%4 == 1 {
		token = token[:len(token)-1]
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(token, "-_") {
		encoding = base64.RawURLEncoding
	}
	plain, _ := encoding.DecodeString(token)
	return string(plain)
}

func decodeHex(token string) string {
	plain, err := hex.DecodeString(token)
	if err != nil {
		return ""
	}
	return string(plain)
}
