package environ

import (
	"slices"
	"strings"
)

// secretFields hold a secret behind them wherever they stand: in the connection strings of SQL Server, Azure and libpq, in queries and
// options, in the JSON of Docker and of Google's keys, in XML.
var secretFields = []string{
	"password=", "passwd=", "passphrase=", "accountkey=", "accesskey=", "secretkey=", "authtoken=", "accesstoken=", "access_token=",
	"apikey=", "api-key=", "api_key=", "client_secret=", "instrumentationkey=", ";pwd=", "?pwd=", "&pwd=", "?token=", "&token=", "authorization=", "authorization:",
	`"auth":`, `"password":`, `"private_key":`, `"identitytoken":`, `"client_secret":`, `"clientsecret":`, `"refresh_token":`, `"access_token":`,
	`"accesstoken":`, `"token":`, `"apikey":`, `"api_key":`, `"secret":`, `"passphrase":`, "<password>", "client-key-data:",
}

// fieldWords hold a secret where they stand at the beginning of a line and one word follows, as in YAML and in header lines.
var fieldWords = []string{"password", "passwd", "passphrase", "token", "secret", "api_key", "apikey", "api-key", "access_token", "client_secret", "private_key"}

// oneSpelling takes away what people and JSON in JSON put around a field's name.
var oneSpelling = strings.NewReplacer(" =", "=", " :", ":", `\"`, `"`, "'", `"`)

// hasSecretField looks for both, for the credentials of header lines, and for .netrc and .pgpass.
func hasSecretField(v string) bool {
	text := oneSpelling.Replace(v)
	low := smallLetters(text)
	for i := range len(low) - 1 {
		switch low[i] {
		case '=', ':', '>', ' ':
			if isSecretField(low[:i+1]) || isNamedSecret(text, i) {
				return true
			}
		}
	}
	for _, scheme := range []string{"bearer ", "basic "} { // RFC 9110 section 11.4
		if rest, ok := strings.CutPrefix(low, scheme); ok && wordRun(rest) >= 8 {
			return true
		}
	}
	if strings.HasPrefix(low, "cookie:") {
		return true
	}
	if strings.Contains(low, "machine ") && strings.Contains(low, "login ") && strings.Contains(low, "password ") {
		return true
	}
	for line := range strings.Lines(low) {
		if isSecretLine(strings.Trim(line, " \t\r\n-,\"'")) {
			return true
		}
	}
	return false
}

// smallLetters gives a text with ASCII's letters small, and all else as it is: a place in it is the same place in the text.
func smallLetters(text string) string {
	small := []byte(text)
	for i, c := range small {
		if 'A' <= c && c <= 'Z' {
			small[i] = c + 'a' - 'A'
		}
	}
	return string(small)
}

// isSecretField says whether a text ends with one of secretFields.
func isSecretField(text string) bool {
	for _, field := range secretFields {
		if strings.HasSuffix(text, field) {
			return true
		}
	}
	return false
}

// isNamedSecret says whether what stands behind text[i] has a name before it that a variable with a secret could have: "dbPassword":
// in JSON, secret_key= in settings, --api-key on a command line. A "key" by itself is most often another.
func isNamedSecret(text string, i int) bool {
	name := text[:i]
	if text[i] == ':' {
		var quoted bool
		if name, quoted = strings.CutSuffix(name, `"`); !quoted {
			return false
		}
	}
	at := len(name)
	for at > 0 && isWord(name[at-1]) {
		at--
	}
	if name = name[at:]; text[i] == ' ' && !strings.HasPrefix(name, "--") {
		return false
	}
	if words := wordsOf(name); len(words) == 1 && slices.Contains(secretEnds, words[0]) {
		return false
	}
	value := strings.TrimLeft(text[i+1:], " \"")
	return len(value) >= 8 && wordRun(value) >= 6 && value[0] != '-' && secretName(strings.TrimLeft(name, "-"))
}

func isSecretLine(line string) bool {
	name, value, ok := strings.Cut(line, ":")
	value = strings.TrimLeft(value, " ")
	if !ok || len(value) < 6 || strings.ContainsAny(value, " \t") {
		return false
	}
	name = strings.TrimRight(name, "\"'")
	return slices.Contains(fieldWords, name) || strings.HasPrefix(name, "x-") && secretName(name) // X-Api-Key
}
