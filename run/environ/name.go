package environ

import (
	"slices"
	"strconv"
	"strings"
)

var (
	secretWords = []string{"TOKEN", "SECRET", "SECRETS", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "CRED", "CREDS", "APIKEY", "WEBHOOK"}                                                                                               // anywhere in a name
	secretEnds  = []string{"KEY", "PASS", "PAT", "PW", "PWD", "PIN", "OTP", "TOTP", "SALT", "PSK", "DSN", "AUTH", "JWT", "BEARER", "MNEMONIC", "PHRASE", "COOKIE", "COOKIES", "SSHPASS", "HEADERS", "P12", "PFX", "PKCS12", "KEYSTORE"} // as its last word
	gluedEnds   = []string{"TOKEN", "SECRET", "APIKEY", "APPKEY", "ACCESSKEY", "SECRETKEY", "PRIVATEKEY", "SIGNINGKEY", "MASTERKEY", "ENCRYPTIONKEY", "LICENSEKEY", "WRITEKEY", "AUTHKEY", "DBPASS", "USERPASS", "ROOTPASS"}            // with which its last word ends

	// harmlessNames end like secrets and are none: the fingerprint in Docker's images of Python, the name of a cache, pass's directory.
	harmlessNames = []string{"PWD", "OLDPWD", "INIT_PWD", "GPG_KEY", "CACHE_KEY", "PASSWORD_STORE_DIR"}

	// openKeys are made to be known: of a public pair, of a table. They stand before KEY. PRIMARY is none: Azure has a primary and
	// a secondary secret for each of its accounts. Nor is CACHE: REDIS_CACHE_KEY opens one.
	openKeys = []string{"PUBLIC", "PUBLISHABLE", "SORT", "PARTITION", "FOREIGN"}

	// measures end the names of settings about secrets: with a number, TOKEN_LIMIT is none.
	measures = []string{"LIMIT", "LENGTH", "COUNT", "BUDGET", "SIZE", "TTL", "LIFETIME", "TIMEOUT", "EXPIRY", "MAX"}
)

// sessions hold the key of an open session, in a variable whose name does not say so (op, bw, lpass, fastlane).
var sessions = []string{"OP_SESSION", "BW_SESSION", "SESSION", "LPASS_SESSION", "FASTLANE_SESSION"}

// sessionKey says whether an upper-case name is one of theirs: OP_SESSION_myaccount too.
func sessionKey(up string) bool {
	return slices.Contains(sessions, up) || strings.HasPrefix(up, "OP_SESSION_")
}

// carriers hold other variables' values, packed: what direnv, mise and shadowenv have changed, which they take back by it.
var carriers = []string{"DIRENV_DIFF", "__MISE_DIFF", "__MISE_SESSION", "__SHADOWENV_DATA"}

// isSetting is for what cannot be a secret whatever the name: GITHUB_TOKEN=, USE_TOKEN=true and TOKEN_LIMIT=5.
func isSetting(name, value string) bool {
	if words := wordsOf(name); len(words) > 1 && isNumber(value) && slices.Contains(measures, words[len(words)-1]) {
		return true
	}
	return slices.Contains([]string{"", "0", "1", "true", "false", "yes", "no", "on", "off", "none", "null"}, strings.ToLower(value))
}

// secretName judges a name by its words: GITHUB_TOKEN, TOKEN_FILE, API_KEY_2, PGPASSWORD, ORG_GRADLE_PROJECT_signingKey and
// npm_config_//registry.example.com/:_authToken, but not TOKENIZERS_PARALLELISM or KEYBOARD.
func secretName(name string) bool {
	up := strings.ToUpper(name)
	switch {
	case slices.Contains(harmlessNames, up):
		return false
	case strings.Contains(up, "PASSWORD"), strings.Contains(up, "PASSWD"), strings.HasSuffix(up, "AUTH_IDENT"), sessionKey(up), slices.Contains(carriers, up), bundlerHost(up):
		return true
	}
	words := wordsOf(name)
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(secretWords, w) }) {
		return true
	}
	for len(words) > 1 && isAside(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return false
	}
	last := strings.TrimRight(words[len(words)-1], "0123456789")
	if last == "KEY" && len(words) > 1 && slices.Contains(openKeys, words[len(words)-2]) {
		return false
	}
	return slices.Contains(secretEnds, words[len(words)-1]) || slices.Contains(secretEnds, last) || slices.Contains(secretWords, last) ||
		slices.ContainsFunc(gluedEnds, func(end string) bool { return strings.HasSuffix(last, end) })
}

// isAside says whether a last word only says which one, or in what form a name's value is: API_KEY_2, CI_JOB_JWT_V2, SSH_KEY_BASE64.
func isAside(word string) bool {
	return isNumber(strings.TrimPrefix(word, "V")) || slices.Contains([]string{"BASE64", "B64", "CONTENT", "CONTENTS", "PEM"}, word)
}

// bundlerHost says whether an upper-case name is where Bundler finds the credential of a host, with __ for its dots:
// BUNDLE_GEMS__EXAMPLE__COM (bundle-config(1), "Credentials for gem sources"). Its settings of parts have names of their own.
func bundlerHost(up string) bool {
	rest, ok := strings.CutPrefix(up, "BUNDLE_")
	part, _, dotted := strings.Cut(rest, "__")
	return ok && dotted && !slices.Contains([]string{"BUILD", "GEM", "LOCAL", "MIRROR"}, part)
}

// wordsOf divides a name at what is neither letter nor digit and at camelCase's humps, and gives the words in capitals.
func wordsOf(name string) []string {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] >= 'A' && name[i] <= 'Z' && name[i-1] >= 'a' && name[i-1] <= 'z' {
			name = name[:i] + "_" + name[i:]
		}
	}
	return strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
