package clients

import (
	"cmp"
	"slices"
	"strings"

	"agentguard/run/environ"
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
	"COMPOSER_CAFILE", "JULIA_SSL_CA_ROOTS_PATH", "HEX_CACERTS_PATH", "SYSTEM_CERTIFICATE_PATH", "MOJO_CA_FILE",
}

// reservedNames are set by us or by nobody: they say where the proxy is, whom to trust and whether to check.
var reservedNames = []string{
	"NO_PROXY", "NOPROXY", "NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY", "NODE_EXTRA_CA_CERTS", "DENO_CERT", "WGETRC",
	"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED",
	"NPM_CONFIG_PROXY", "NPM_CONFIG_HTTPS_PROXY", "NPM_CONFIG_HTTP_PROXY", "NPM_CONFIG_NOPROXY", "NPM_CONFIG_CA", "NPM_CONFIG_STRICT_SSL",
	"NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY", "GIT_SSL_NO_VERIFY", "CURL_INSECURE", "PIP_TRUSTED_HOST", "CARGO_HTTP_PROXY",
	"BUNDLE_SSL_VERIFY_MODE", "CLOUDSDK_AUTH_DISABLE_SSL_VALIDATION", "UV_INSECURE_HOST", "DENO_TLS_CA_STORE", "MOJO_INSECURE",
}

// Reserved says whether a variable is ours to set. Names are compared without case: npm and several proxies' clients read their variables so.
func Reserved(name string) bool {
	up := strings.ToUpper(name)
	return strings.HasPrefix(up, "AGENTGUARD_") || strings.HasSuffix(up, "_PROXY") ||
		slices.Contains(reservedNames, up) || slices.Contains(bundleVariables, up)
}

// Set sets the variables. proxyURL has the run's token; "" sets no proxy variables at all. unsigned has git sign nothing unless it is
// told to each time: what it would sign with is hidden.
func (f Files) Set(env *environ.Env, proxyURL string, unsigned bool) {
	set := func(value string, names ...string) {
		for _, name := range names {
			if value != "" {
				env.Set(name, value)
			}
		}
	}
	set(proxyURL, proxyVariables...)
	if proxyURL != "" {
		set("localhost,127.0.0.1,::1", "NO_PROXY", "no_proxy")
		set("1", "NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY", "MOJO_PROXY") // who asks first whether they are to look for a proxy
	}
	set(f.Bundle, bundleVariables...)
	set(f.CA, "NODE_EXTRA_CA_CERTS", "DENO_CERT")
	set(f.certDirs(env.Get("SSL_CERT_DIR")), "SSL_CERT_DIR")
	set(f.Wgetrc, "WGETRC")
	set(cmp.Or(env.Get("APT_CONFIG"), f.APT), "APT_CONFIG") // apt reads no second one
	set(f.phpScanDirs(env.Get("PHP_INI_SCAN_DIR")), "PHP_INI_SCAN_DIR")
	set(f.AWSConfig, "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
	// The metadata service is no way to a credential, and without this the SDKs wait for it.
	set("true", "AWS_EC2_METADATA_DISABLED")
	// A password typed at git's prompt would be the child's to read, and an agent cannot answer it: fail instead.
	set(cmp.Or(env.Get("GIT_TERMINAL_PROMPT"), "0"), "GIT_TERMINAL_PROMPT")
	f.setGitConfig(env, proxyURL, unsigned)
	set(f.nodeOptions(env.Get("NODE_OPTIONS")), "NODE_OPTIONS")
	set(f.javaOptions(env.Get("JAVA_TOOL_OPTIONS")), "JAVA_TOOL_OPTIONS")
}
