package policy

import "strings"

// reservedEnv are the variables of the child that agentguard sets, or takes away, to lead every client through the
// proxy: a policy cannot set them, nor put a credential's placeholder there. A trailing * stands for the rest of a name.
// Names are compared without regard to case, since clients read https_proxy and HTTPS_PROXY alike.
var reservedEnv = []string{
	"PATH", "LD_*", "DYLD_*", "AGENTGUARD_*",
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GRPC_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE", "PIP_CERT",
	"CARGO_HTTP_CAINFO", "HTTPLIB2_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NPM_CONFIG_CAFILE", "BUNDLE_SSL_CA_CERT",
	"NIX_SSL_CERT_FILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "CODEX_CA_CERTIFICATE", "NODE_EXTRA_CA_CERTS", "DENO_CERT",
	"NODE_OPTIONS", "NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY", "JAVA_TOOL_OPTIONS", "WGETRC", "GIT_CONFIG_*",
	"NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY", "GIT_SSL_NO_VERIFY", "NPM_CONFIG_STRICT_SSL",
	"AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK",
}

// Reserved says whether a variable is one of reservedEnv.
func Reserved(name string) bool {
	name = strings.ToUpper(name)
	for _, r := range reservedEnv {
		if prefix, glob := strings.CutSuffix(r, "*"); r == name || glob && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// isEnvName says whether s is a variable's name as POSIX has it (XBD 8.1): letters, digits and underscores, no digit first.
func isEnvName(s string) bool {
	if s == "" || len(s) > 128 || '0' <= s[0] && s[0] <= '9' {
		return false
	}
	return strings.IndexByte(s, '-') < 0 && strings.IndexFunc(s, func(r rune) bool { return r > 0x7f || !bare(byte(r)) }) < 0
}

func (d *draft) envTable(t *table) {
	if t == nil {
		return
	}
	e := &d.policy.Env
	d.pass = t.texts("pass")
	for _, name := range d.pass {
		if !isEnvName(strings.TrimSuffix(name.s, "*")) {
			d.fail(name.line, "a name, or the beginning of names and a *: NPM_CONFIG_*", "%s: %q is not the name of a variable", t.path("pass"), name.s)
		}
		e.Pass = append(e.Pass, name.s)
	}
	set := t.sub("set")
	if set != nil {
		e.Set = map[string]string{}
		for _, name := range set.names() {
			d.envSet(set, name)
		}
	}
	t.done(nil)
}

func (d *draft) envSet(t *table, name string) {
	value, ok := t.values[name].(string)
	switch {
	case !isEnvName(name):
		t.fail(name, "", "is not the name of a variable")
	case !ok:
		t.fail(name, "put quotes around it", "must be a string, not %s", kindOf(t.values[name]))
	case strings.Contains(value, "\x00"):
		t.fail(name, "", "holds NUL")
	case Reserved(name):
		t.fail(name, "", "is a variable that agentguard itself sets or removes")
	default:
		d.policy.Env.Set[name] = value
		d.set = append(d.set, text{name, t.line(name)})
	}
}
