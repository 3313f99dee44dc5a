package run

import (
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agentguard/run/child"
	"agentguard/run/environ"
	"agentguard/run/reap"
	"agentguard/run/rundir"
	"agentguard/run/sandbox"
	"agentguard/vault"
	"agentguard/vault/cred"
)

// launch starts the child.
func (s *session) launch() error {
	plan := s.plan()
	if slices.ContainsFunc(s.Argv, environ.NeedlesOf(plan.Secrets).In) {
		s.Say("warning: the command line holds a secret of the policy, so the command has it")
	}
	s.tellExposed(plan.Secrets)
	env, removed := plan.Build()
	if len(removed) > 0 {
		s.Detail("not passed on: %s", strings.Join(removed, " "))
	}
	if hosts := s.Policy.GitHosts(); len(hosts) > 0 {
		s.Detail("git goes over https, also where a remote says ssh: %s", strings.Join(hosts, " "))
	}
	started, err := child.Start(child.Config{
		Argv: s.Argv, Env: env.List(), Dir: s.Dir, Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr,
		RunID: s.id, RuntimeDir: s.runtime, Signals: s.signals, User: s.User, Box: s.box, Fence: s.fence,
	})
	var unmet *sandbox.Problem
	switch {
	case errors.As(err, &unmet):
		return s.unmet(err)
	case err != nil:
		return err
	}
	s.child = started
	s.childPid.Store(int64(started.Pid()))
	time.AfterFunc(reap.Settled, s.tidy) // a short run has no use for it
	return nil
}

// ballast is what the garbage collector takes for live memory, in bytes, though nothing is ever written there, so that it takes none of the
// machine's: it begins its work when the heap is twice what is live, and without this a few hundred requests would have it at work
// a hundred times a second. As much garbage more may lie about meanwhile.
const ballast = 3 << 20

// tidy does what no start needs to wait for. While something is asked it waits: the program would be looked for in the page cache
// again in the middle of that.
func (s *session) tidy() {
	if s.ballast == nil {
		s.ballast = make([]byte, ballast)
	}
	if s.tally.open() > 0 {
		time.AfterFunc(time.Second, s.tidy)
		return
	}
	rundir.RemoveStale(filepath.Dir(s.runtime))
	reap.DropProgram()
}

func (s *session) plan() envPlan {
	at := func(u *url.Userinfo) string {
		return (&url.URL{Scheme: "http", User: u, Host: s.main.Addr().String()}).String()
	}
	who := url.UserPassword("agentguard", s.token)
	if s.box != nil {
		who = nil // nobody else can come to it
	}
	p := envPlan{
		Environ: s.env, Pass: s.Policy.Env.Pass, Set: s.Policy.Env.Set, Extra: s.Extra,
		Placeholders: map[string]string{},
		ProxyURL:     at(who), GatewayURL: at(who), RunID: s.id, Agent: s.Agent, Isolation: s.level.Level.String(), TempDir: s.temp, Dirs: s.ownDirs, Maven: s.maven, Unsigned: !s.showsKeys(),
		Files: s.files,
	}
	for _, c := range s.Policy.Credentials {
		for _, name := range c.Env {
			p.Placeholders[name] = s.creds.Get(c.Name).Placeholder
		}
		p.source(c.From)
	}
	p.source(s.Policy.Limits.Password)
	p.Secrets = append(p.Secrets, s.limits.password.Reveal())
	if passphrase := s.env.Get("AGENTGUARD_AGE_PASSPHRASE"); len(passphrase) >= cred.MinPart {
		p.Secrets = append(p.Secrets, []byte(passphrase)) // by another name
	}
	for _, v := range append(s.creds.Values(), s.kept.Values()...) {
		p.Secrets = append(p.Secrets, v.Secret.Reveal())
	}
	return p
}

// source notes the variable that a secret is read from, if it is one.
func (p *envPlan) source(from string) {
	if ref, err := vault.ParseRef(from); err == nil && ref.Backend == "env" {
		p.Sources = append(p.Sources, ref.Name)
	}
}
