package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/vault"
	"agentguard/vault/words"
)

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "write a commented starter policy; an existing file is never touched",
		ArgsUsage: "[" + strings.Join(policy.StarterServices(), "|") + "]...",
		Description: `examples:
  agentguard init github
  agentguard init github anthropic
  agentguard init --policy bots/agentguard.toml generic`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "policy", Aliases: []string{"p"}, Usage: "write to `FILE`", Value: policyFile}},
		Action: func(c *cli.Context) error {
			return p.writeStarter(c.Context, c.String("policy"), c.Args().Slice())
		},
	}
}

// writeStarter names the place where `vault set` keeps secrets on this machine.
func (p *program) writeStarter(ctx context.Context, file string, services []string) error {
	v := vault.New(p.vaultOptions())
	defer v.Close()
	store, why := v.Default(ctx)
	text, err := policy.Starter(services, store)
	if err != nil {
		return mended(err, `agentguard init generic, and its service = "..." becomes one of those that agentguard policy actions lists`)
	}
	if err := writeNew(file, text); err != nil {
		return err
	}
	p.say("wrote %s", file)
	if why != "" {
		p.sayNoKeychain(why)
	}
	pol, err := policy.Load(file)
	if err != nil {
		return err
	}
	if p.personal("policy trust") == nil {
		if err := p.trustWritten(pol); err != nil {
			p.warn("%s is not trusted yet: %v", file, err)
		}
	}
	p.nextSteps(pol, file)
	return nil
}

// writeNew creates the file; O_EXCL also refuses a symbolic link that leads elsewhere.
func writeNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if info, wrong := os.Stat(file); wrong == nil && info.IsDir() {
		return usage("agentguard init --policy "+words.Quote(filepath.Join(file, policyFile)), "%s is a directory", file)
	}
	if errors.Is(err, fs.ErrExist) {
		return mended(fmt.Errorf("%s exists and stays as it is", file), "agentguard policy check "+words.Quote(file)+"   (or --policy ANOTHER)")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return mended(err, "mkdir -p "+words.Quote(filepath.Dir(file)))
	}
	if errors.Is(err, fs.ErrPermission) {
		return mended(err, "cd to a directory that is yours to write, or name a file in one")
	}
	if err != nil {
		return err
	}
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(file) // half a policy is none
	}
	return err
}

// nextSteps prints what is left to do, as commands.
func (p *program) nextSteps(pol *policy.Policy, file string) {
	p.say("next:")
	for _, name := range sortedKeys(pol.Credentials) {
		if ref, err := parseStored(pol.Credentials[name].From); err == nil {
			p.say("  agentguard vault set %s", ref)
		}
	}
	option := ""
	if filepath.Clean(file) != policyFile {
		option = " --policy " + words.Quote(file)
	}
	p.say("  edit %s: the agent's name, and what it may do to what", file)
	p.say("  agentguard policy check%s", fileArgument(file))
	if option == "" {
		p.say("  agentguard policy trust   (after each change: run takes no other)")
	}
	p.say("  agentguard run%s -- CMD", option)
}

func fileArgument(file string) string {
	if filepath.Clean(file) == policyFile {
		return ""
	}
	return " " + words.Quote(file)
}
