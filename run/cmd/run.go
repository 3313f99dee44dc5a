package cmd

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/sandbox"
	"agentguard/vault"
)

func (p *program) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a command with credentials that it never holds",
		UsageText: "agentguard run [options] [--] CMD [ARG...]",
		Description: `CMD gets placeholders instead of secrets, and a proxy that puts the real ones on the requests that the policy allows.
Everything else is refused with a reason. The exit code is CMD's own; 125 where agentguard failed, 126 where CMD cannot be
executed, 127 where it is not found.

examples:
  agentguard run -- claude -p "open a pull request for this branch"
  agentguard run --policy bots/pr.toml -- python bot.py
  agentguard run -v -e EDITOR -e LOG_LEVEL=debug -- npm run agent
  agentguard run --isolation filtered -- make test
  agentguard run --quiet -- sh -c 'curl -s https://api.github.com/user'
  agentguard run --learn --service github -o bot.toml -- ./bot.sh`,
		Flags: append(learnFlags(),
			policyFlag(),
			&cli.StringFlag{Name: "agent", Usage: "run as agent `NAME`; else the policy's"},
			isolationFlag("run at", "the strongest that works here, and none below the policy's isolation.minimum (filtered)"),
			&cli.IntSliceFlag{Name: "publish", Usage: "isolation sealed: reach the command's own server on `PORT` of the loopback; may be repeated"},
			&cli.StringSliceFlag{Name: "e", Usage: "pass `NAME` on to the command, or set NAME=VALUE; may be repeated"},
			boolFlag("quiet", "no start line and no summary", "q"),
			boolFlag("verbose", "also list the variables that were removed", "v"),
		),
		Action: func(c *cli.Context) error { return p.run(c) },
	}
}

func (p *program) run(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usage("agentguard run -- CMD", "agentguard run needs a command to run")
	}
	if err := checkVariables(c.StringSlice("e")); err != nil {
		return err
	}
	p.warnOfOpen(c.Args().Slice())
	l, err := p.learning(c)
	if err != nil {
		return err
	}
	begun := beginBox(c.String("isolation"))
	defer begun.Close()
	v := vault.New(p.vaultOptions()) // run.Run protects this process before a secret is read, and after the sandbox is made
	defer v.Close()
	pol, err := p.policyOfRun(c, l, v)
	if err != nil {
		return err
	}
	config, err := p.configOfRun(c, l, pol, v)
	if err != nil {
		return err
	}
	config.Begun = begun
	warn := p.watch(config.Dir, pol, l)
	result, err := run.Run(c.Context, config)
	switch {
	case err != nil:
		p.sayInside()
	case !c.Bool("quiet"):
		p.sum(result)
	}
	warn(result)
	if err != nil {
		return err
	}
	if l != nil {
		if err := p.learned(l); err != nil {
			return err
		}
	}
	if result.Code != 0 {
		return status(result.Code)
	}
	return nil
}

// warnOfOpen says of a file that the shell opened for an argument, as <(CMD) is, that the command does not find it.
func (p *program) warnOfOpen(argv []string) {
	for _, a := range argv {
		for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
			number, is := strings.CutPrefix(a, dir)
			if n, err := strconv.Atoi(number); is && err == nil && n > 2 {
				p.warn("%s: the command gets no open file but its three standard ones; have it open its own: bash -c 'CMD <(...)'", a)
			}
		}
	}
}

// outer is the run that this is inside of; "": none.
func (p *program) outer() string { return p.env.get("AGENTGUARD_RUN") }

// sayInside says, inside of a run, why nothing is found of what is the person's own.
func (p *program) sayInside() bool {
	outer := p.outer()
	if outer != "" {
		p.say("this is inside of run %s, which keeps your secrets and logs from what it starts", outer)
	}
	return outer != ""
}

// configOfRun is what the options ask for under a policy.
func (p *program) configOfRun(c *cli.Context, l *learning, pol *policy.Policy, v *vault.Vault) (config run.Config, err error) {
	config = p.session(pol, v, c.Args().Slice())
	if config.User, err = run.ChildUser(pol, p.env); err != nil {
		return config, err
	}
	config.Agent, config.Extra, config.Publish = c.String("agent"), c.StringSlice("e"), c.IntSlice("publish")
	if config.Agent != "" {
		if err := policy.CheckAgentName(config.Agent); err != nil {
			return config, usage("--agent NAME", "--agent: %v", err)
		}
	}
	if config.Isolation, err = wish(c.String("isolation"), pol.Isolation.Minimum); err != nil {
		return config, err
	}
	if l != nil {
		if err := l.belongTo(config.User); err != nil {
			return config, err
		}
		if config.Policy, err = l.begin(pol); err != nil {
			return config, err
		}
		config.Learn = l.Observer
	}
	if err := publishable(config.Publish, config.Isolation.Level); err != nil {
		return config, err
	}
	if c.Bool("quiet") {
		config.Say = nothing
	} else {
		config.Chosen = func(choice sandbox.Choice) {
			p.level = choice.Level
			p.startLine(config, choice)
			l.startLine(p)
		}
	}
	if c.Bool("verbose") {
		config.Detail = p.say
	}
	return config, nil
}

// policyOfRun is the one that is named, or found and trusted; for a run that learns about services, theirs.
func (p *program) policyOfRun(c *cli.Context, l *learning, v *vault.Vault) (*policy.Policy, error) {
	if l != nil && len(l.services) > 0 {
		return p.starter(c.Context, l, v)
	}
	pol, err := p.loadPolicy(c.String("policy"))
	if err == nil && p.foundPolicy(c.String("policy")) {
		err = p.requireTrust(pol)
	}
	return pol, err
}

// beginBox begins the box of a run that is likely to be sealed, while its policy is read; nil where that does not work, and the run
// finds out why.
func beginBox(isolation string) *sandbox.Box {
	if isolation != "" && isolation != sandbox.Sealed.String() {
		return nil
	}
	box, err := sandbox.Fork(nil)
	if err != nil {
		return nil
	}
	return box
}

func nothing(string, ...any) {}

// publishable checks --publish. Where no level is asked for by name it may come to be one that has nothing to publish.
func publishable(ports []int, asked sandbox.Level) error {
	for i, port := range ports {
		switch {
		case port < 1 || port > 65535:
			return usage("--publish 3000", "--publish %d is no port", port)
		case slices.Contains(ports[:i], port):
			return usage("--publish 3000 --publish 3001", "--publish %d is there twice", port)
		}
	}
	if len(ports) > 0 && asked != sandbox.None && asked != sandbox.Sealed {
		return usage("leave it out, or --isolation sealed", "--publish is for isolation sealed: at %s the command's server is on your loopback as it is", asked)
	}
	return nil
}

// session is what run and the demo have in common.
func (p *program) session(pol *policy.Policy, v *vault.Vault, argv []string) run.Config {
	dir, _ := os.Getwd() // "": the child starts where we are, whatever its name
	return run.Config{
		Policy: pol, Vault: v, Argv: argv, Environ: p.env, Dir: dir,
		Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr,
		Hide:      p.ownFiles(),
		StateHome: p.env.stateHome(), RuntimeBase: p.env.runtimeBase(),
		Version: thisBuild().Version,
		Say:     p.say, Detail: nothing,
	}
}

// ownFiles are those that no child has any business in: the vault and what opens it, logs, indexes.
func (p *program) ownFiles() (files []string) {
	return []string{p.ageFile(), p.env.get("AGENTGUARD_AGE_IDENTITY"), p.env.get("AGENTGUARD_AGE_PASSPHRASE_FILE"), under(p.env.dataHome(), "agentguard"), under(p.env.stateHome(), "agentguard"), under(p.env.base("XDG_CONFIG_HOME", ".config"), "agentguard")}
}

// checkVariables checks -e NAME and -e NAME=VALUE.
func checkVariables(given []string) error {
	for _, e := range given {
		name, _, _ := strings.Cut(e, "=")
		if name == "" || name[0] == '-' || strings.ContainsAny(name, "\x00 \t\r\n") { // an option, or the --, was taken for a name
			return usage("-e NAME or -e NAME=VALUE", "-e needs the name of a variable")
		}
	}
	return nil
}
