package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"agentguard/policy"
	"agentguard/run/audit"
	"agentguard/run/trust"
	"agentguard/vault/words"
)

func (p *program) policyTrustCommand() *cli.Command {
	return &cli.Command{
		Name:      "trust",
		Usage:     "let `run` take a policy that it finds in the working directory, as it is now",
		ArgsUsage: "[FILE]",
		Description: `A policy in the working directory can be written by whatever works there. run takes it only as it was when it was
trusted: the text, and the files that it names. One that is given by --policy or $AGENTGUARD_POLICY needs no trust.

examples:
  agentguard policy trust
  agentguard policy trust --list
  agentguard policy trust --revoke`,
		Flags: []cli.Flag{boolFlag("list", "list what is trusted"), boolFlag("revoke", "trust it no longer"), jsonFlag()},
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			file := append(a, policyFile)[0]
			switch list, revoke := c.Bool("list"), c.Bool("revoke"); {
			case list && (revoke || len(a) > 0):
				return usage("agentguard policy trust --list", "--list takes neither --revoke nor a FILE")
			case list:
				return p.listTrusted(c.Bool("json"))
			case revoke:
				return p.revokeTrust(file)
			}
			return p.trustPolicy(file)
		},
	}
}

// trusted is where it is kept which policies a person has looked at.
func (p *program) trusted() (*trust.Store, error) {
	home := p.env.stateHome()
	if home == "" {
		return nil, mended(errors.New("there is no place that keeps which policies are trusted"), "set HOME or XDG_STATE_HOME")
	}
	return trust.In(home), nil
}

// personal refuses what is for the person alone, inside of a run. It stops who takes commands as they are given to it; a
// program that means harm can take the variable away.
func (p *program) personal(command string) error {
	run := p.outer()
	if run == "" {
		return nil
	}
	return mended(fmt.Errorf("%s is for a person, and this is inside of run %s", command, run), "do it in a terminal of your own")
}

// look is a policy and what is known of it.
type look struct {
	path   string
	record *trust.Record // nil: it was never trusted
	files  map[string]string
	same   bool
}

// look compares a policy with what was trusted at its path.
func (p *program) look(pol *policy.Policy) (look, error) {
	store, err := p.trusted()
	if err != nil {
		return look{}, err
	}
	path, err := trust.Path(pol.Source)
	if err != nil {
		return look{}, err
	}
	l := look{path: path, files: hashes(pol)}
	if l.record, err = store.Get(path); err != nil {
		return l, mended(err, "agentguard policy trust   (writes it anew)")
	}
	l.same = l.record.Same(pol.Hash, l.files)
	return l, nil
}

// hashes are those of the files that a policy names.
func hashes(pol *policy.Policy) map[string]string {
	files := map[string]string{}
	for _, f := range pol.Files {
		files[f.Key] = f.Hash
	}
	return files
}

// trustPolicy is the command.
func (p *program) trustPolicy(file string) error {
	if err := p.personal("policy trust"); err != nil {
		return err
	}
	pol, err := p.readPolicy(file)
	if err != nil {
		return err
	}
	l, err := p.look(pol)
	if err != nil && l.files == nil {
		return err
	}
	if l.same {
		p.print("%s: %s\n", pol.Source, p.good("trusted already, as it is now"))
		return nil
	}
	for _, line := range l.says(pol) {
		p.print("  %s\n", audit.SafeText(line))
	}
	if err := p.keepTrust(pol, l); err != nil {
		return err
	}
	p.print("%s: %s\n", pol.Source, p.good("trusted as it is now"))
	return nil
}

func (p *program) keepTrust(pol *policy.Policy, l look) error {
	store, err := p.trusted()
	if err != nil {
		return err
	}
	return store.Put(trust.Record{Policy: l.path, SHA256: pol.Hash, Files: l.files, When: time.Now().UTC().Truncate(time.Second), Text: string(pol.Text)})
}

// trustWritten trusts what we have just written.
func (p *program) trustWritten(pol *policy.Policy) error {
	l, err := p.look(pol)
	if err != nil {
		return err
	}
	return p.keepTrust(pol, l)
}

// requireTrust lets a policy that was found pass when it was trusted, or when the person at the terminal says so now.
func (p *program) requireTrust(pol *policy.Policy) error {
	l, err := p.look(pol)
	if err != nil || l.same {
		return err
	}
	what := l.why(pol)
	if inside := p.personal("policy trust"); inside != nil { // which sees nothing of what the person trusts
		return mended(what, "inside of a run a policy has to be named: --policy "+words.Quote(pol.Source))
	}
	refusal := mended(what, "read it, then: agentguard policy trust   (or name it: --policy "+words.Quote(pol.Source)+")")
	p.say("%v:", what)
	for _, line := range l.says(pol) {
		p.say("  %s", line)
	}
	if !term.IsTerminal(int(p.stderr.Fd())) {
		return refusal
	}
	switch yes, err := askYes("trust it as it is now, and run?"); {
	case errors.Is(err, errNoTerminal):
		return refusal
	case err != nil:
		return err
	case !yes:
		return refusal
	}
	return p.keepTrust(pol, l)
}

// untrusted says why run would not take a policy that it finds; nil: it would.
func (p *program) untrusted(pol *policy.Policy) error {
	l, err := p.look(pol)
	if err != nil || l.same {
		return err
	}
	return l.why(pol)
}

func (l *look) why(pol *policy.Policy) error {
	if l.record == nil {
		return fmt.Errorf("%s was never trusted", pol.Source)
	}
	return fmt.Errorf("%s is not what was trusted on %s", pol.Source, l.record.When.Local().Format(time.DateOnly))
}

// maxSaid bounds what is said of a policy: a person reads no more.
const maxSaid = 40

// says is what a policy allows that was never trusted, else what has changed since.
func (l *look) says(pol *policy.Policy) []string {
	before, known := &policy.Policy{}, l.record != nil
	var lines []string
	if known {
		for _, key := range l.record.Changed(l.files) {
			lines = append(lines, "changed   "+key+": the file holds something else")
		}
		old, err := policy.LoadText(pol.Source, []byte(l.record.Text))
		if err != nil {
			return append(lines, "changed   it cannot be said how: "+firstLine(err.Error()))
		}
		before = old
	}
	for _, c := range policy.Diff(before, pol) {
		line := c.Where + ": " + c.Text
		switch {
		case known:
			lines = append(lines, fmt.Sprintf("%-8s  %s", c.Effect, line))
		case c.Where != "agent":
			lines = append(lines, line)
		}
	}
	if n := len(lines); n > maxSaid {
		lines = append(lines[:maxSaid], fmt.Sprintf("and %d more", n-maxSaid))
	}
	if len(lines) == 0 {
		lines = append(lines, "its text is another; it allows the same")
	}
	return lines
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (p *program) revokeTrust(file string) error {
	store, err := p.trusted()
	if err != nil {
		return err
	}
	path, err := trust.Path(file)
	if err == nil {
		err = store.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return mended(fmt.Errorf("%s was not trusted", file), "agentguard policy trust --list")
	}
	if err != nil {
		return err
	}
	p.print("%s: no longer trusted\n", file)
	return nil
}

// trustedLine is one line of `policy trust --list --json`.
type trustedLine struct {
	Policy string    `json:"policy"`
	State  string    `json:"state"` // "same", "changed" or "missing"
	SHA256 string    `json:"sha256"`
	When   time.Time `json:"when"`
}

func (p *program) listTrusted(asJSON bool) error {
	store, err := p.trusted()
	if err != nil {
		return err
	}
	records, err := store.List()
	list := p.listing(asJSON)
	for _, r := range records {
		line := trustedLine{r.Policy, stateOf(&r), r.SHA256, r.When}
		if err := list.add(line, line.State, r.When.Local().Format(time.DateOnly), r.Policy); err != nil {
			return err
		}
	}
	list.show()
	return err
}

// stateOf compares a record with what lies at its path now.
func stateOf(r *trust.Record) string {
	pol, err := policy.Load(r.Policy)
	if errors.Is(err, os.ErrNotExist) {
		return "missing"
	}
	if err != nil {
		return "changed" // what was trusted could be read
	}
	if !r.Same(pol.Hash, hashes(pol)) {
		return "changed"
	}
	return "same"
}
