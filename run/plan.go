package run

import (
	"maps"
	"slices"
	"strings"

	"agentguard/run/clients"
	"agentguard/run/environ"
	"agentguard/vault/cred"
)

// envPlan is everything that decides a child's environment. What it gives can only lose secrets: neither the policy nor
// the command line brings back a live secret or changes a variable by which clients find the proxy and the CA.
type envPlan struct {
	Environ *environ.Env      // the supervisor's own
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
	Files      clients.Files
}

// Build makes the child's environment. removed names, sorted, what the supervisor has and the child does not get.
func (p envPlan) Build() (env *environ.Env, removed []string) {
	env = p.Environ.Clone()
	for _, name := range env.Names() {
		if clients.Reserved(name) {
			env.Unset(name)
		}
	}
	env.Scrub(p.passed)
	p.declare(env)
	for _, name := range p.Sources {
		env.Unset(name)
	}
	needles := environ.NeedlesOf(p.Secrets)
	for _, secret := range p.Secrets {
		needles = append(needles, cred.Parts(string(secret))...)
	}
	for _, name := range env.Names() {
		if needles.In(env.Get(name)) || needles.In(name) {
			env.Unset(name)
		}
	}
	for name, placeholder := range p.Placeholders {
		env.Set(name, placeholder)
	}
	p.tell(env)
	p.Files.Set(env, p.ProxyURL, p.Unsigned)
	for _, name := range p.Environ.Names() {
		if _, ok := env.Lookup(name); !ok {
			removed = append(removed, name)
		}
	}
	return env, removed
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
func (p envPlan) declare(env *environ.Env) {
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		if !clients.Reserved(name) {
			env.Set(name, p.Set[name])
		}
	}
	for _, extra := range p.Extra {
		name, value, set := strings.Cut(extra, "=")
		if clients.Reserved(name) {
			continue
		}
		if !set {
			if value, set = p.Environ.Lookup(name); !set {
				continue
			}
		}
		env.Set(name, value)
	}
}

// tell sets what the child is told of its run, and where it keeps what it makes.
func (p envPlan) tell(env *environ.Env) {
	for name, value := range map[string]string{
		"AGENTGUARD_URL": p.GatewayURL, "AGENTGUARD_RUN": p.RunID, "AGENTGUARD_AGENT": p.Agent, "AGENTGUARD_ISOLATION": p.Isolation,
		"TMPDIR": p.TempDir, "MAVEN_OPTS": mavenOptions(env.Get("MAVEN_OPTS"), p.Maven),
	} {
		if value != "" {
			env.Set(name, value)
		}
	}
	for name, dir := range p.Dirs {
		if _, own := p.Set[name]; !own {
			env.Set(name, dir)
		}
	}
}

// mavenOptions adds Maven's place to options that name none. mvn divides them at spaces.
func mavenOptions(given, repository string) string {
	if repository == "" || strings.Contains(repository, " ") || strings.Contains(given, "maven.repo.local") {
		return given
	}
	return strings.TrimSpace(given + " -Dmaven.repo.local=" + repository)
}
