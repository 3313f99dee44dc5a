package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"agentguard/run/child"
	"agentguard/vault"
)

func (p *program) vaultCommand() *cli.Command {
	return &cli.Command{
		Name:  "vault",
		Usage: "keep secrets where the agent cannot read them",
		Description: `Secrets go into the system's keychain, or into one encrypted file where there is none. No command prints one.

examples:
  agentguard vault set github-token
  agentguard vault import .env
  agentguard vault list`,
		Subcommands: []*cli.Command{
			p.vaultSetCommand(), p.vaultImportCommand(), p.vaultListCommand(), p.vaultRemoveCommand(), p.vaultWhereCommand(),
		},
	}
}

func (p *program) vaultSetCommand() *cli.Command {
	return &cli.Command{
		Name:      "set",
		Usage:     "store a secret: typed twice and not shown, or from standard input",
		ArgsUsage: "NAME",
		Description: `The value is never an argument: arguments are in the shell's history and in every process list. A secret that is set again
is replaced: the next run has the new one.

examples:
  agentguard vault set github-token
  gh auth token | agentguard vault set github-token
  agentguard vault set age:deploy-key < deploy-key.txt`,
		Flags:  []cli.Flag{toFlag()},
		Action: func(c *cli.Context) error { return p.vaultSet(c) },
	}
}

func toFlag() cli.Flag {
	return &cli.StringFlag{Name: "to", Usage: "keep it in `BACKEND`: keychain or age (an encrypted file); else the keychain where there is one"}
}

// openVault opens what the supervisor's environment leads to, in a process that others of the same user cannot read.
func (p *program) openVault() (*vault.Vault, error) {
	if err := child.Harden(); err != nil {
		return nil, err
	}
	return vault.New(p.vaultOptions()), nil
}

func (p *program) vaultOptions() vault.Options {
	var asking atomic.Bool // then a notice would stand in the middle of the question's line
	prompt := func(ctx context.Context, message string) ([]byte, error) {
		asking.Store(true)
		defer asking.Store(false)
		if home := p.env.get("HOME"); home != "" { // short enough for one line, which can be erased
			message = strings.Replace(message, filepath.Clean(home)+"/", "~/", 1)
		}
		return askHidden(ctx, strings.TrimRight(message, ": ")+": ")
	}
	if t, err := openTTY(); err != nil {
		prompt = nil
	} else {
		t.close()
	}
	return vault.Options{
		LookupEnv: p.env.lookup,
		Prompt:    prompt,
		AgeFile:   p.ageFile(),
		StateDir:  under(p.env.stateHome(), "agentguard"),
		Notice: func(s string) {
			if !asking.Load() {
				p.say("%s", s)
			}
		},
	}
}

// ageFile is the encrypted file: $AGENTGUARD_AGE_FILE, else one per user.
func (p *program) ageFile() string {
	if f := p.env.get("AGENTGUARD_AGE_FILE"); f != "" {
		return f
	}
	return under(p.env.dataHome(), "agentguard/vault.age")
}

// under joins, and gives "" where there is no directory to be under.
func under(dir, path string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

func (p *program) vaultSet(c *cli.Context) error {
	if err := p.personal("vault set"); err != nil {
		return err
	}
	a := c.Args().Slice()
	if len(a) > 1 || len(a) == 1 && strings.Contains(a[0], "=") {
		// The argument is not repeated: it is likely the secret.
		return usage("agentguard vault set NAME   (asks for the value; or pipe it: CMD | agentguard vault set NAME)",
			"a value cannot be an argument: it stands in the shell's history then, and in every process list. If that was a secret, take it out of there")
	}
	if _, err := arguments(c, 1, 1); err != nil {
		return err
	}
	v, err := p.openVault()
	if err != nil {
		return err
	}
	defer v.Close()
	ref, err := p.destination(c.Context, v, a[0], c.String("to"))
	if err != nil {
		return err
	}
	b, err := newSecretValue(c.Context, p.stdin, ref.Name)
	if err != nil {
		return fmt.Errorf("vault set %s: %w", ref.Name, err)
	}
	s, err := vault.NewSecret(b)
	if err != nil {
		clear(b)
		return fmt.Errorf("vault set %s: %w", ref.Name, err)
	}
	if err := v.Set(c.Context, ref, s); err != nil {
		return err
	}
	p.say("stored %s; a policy names it with from = %q", ref, ref.String())
	return nil
}

// destination says where a secret of that name is to be stored: "age:NAME" and --to age mean the same.
func (p *program) destination(ctx context.Context, v *vault.Vault, name, to string) (vault.Ref, error) {
	if backend, rest, ok := strings.Cut(name, ":"); ok {
		if to != "" && to != backend {
			return vault.Ref{}, usage("agentguard vault set --help", "%s says one place and --to %s another", name, to)
		}
		name, to = rest, backend
	}
	switch to {
	case "keychain", "age", "":
	default:
		return vault.Ref{}, usage("--to keychain or --to age", "secrets cannot be stored in %q", to)
	}
	if err := vault.ValidName(name); err != nil {
		return vault.Ref{}, mended(fmt.Errorf("a secret cannot have that name: %w", err), "agentguard vault set github-token")
	}
	if to == "" {
		var why string
		if to, why = v.Default(ctx); why != "" {
			p.sayNoKeychain(why)
		}
	}
	return vault.Ref{Backend: to, Name: name}, nil
}

func (p *program) sayNoKeychain(why string) {
	file := p.ageFile()
	if file == "" {
		p.say("no keychain here (%s), and no place for the encrypted file: set HOME, or AGENTGUARD_AGE_FILE to its path", why)
		return
	}
	p.say("no keychain here (%s): using the encrypted file %s", why, file)
}

func (p *program) vaultListCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list what is stored, by name; values are never shown",
		Description: `examples:
  agentguard vault list
  agentguard vault list --json`,
		Flags: []cli.Flag{jsonFlag()},
		Action: withoutArguments(func(c *cli.Context) error {
			return p.vaultList(c.Context, c.Bool("json"))
		}),
	}
}

// vaultList shows what can be listed, and then fails if a place could not be.
func (p *program) vaultList(ctx context.Context, asJSON bool) error {
	v, err := p.openVault()
	if err != nil {
		return err
	}
	defer v.Close()
	entries, err := v.List(ctx)
	list := p.listing(asJSON)
	for _, e := range entries {
		stored, modified := "", ""
		if !e.Modified.IsZero() {
			stored, modified = e.Modified.UTC().Format("2006-01-02 15:04Z"), e.Modified.UTC().Format(time.RFC3339)
		}
		line := struct {
			Ref      string `json:"ref"`
			Backend  string `json:"backend"`
			Name     string `json:"name"`
			Modified string `json:"modified,omitempty"`
		}{e.Ref.String(), e.Ref.Backend, e.Ref.Name, modified}
		if err := list.add(line, e.Ref.String(), stored); err != nil {
			return err
		}
	}
	list.show("NAME", "STORED")
	if len(entries) == 0 && err == nil && !p.sayInside() {
		p.say("nothing is stored yet")
		p.hint("agentguard vault set NAME")
	}
	return err
}

func (p *program) vaultRemoveCommand() *cli.Command {
	return &cli.Command{
		Name:      "remove",
		Usage:     "remove a secret",
		ArgsUsage: "NAME",
		Description: `examples:
  agentguard vault remove github-token
  agentguard vault remove age:github-token        where two places hold that name`,
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			if err := p.personal("vault remove"); err != nil {
				return err
			}
			v, err := p.openVault()
			if err != nil {
				return err
			}
			defer v.Close()
			ref, err := p.find(c.Context, v, a[0])
			if err != nil {
				return err
			}
			if err := v.Remove(c.Context, ref); err != nil {
				return err
			}
			p.say("removed %s", ref)
			return nil
		},
	}
}

// find says which stored secret a name means.
func (p *program) find(ctx context.Context, v *vault.Vault, name string) (vault.Ref, error) {
	if strings.Contains(name, ":") {
		return vault.ParseRef(name)
	}
	if err := vault.ValidName(name); err != nil {
		return vault.Ref{}, err
	}
	entries, err := v.List(ctx)
	var found []vault.Ref
	for _, e := range entries {
		if e.Ref.Name == name {
			found = append(found, e.Ref)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return vault.Ref{}, usage("agentguard vault remove "+found[0].String(), "%s is stored in more than one place", name)
	case err != nil: // it may be in the place that could not be read
		return vault.Ref{}, err
	}
	return vault.Ref{}, mended(fmt.Errorf("%s: %w", name, vault.ErrNotFound), "agentguard vault list")
}

func (p *program) vaultWhereCommand() *cli.Command {
	return &cli.Command{
		Name:  "where",
		Usage: "say where secrets can be kept, and in what state each place is",
		Description: `examples:
  agentguard vault where
  agentguard vault where --json`,
		Flags: []cli.Flag{jsonFlag()},
		Action: withoutArguments(func(c *cli.Context) error {
			return p.vaultWhere(c.Context, c.Bool("json"))
		}),
	}
}

func (p *program) vaultWhere(ctx context.Context, asJSON bool) error {
	v, err := p.openVault()
	if err != nil {
		return err
	}
	defer v.Close()
	list := p.listing(asJSON)
	for _, place := range v.Where(ctx) {
		detail := place.Detail
		if place.Err != nil {
			detail = strings.TrimSpace(detail + " (" + place.Err.Error() + ")")
		}
		line := struct {
			Backend string `json:"backend"`
			State   string `json:"state"`
			Detail  string `json:"detail,omitempty"`
			Error   string `json:"error,omitempty"`
		}{place.Backend, place.State, place.Detail, errorText(place.Err)}
		state, _, _ := strings.Cut(place.State, ": ") // the reason stands behind it
		if err := list.add(line, place.Backend+":", state, detail); err != nil {
			return err
		}
	}
	if asJSON {
		return nil
	}
	list.show("PLACE", "STATE", "WHERE")
	backend, _ := v.Default(ctx)
	p.print("\nnew secrets go to %s:\n", backend)
	return nil
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// isStore says whether a reference is in a place that vault set can write.
func isStore(r vault.Ref) bool { return r.Backend == "keychain" || r.Backend == "age" }

// explainVault gives the hints of a vault's error, or of several that came together.
func explainVault(err error) (hints []string) {
	switch e := err.(type) {
	case *vault.Error:
		return []string{e.Hint}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			hints = append(hints, explainVault(one)...)
		}
	case interface{ Unwrap() error }:
		return explainVault(e.Unwrap())
	}
	return hints
}
