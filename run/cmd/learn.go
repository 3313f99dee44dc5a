package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run/account"
	"agentguard/run/learn"
	"agentguard/vault"
)

// learnMode is what --learn says: nothing, "true" where it stands alone, or "all".
type learnMode string

func (m *learnMode) String() string   { return string(*m) }
func (m *learnMode) IsBoolFlag() bool { return true }

func (m *learnMode) Set(s string) error {
	if s != "true" && s != "all" {
		return errors.New("it is --learn or --learn=all")
	}
	*m = learnMode(s)
	return nil
}

// learnFlag is one that help does not show with a value.
type learnFlag struct{ *cli.GenericFlag }

func (f learnFlag) String() string { return "--learn\t" + f.Usage }

func learnFlags() []cli.Flag {
	return []cli.Flag{
		learnFlag{&cli.GenericFlag{Name: "learn", Usage: "allow what the policy's services read and write (--learn=all: and administer), and write the policy that allows what was done", Value: new(learnMode)}},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "with --learn: write the policy to `FILE`, its cases beside it"},
		&cli.StringSliceFlag{Name: "service", Usage: "with --learn and without a policy: the built-in `SERVICE` to observe; may be repeated"},
	}
}

// learning is a run that learns.
type learning struct {
	*learn.Observer
	all         bool
	services    []string
	file, cases string // that will be written
	text        string // of the policy that the run is under
	program     string
	user        *account.User // whose the files will be; nil: ours
}

// learning reads the options; nil: this run learns nothing.
func (p *program) learning(c *cli.Context) (*learning, error) {
	mode := c.Generic("learn").(*learnMode)
	l := &learning{Observer: &learn.Observer{}, all: *mode == "all", services: c.StringSlice("service"), file: c.String("output"), program: filepath.Base(c.Args().First())}
	switch {
	case *mode == "" && (l.file != "" || len(l.services) > 0):
		return nil, usage("agentguard run --learn -- CMD", "--output and --service go with --learn")
	case *mode == "":
		return nil, nil
	case len(l.services) > 0 && c.String("policy") != "":
		return nil, usage("agentguard run --learn --service github -- CMD", "--service is for a run without a policy")
	case l.file == "" && len(l.services) > 0:
		l.file = policyFile
	case l.file == "":
		l.file = "agentguard.learned.toml"
	}
	if !strings.HasSuffix(l.file, ".toml") || strings.HasSuffix(l.file, policy.CaseSuffix) {
		return nil, usage("--output agentguard.learned.toml", "a policy's name ends in .toml, that of its cases in %s", policy.CaseSuffix)
	}
	l.cases = casesOf(l.file)
	for _, file := range []string{l.file, l.cases} {
		if _, err := os.Lstat(file); err == nil {
			return nil, mended(fmt.Errorf("%s exists and stays as it is", file), "--output ANOTHER.toml")
		}
	}
	return l, nil
}

// begin gives the policy that the run is under: the one of its services, or pol, with rules that let it be observed.
func (l *learning) begin(pol *policy.Policy) (*policy.Policy, error) {
	l.text = string(pol.Text)
	if _, err := policy.WithoutAllow(l.text); err != nil { // better now than when all is done
		return nil, fmt.Errorf("%s: %w", pol.Source, err)
	}
	return pol.Observing(l.all), nil
}

// startLine says what is not as in other runs.
func (l *learning) startLine(p *program) {
	if l == nil {
		return
	}
	may := "read and written"
	if l.all {
		may = "read, written and administered"
	}
	p.say("learning: the policy's services may be %s, whatever its allow rules say; its deny rules hold, and what no catalogue knows is refused", may)
}

// starter is a policy for services that no policy is there for: their credentials, and what is denied.
func (p *program) starter(ctx context.Context, l *learning, v *vault.Vault) (*policy.Policy, error) {
	backend, _ := v.Default(ctx)
	text, err := policy.Starter(l.services, backend)
	if err != nil {
		return nil, mended(err, "write a policy with its credential, and leave --service out")
	}
	pol, err := policy.LoadText(l.file, []byte(text))
	if err != nil {
		return nil, err
	}
	for _, c := range pol.Credentials {
		if from := p.sourceOf(c); from != c.From {
			text = strings.ReplaceAll(text, fmt.Sprintf("%q", c.From), fmt.Sprintf("%q", from))
			text = strings.ReplaceAll(text, "# store it with: agentguard vault set "+c.From, "# a variable of agentguard's own")
		}
	}
	return policy.LoadText(l.file, []byte(text))
}

// sourceOf says where a starter's secret is: in our own environment under a name that programs use, else where the starter has it.
func (p *program) sourceOf(c *policy.Credential) string {
	for _, name := range c.Env {
		if p.env.get(name) != "" {
			return "env:" + name
		}
	}
	return c.From
}

// belongTo says whose the files will be: who has the directory in hand can lead root to write elsewhere, and not themselves. That
// they can be made there is tried before there is anything to lose.
func (l *learning) belongTo(u *account.User) error {
	dir := filepath.Dir(l.file)
	if l.user = u; !u.MayWrite(dir) {
		return mended(fmt.Errorf("%s: %s may not write there, as whom the command runs", l.file, account.As(u)), "-o names another place")
	}
	err := u.Do(func() error {
		f, err := os.CreateTemp(dir, ".agentguard-learn-*")
		if err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
		return err
	})
	if err != nil {
		return mended(fmt.Errorf("%s could not be written: %w", l.file, err), "-o names a place in a directory that is there and yours to write")
	}
	return nil
}

// write makes the two files; where they cannot be by now, in a directory of their own: what was learned may have taken hours.
func (l *learning) write(d *learn.Draft) error {
	both := func(policy, cases string) error {
		if err := writeNew(policy, d.Policy); err != nil {
			return err
		}
		err := writeNew(cases, d.Cases)
		if err != nil {
			os.Remove(policy)
		}
		return err
	}
	lost := both(l.file, l.cases)
	if lost == nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "agentguard-learned-")
	if err != nil {
		return lost
	}
	kept := filepath.Join(dir, filepath.Base(l.file))
	if both(kept, casesOf(kept)) != nil {
		os.RemoveAll(dir)
		return lost
	}
	return mended(fmt.Errorf("%s could not be written: %w", l.file, lost), "what was learned is in "+dir)
}

// learned writes what was learned, and says it.
func (p *program) learned(l *learning) error {
	if l.Sent() == 0 {
		p.say("nothing was learned: no request to a service was sent")
		return nil
	}
	d, err := l.Draft(l.text, l.file, l.program, time.Now())
	if err != nil {
		return err
	}
	if err := l.user.Do(func() error { return l.write(d) }); err != nil {
		return err
	}
	for _, part := range []struct {
		what  string
		lines []string
	}{{"learned", d.Allowed}, {"wider than what was done", d.Wider}, {"not in it", d.Missing}} {
		for i, line := range part.lines {
			if i == maxSaid {
				p.say("%s: and %d more", part.what, len(part.lines)-i)
				break
			}
			p.say("%s: %s", part.what, line)
		}
	}
	p.say("wrote %s and %s", l.file, l.cases)
	p.say("next: read them, then")
	p.say("  agentguard policy test %s", l.cases)
	if filepath.Clean(l.file) == policyFile {
		p.say("  agentguard policy trust")
	}
	return nil
}
