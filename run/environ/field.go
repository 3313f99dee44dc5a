package environ

import "strings"

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
var oneSpelling = strings.NewReplacer(" =", "=", " :", ":", `\"`, `"`)

// hasSecretField looks for both, for the credentials of header lines, and for .netrc and .pgpass.
func hasSecretField(v string) bool {
	low := oneSpelling.Replace(strings.ToLower(v))
	for i := range len(low) - 1 {
		if (low[i] == '=' || low[i] == ':' || low[i] == '>') && isSecretField(low[:i+1]) {
			return true
		}
	}
	for _, scheme := range []string{"bearer ", "basic "} { // RFC 9110 section 11.4
		if rest, ok := strings.CutPrefix(low, scheme); ok && wordRun(rest) >= 8 {
			return true
		}
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

// isSecretField says whether a text ends with one of secretFields.
func isSecretField(text string) bool {
	for _, field := range secretFields {
		if strings.HasSuffix(text, field) {
			return true
		}
	}
	return false
}

func isSecretLine(line string) bool {
	name, value, ok := strings.Cut(line, ":")
	value = strings.TrimLeft(value, " ")
	if !ok || len(value) < 6 || strings.ContainsAny(value, " \t") {
		return false
	}
	for _, word := range fieldWords {
		if strings.TrimRight(name, "\"'") == word {
			return true
		}
	}
	return false
}
