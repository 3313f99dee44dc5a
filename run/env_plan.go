package run

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"agentguard/vault/cred"
)

// envPlan is everything that decides a child's environment. What it gives can only lose secrets: neither the policy nor
// the command line brings back a live secret or changes a variable by which clients find the proxy and the CA.
type envPlan struct {
	Environ []string          // the supervisor's own
	Pass    []string          // the policy's [env] pass: names, or globs with a trailing *, that are kept although they look secret
	Set     map[string]string // the policy's [env] set
	Extra   []string          // the command line's -e: NAME is kept as by Pass, NAME=VALUE is set

	Placeholders map[string]string // variable -> placeholder; these names never carry anything else
	Sources      []string          // variables that real secrets are read from; always removed
	Secrets      [][]byte          // every live secret: a variable that holds one, in any common encoding, is removed whatever its name

	ProxyURL   string            // with the run's token; "": no proxy variables at all
	GatewayURL string            // AGENTGUARD_URL
	RunID      string            // AGENTGUARD_RUN, by which the reaper knows the run's processes
	Agent      string            // AGENTGUARD_AGENT
	Isolation  string            // AGENTGUARD_ISOLATION
	TempDir    string            // TMPDIR; "": as it is
	Dirs       map[string]string // variables that name directories of the run's own, unless Set has them
	Maven      string            // where Maven keeps what it fetches; "": as it is
	Unsigned   bool              // git signs nothing unless it is told to each time: what it would sign with is hidden
	Files      clientFiles
}

// Build makes the child's environment. removed names, sorted, what the supervisor has and the child does not get.
func (p envPlan) Build() (env *environment, removed []string) {
	inherited := envOf(p.Environ)
	env = envOf(p.Environ)
	p.scrub(env)
	p.declare(env, inherited)
	for _, name := range p.Sources {
		env.Unset(name)
	}
	needles := needlesOf(p.Secrets)
	for _, secret := range p.Secrets {
		needles = append(needles, cred.Parts(string(secret))...)
	}
	for _, name := range env.Names() {
		if needles.in(env.Get(name)) || needles.in(name) {
			env.Unset(name)
		}
	}
	for name, placeholder := range p.Placeholders {
		env.Set(name, placeholder)
	}
	p.clients(env)
	for _, name := range inherited.Names() {
		if _, ok := env.Lookup(name); !ok {
			removed = append(removed, name)
		}
	}
	return env, removed
}

// scrub takes out what is ours to set, and what looks secret and is not passed by name.
func (p envPlan) scrub(env *environment) {
	for _, name := range env.Names() {
		if reserved(name) || !p.passed(name) && looksSecret(name, env.Get(name)) {
			env.Unset(name)
		}
	}
	scrubGitConfig(env)
}

// passed says whether the policy or the command line keeps a variable by its name.
func (p envPlan) passed(name string) bool {
	return slices.ContainsFunc(p.Pass, func(glob string) bool { return matchName(glob, name) }) || slices.Contains(p.Extra, name)
}

func matchName(glob, name string) bool {
	if prefix, ok := strings.CutSuffix(glob, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return glob == name
}

// declare sets what the policy and the command line say, the command line last.
func (p envPlan) declare(env, inherited *environment) {
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		if !reserved(name) {
			env.Set(name, p.Set[name])
		}
	}
	for _, extra := range p.Extra {
		name, value, set := strings.Cut(extra, "=")
		if reserved(name) {
			continue
		}
		if !set {
			if value, set = inherited.Lookup(name); !set {
				continue
			}
		}
		env.Set(name, value)
	}
}

// mavenOptions adds Maven's place to options that name none. mvn divides them at spaces.
func mavenOptions(given, repository string) string {
	if repository == "" || strings.Contains(repository, " ") || strings.Contains(given, "maven.repo.local") {
		return given
	}
	return strings.TrimSpace(given + " -Dmaven.repo.local=" + repository)
}

// clients sets the variables by which client programs find the proxy, the CA and the run.
func (p envPlan) clients(env *environment) {
	set := func(value string, names ...string) {
		for _, name := range names {
			if value != "" {
				env.Set(name, value)
			}
		}
	}
	set(p.GatewayURL, "AGENTGUARD_URL")
	set(p.RunID, "AGENTGUARD_RUN")
	set(p.Agent, "AGENTGUARD_AGENT")
	set(p.Isolation, "AGENTGUARD_ISOLATION")
	set(p.TempDir, "TMPDIR")
	for name, dir := range p.Dirs {
		if _, own := p.Set[name]; !own {
			env.Set(name, dir)
		}
	}
	set(mavenOptions(env.Get("MAVEN_OPTS"), p.Maven), "MAVEN_OPTS")
	set(p.ProxyURL, proxyVariables...)
	if p.ProxyURL != "" {
		set("localhost,127.0.0.1,::1", "NO_PROXY", "no_proxy")
		set("1", "NODE_USE_ENV_PROXY", "PERL_LWP_ENV_PROXY") // who asks first whether they are to look for a proxy
	}
	set(p.Files.Bundle, bundleVariables...)
	set(p.Files.CA, "NODE_EXTRA_CA_CERTS", "DENO_CERT")
	set(p.Files.certDirs(env.Get("SSL_CERT_DIR")), "SSL_CERT_DIR")
	set(p.Files.Wgetrc, "WGETRC")
	set(cmp.Or(env.Get("APT_CONFIG"), p.Files.APT), "APT_CONFIG") // apt reads no second one
	set(p.Files.phpScanDirs(env.Get("PHP_INI_SCAN_DIR")), "PHP_INI_SCAN_DIR")
	set(p.Files.AWSConfig, "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
	// The metadata service is no way to a credential, and without this the SDKs wait for it.
	set("true", "AWS_EC2_METADATA_DISABLED")
	// A password typed at git's prompt would be the child's to read, and an agent cannot answer it: fail instead.
	set(cmp.Or(env.Get("GIT_TERMINAL_PROMPT"), "0"), "GIT_TERMINAL_PROMPT")
	p.setGitConfig(env)
	set(p.Files.nodeOptions(env.Get("NODE_OPTIONS")), "NODE_OPTIONS")
	set(p.Files.javaOptions(env.Get("JAVA_TOOL_OPTIONS")), "JAVA_TOOL_OPTIONS")
}
