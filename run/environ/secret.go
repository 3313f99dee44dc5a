package environ

import (
	"slices"
	"strings"
)

// doors lead to somebody else who holds secrets: an agent, a keyring, a prompt.
var doors = []string{
	"DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "GNOME_KEYRING_CONTROL", "GNOME_KEYRING_PID",
	"GIT_ASKPASS", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SUDO_ASKPASS", "VSCODE_IPC_HOOK_CLI", "GOOGLE_APPLICATION_CREDENTIALS", "IDENTITY_HEADER", "MSI_SECRET",
}

// harmlessAWS are the AWS settings that hold no credential and that an SDK cannot do without.
var harmlessAWS = []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_DEFAULT_OUTPUT", "AWS_PAGER", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"}

// LooksSecret judges a variable by its name, then by its value. It errs towards removing: `[env] pass` brings a variable
// back. LD_PRELOAD and its like stay: they are the user's own code, act on the child alone and hold no secret.
func LooksSecret(name, value string) bool {
	up := strings.ToUpper(name)
	switch {
	case slices.Contains(doors, up), strings.HasPrefix(up, "VSCODE_GIT_"):
		return true
	case slices.Contains(harmlessAWS, up):
		return SecretValue(value)
	case strings.HasPrefix(up, "AWS_"):
		return true
	case strings.HasPrefix(up, "GIT_CONFIG_"):
		return false // judged as one group, by scrubGitConfig
	}
	return secretName(name) && !isSetting(name, value) || SecretValue(value)
}

// Scrub takes out what looks secret and is not kept by its name.
func (e *Env) Scrub(kept func(name string) bool) {
	for _, name := range e.Names() {
		if !kept(name) && LooksSecret(name, e.Get(name)) {
			e.Unset(name)
		}
	}
	scrubGitConfig(e)
}

// scrubGitConfig drops git's configuration by environment (GIT_CONFIG_COUNT with its KEY_n and VALUE_n, git-config(1)) as
// a whole when part of it is secret or would lead git past the proxy: git refuses to run with one of them missing.
func scrubGitConfig(env *Env) {
	var group []string
	tainted := false
	for _, name := range env.Names() {
		if !strings.HasPrefix(name, "GIT_CONFIG_COUNT") && !strings.HasPrefix(name, "GIT_CONFIG_KEY_") &&
			!strings.HasPrefix(name, "GIT_CONFIG_VALUE_") && name != "GIT_CONFIG_PARAMETERS" {
			continue
		}
		group = append(group, name)
		tainted = tainted || taintedGitConfig(strings.ToLower(env.Get(name))) || SecretValue(env.Get(name))
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
