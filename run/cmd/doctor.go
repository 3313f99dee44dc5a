package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/account"
	"agentguard/run/audit"
	"agentguard/run/doctor"
	"agentguard/run/sandbox"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "look whether agentguard can work here, and say how to mend what is amiss",
		Description: `Looks at the keychain, the policy, each credential of it, the clock, the audit directory, and tries every client program that
it finds through a real session against an API on loopback. The exit code is 1 where something failed; warnings are
not failures.

--isolation lists instead what a run here would hide, leave read-only and writable, and why its level is not a stronger one.

examples:
  agentguard doctor
  agentguard doctor --quick --policy bots/agentguard.toml
  agentguard doctor --isolation
  agentguard doctor --json | jq 'select(.status != "ok")'`,
		Flags: []cli.Flag{policyFlag(), boolFlag("quick", "leave the client programs out"), boolFlag("isolation", "list what runs here close, and what they leave open"), jsonFlag()},
		Action: withoutArguments(func(c *cli.Context) error {
			if c.Bool("isolation") {
				return p.doctorIsolation(c.String("policy"), c.Bool("json"))
			}
			return interruptible(c.Context, func(ctx context.Context) error {
				return p.doctor(ctx, c.String("policy"), c.Bool("quick"), c.Bool("json"))
			})
		}),
	}
}

func (p *program) doctor(ctx context.Context, given string, quick, asJSON bool) error {
	u, noUser := p.childUser(given)
	levels := sandbox.Try(sandbox.Ladder(u.Boxed(), nil))
	v, err := p.openVault()
	if err != nil {
		return err
	}
	defer v.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	caller := "SUDO_UID=0" // the programs are tried under another policy, which names nobody
	if u != nil {
		caller = fmt.Sprint("SUDO_UID=", u.UID)
	}
	config := doctor.Config{
		Vault: v, Environ: append(p.env[:len(p.env):len(p.env)], caller), User: account.As(u), NoUser: noUser, Run: []string{self, "run"}, StateHome: p.env.stateHome(), Levels: levels, Built: builtAt(), Fetch: []string{self, "fetch"}, Quick: quick,
		Policy: func() (*policy.Policy, error) { return p.policyIfAny(given) },
	}
	if p.foundPolicy(given) {
		config.Trust = p.untrusted
	}
	before := ""
	well := doctor.Run(ctx, config, func(f doctor.Finding) {
		if asJSON {
			p.json(f)
			return
		}
		if f.Check != before {
			p.print("%s\n", p.bold(f.Check))
			before = f.Check
		}
		p.showFinding(f)
	})
	if !well {
		return status(1)
	}
	return nil
}

// childUser is whom a run's command runs as, by the policy if there is one that can be read.
func (p *program) childUser(given string) (*account.User, error) {
	pol, err := p.policyIfAny(given)
	if pol == nil || err != nil {
		pol = &policy.Policy{}
	}
	return run.ChildUser(pol, p.env)
}

func (p *program) showFinding(f doctor.Finding) {
	word := map[doctor.Status]string{
		doctor.OK: p.good("ok  "), doctor.Warn: p.odd("warn"), doctor.Skip: p.dim("skip"), doctor.Fail: p.bad("FAIL"),
	}[f.Status]
	p.print("  %s  %s: %s\n", word, audit.SafeText(f.Object), audit.SafeText(f.What))
	if f.Status == doctor.OK || f.Status == doctor.Skip {
		return
	}
	p.print("        why: %s\n", audit.SafeText(f.Why))
	if f.Fix != "" {
		p.print("        fix: %s\n", audit.SafeText(f.Fix))
	}
}

// policyIfAny gives nil where no policy is named and none lies here.
func (p *program) policyIfAny(given string) (*policy.Policy, error) {
	file, err := p.findPolicy(given)
	if err != nil {
		if _, statErr := os.Stat(policyFile); given == "" && errors.Is(statErr, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	return policy.Load(file)
}

// builtAt is when this binary's source was committed, as far as the build knows.
func builtAt() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			t, _ := time.Parse(time.RFC3339, s.Value)
			return t
		}
	}
	return time.Time{}
}

// fetchCommand is the Go program that the doctor tries: Go's own client as everybody uses it.
func (p *program) fetchCommand() *cli.Command {
	return &cli.Command{
		Name:   "fetch",
		Hidden: true,
		Usage:  "get a URL with Go's own client",
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			client := &http.Client{Timeout: 8 * time.Second}
			res, err := client.Get(a[0])
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: %s", a[0], res.Status)
			}
			_, err = io.Copy(p.stdout, io.LimitReader(res.Body, 1<<20))
			return err
		},
	}
}
