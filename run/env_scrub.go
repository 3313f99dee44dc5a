package run

import (
	"slices"
	"strings"
)

// proxyVariables in all the spellings that clients read: wget and Ruby know the lower-case ones alone, and curl the
// upper-case HTTP_PROXY not at all.
var proxyVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "grpc_proxy",
}

// bundleVariables name a file that replaces the client's own roots.
var bundleVariables = []string{
	"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO",
	"HTTPLIB2_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NPM_CONFIG_CAFILE", "BUNDLE_SSL_CA_CERT", "NIX_SSL_CERT_FILE",
	"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "CODEX_CA_CERTIFICATE", "WEBSOCKET_CLIENT_CA_BUNDLE", "PERL_LWP_SSL_CA_FILE", "HTTPS_CA_FILE",
	"COMPOSER_CAFILE", "JULIA_SSL_CA_ROOTS_PATH", "HEX_CACERTS_PATH", "SYSTEM_CERTIFICATE_PATH",
}

// reservedNames are set by us or by nobody: they say where the proxy is, whom to trust and whether to check.
var reservedNames = []string{
	"NO_PROXY", "NOPROXY", "NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY", "NODE_EXTRA_CA_CERTS", "DENO_CERT", "WGETRC",
	"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED",
	"NPM_CONFIG_PROXY", "NPM_CONFIG_HTTPS_PROXY", "NPM_CONFIG_HTTP_PROXY", "NPM_CONFIG_NOPROXY", "NPM_CONFIG_CA", "NPM_CONFIG_STRICT_SSL",
	"NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY", "GIT_SSL_NO_VERIFY", "CURL_INSECURE", "PIP_TRUSTED_HOST", "CARGO_HTTP_PROXY",
	"BUNDLE_SSL_VERIFY_MODE", "CLOUDSDK_AUTH_DISABLE_SSL_VALIDATION", "UV_INSECURE_HOST", "DENO_TLS_CA_STORE",
}

// reserved names are compared without case: npm and several proxies' clients read their variables so.
func reserved(name string) bool {
	up := strings.ToUpper(name)
	return strings.HasPrefix(up, "AGENTGUARD_") || strings.HasSuffix(up, "_PROXY") ||
		slices.Contains(reservedNames, up) || slices.Contains(bundleVariables, up)
}

// doors lead to somebody else who holds secrets: an agent, a keyring, a prompt.
var doors = []string{
	"DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "GNOME_KEYRING_CONTROL", "GNOME_KEYRING_PID",
	"GIT_ASKPASS", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SUDO_ASKPASS", "VSCODE_IPC_HOOK_CLI", "GOOGLE_APPLICATION_CREDENTIALS", "IDENTITY_HEADER", "MSI_SECRET",
}

// harmlessAWS are the AWS settings that hold no credential and that an SDK cannot do without.
var harmlessAWS = []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_DEFAULT_OUTPUT", "AWS_PAGER", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"}

// looksSecret judges a variable by its name, then by its value. It errs towards removing: `[env] pass` brings a variable
// back. LD_PRELOAD and its like stay: they are the user's own code, act on the child alone and hold no secret.
func looksSecret(name, value string) bool {
	up := strings.ToUpper(name)
	switch {
	case slices.Contains(doors, up), strings.HasPrefix(up, "VSCODE_GIT_"):
		return true
	case slices.Contains(harmlessAWS, up):
		return secretValue(value)
	case strings.HasPrefix(up, "AWS_"):
		return true
	case strings.HasPrefix(up, "GIT_CONFIG_"):
		return false // judged as one group, by scrubGitConfig
	}
	return secretName(name) && !isSetting(name, value) || secretValue(value)
}

// scrubGitConfig drops git's configuration by environment (GIT_CONFIG_COUNT with its KEY_n and VALUE_n, git-config(1)) as
// a whole when part of it is secret or would lead git past the proxy: git refuses to run with one of them missing.
func scrubGitConfig(env *environment) {
	var group []string
	tainted := false
	for _, name := range env.Names() {
		if !strings.HasPrefix(name, "GIT_CONFIG_COUNT") && !strings.HasPrefix(name, "GIT_CONFIG_KEY_") &&
			!strings.HasPrefix(name, "GIT_CONFIG_VALUE_") && name != "GIT_CONFIG_PARAMETERS" {
			continue
		}
		group = append(group, name)
		tainted = tainted || taintedGitConfig(strings.ToLower(env.Get(name))) || secretValue(env.Get(name))
	}
	if tainted {
		for _, name := range group {
			env.Unset(name)
		}
	}
}

func taintedGitConfig(value string) bool {
	for _, part := range []string{"extraheader", "authorization:", "proxy", "sslverify", "sslcainfo", "sslkey", "askpass", "credential."} {
		if strings.Contains(value, part) {
			return true
		}
	}
	return false
}
