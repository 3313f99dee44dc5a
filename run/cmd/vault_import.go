package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/vault"
)

func (p *program) vaultImportCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "store secrets from a .env file or from variables, and offer to blank the file",
		ArgsUsage: "FILE.env [VARIABLE...]",
		UsageText: "agentguard vault import [options] FILE.env [VARIABLE...]\n  agentguard vault import [options] --env VARIABLE...",
		Description: `Each variable is stored under its name in lower case with dashes: GITHUB_TOKEN as github-token. On a terminal you are asked
about each; --all takes every one, and so do names. --yes blanks the file without asking: the names stay, the values go.

examples:
  agentguard vault import .env
  agentguard vault import .env OPENAI_API_KEY --yes
  agentguard vault import --all --to age .env
  agentguard vault import --env GITHUB_TOKEN --env SLACK_TOKEN`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "env", Usage: "take `VARIABLE` from the environment; may be repeated"},
			boolFlag("all", "take every variable of the file"),
			boolFlag("yes", "blank what was stored in the file without asking"),
			toFlag(),
		},
		Action: func(c *cli.Context) error { return p.vaultImport(c) },
	}
}

func (p *program) vaultImport(c *cli.Context) error {
	if err := p.personal("vault import"); err != nil {
		return err
	}
	variables, a := c.StringSlice("env"), c.Args().Slice()
	switch {
	case len(variables) > 0 && c.Bool("all"):
		return usage("agentguard vault import --help", "--env and --all exclude each other")
	case len(variables) > 0:
		return p.importVariables(c.Context, append(variables, a...), c.String("to"))
	case len(a) == 0:
		return usage("agentguard vault import --help", "%s needs a .env file, or --env VARIABLE", c.Command.HelpName)
	}
	return p.importFile(c, a[0], a[1:])
}

func (p *program) importVariables(ctx context.Context, names []string, to string) error {
	v, err := p.openVault()
	if err != nil {
		return err
	}
	defer v.Close()
	var pairs []vault.Pair
	for _, n := range names {
		value, ok := p.env.lookup(n)
		if !ok || value == "" {
			return fmt.Errorf("the environment has no value for %q", n)
		}
		s, err := vault.NewSecret([]byte(value))
		if err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
		pairs = append(pairs, vault.Pair{Name: n, Value: s})
	}
	if err := p.store(ctx, v, pairs, to); err != nil {
		return err
	}
	p.hint("unset %s   (and take it out of the file that sets it)", strings.Join(names, " "))
	return nil
}

func (p *program) importFile(c *cli.Context, file string, names []string) error {
	pairs, err := p.readEnvFile(file)
	if err != nil {
		return err
	}
	chosen, err := p.choose(file, pairs, names, c.Bool("all"))
	if err != nil || len(chosen) == 0 {
		return err
	}
	v, err := p.openVault()
	if err != nil {
		return err
	}
	defer v.Close()
	if err := p.store(c.Context, v, chosen, c.String("to")); err != nil {
		return err
	}
	return p.blank(file, chosen, c.Bool("yes"))
}

// readEnvFile reads what can be a secret, and warns of the lines that cannot.
func (p *program) readEnvFile(file string) ([]vault.Pair, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pairs, err := vault.ImportEnvFile(f)
	if errs, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range errs.Unwrap() {
			p.warn("%s: %s: passed over", file, e)
		}
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return pairs, nil
}

// choose takes the named variables, or all, or those that the person says yes to.
func (p *program) choose(file string, pairs []vault.Pair, names []string, all bool) ([]vault.Pair, error) {
	if len(pairs) == 0 && len(names) == 0 {
		return nil, fmt.Errorf("%s holds nothing that can be stored", file)
	}
	if all {
		return pairs, nil
	}
	var chosen []vault.Pair
	for _, n := range names {
		i := slices.IndexFunc(pairs, func(pair vault.Pair) bool { return pair.Name == n })
		if i < 0 {
			return nil, fmt.Errorf("%s has no value for %q", file, n)
		}
		chosen = append(chosen, pairs[i])
	}
	if len(names) > 0 {
		return chosen, nil
	}
	for _, pair := range pairs {
		yes, err := askYes(fmt.Sprintf("store %s as %s?", pair.Name, secretName(pair.Name)))
		if errors.Is(err, errNoTerminal) {
			return nil, usage("name the variables, or --all", "%s has %d variables, and there is no terminal to ask which to take", file, len(pairs))
		}
		if err != nil {
			return nil, err
		}
		if yes {
			chosen = append(chosen, pair)
		}
	}
	return chosen, nil
}

// secretName is the usual name of a variable's secret.
func secretName(variable string) string {
	return strings.ReplaceAll(strings.ToLower(variable), "_", "-")
}

// store keeps all of them, or none where one would take the place of another secret.
func (p *program) store(ctx context.Context, v *vault.Vault, pairs []vault.Pair, to string) error {
	var refs []vault.Ref
	taken := map[vault.Ref]string{}
	for _, pair := range pairs {
		ref, err := p.destination(ctx, v, secretName(pair.Name), to)
		if err != nil {
			return err
		}
		to = ref.Backend // which is looked for once
		if first := taken[ref]; first != "" && first != pair.Name {
			return usage("name the one to store", "%s and %s would both be stored as %s", first, pair.Name, ref)
		}
		if err := mayReplace(ctx, v, ref, pair.Value); err != nil {
			return err
		}
		taken[ref], refs = pair.Name, append(refs, ref)
	}
	for i, pair := range pairs {
		if err := v.Set(ctx, refs[i], pair.Value); err != nil {
			return err
		}
		p.say("stored %s as %s", pair.Name, refs[i])
	}
	return nil
}

// mayReplace asks before a secret is stored in the place of another value: that of another project, of which this would be the
// last copy.
func mayReplace(ctx context.Context, v *vault.Vault, ref vault.Ref, s vault.Secret) error {
	old, err := v.Get(ctx, ref)
	if errors.Is(err, vault.ErrNotFound) || err == nil && old.Equal(s) {
		return nil
	}
	if err != nil {
		return err
	}
	yes, err := askYes(fmt.Sprintf("%s holds another value: replace it?", ref))
	if err != nil && !errors.Is(err, errNoTerminal) {
		return err
	}
	if !yes {
		return mended(fmt.Errorf("%s holds another value, which would be lost", ref), fmt.Sprintf("if nobody needs it: agentguard vault remove %s; else rename the variable", ref))
	}
	return nil
}

// blank takes the values out of the file, if that is wanted.
func (p *program) blank(file string, stored []vault.Pair, yes bool) error {
	var names []string
	for _, pair := range stored {
		names = append(names, pair.Name)
	}
	if !yes {
		var err error
		yes, err = askYes(fmt.Sprintf("take the values of %s out of %s?", strings.Join(names, ", "), file))
		if err != nil && !errors.Is(err, errNoTerminal) {
			return err
		}
	}
	if !yes {
		p.say("%s still holds the values", file)
		p.hint("agentguard vault import %s %s --yes   (stores again and blanks)", file, strings.Join(names, " "))
		return nil
	}
	if err := vault.BlankEnvFile(file, stored); err != nil {
		return mended(err, "the values are stored: take them out of where they came from yourself")
	}
	p.say("blanked %s in %s; copies in backups and in version control are untouched", strings.Join(names, ", "), file)
	for _, place := range vault.Copies(file, stored) {
		p.warn("%s", place)
	}
	return nil
}
