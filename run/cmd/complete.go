package cmd

import (
	"sort"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/run/audit"
	"agentguard/run/sandbox"
)

// completeCommand answers the scripts of `completion`. It reads the policy and the names of logs, and no vault.
func (p *program) completeCommand() *cli.Command {
	return &cli.Command{
		Name:   "complete",
		Hidden: true,
		Usage:  "list what may stand at the end of a command line",
		Action: func(c *cli.Context) error {
			for _, w := range p.candidates(c.App.Commands, c.Args().First()) {
				p.print("%s\n", w)
			}
			return nil
		},
	}
}

// The kinds of words that arguments and options take. An empty kind is a file, which the shell knows better.
const (
	aService    = "service"
	aStarter    = "starter"
	aMethod     = "method"
	aURL        = "URL"
	aRun        = "run"
	anAction    = "action"
	aRule       = "rule"
	anAgent     = "agent"
	anEffect    = "effect"
	aCredential = "credential"
	aShell      = "shell"
	aLevel      = "level"
)

// argumentKinds are the kinds of a command's arguments, in order; the last of them goes on where more is set.
var argumentKinds = map[string]struct {
	kinds []string
	more  bool
}{
	"policy actions": {[]string{aService}, false},
	"policy explain": {[]string{aMethod, aURL}, false},
	"policy replay":  {[]string{aRun}, true},
	"init":           {[]string{aStarter}, true},
	"audit show":     {[]string{aRun}, false},
	"audit tail":     {[]string{aRun}, false},
	"audit verify":   {[]string{aRun}, true},
	"vault set":      {[]string{aCredential}, false},
	"vault remove":   {[]string{aCredential}, false},
	"completion":     {[]string{aShell}, false},
}

// optionKinds are the kinds of options' values, whatever the command.
var optionKinds = map[string]string{"action": anAction, "match": anAction, "rule": aRule, "agent": anAgent, "effect": anEffect, "isolation": aLevel}

// candidates are the words that may stand where a line ends, those alone that begin as its last word does. They hold only
// characters that no shell has another use for.
func (p *program) candidates(commands []*cli.Command, line string) []string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	last := ""
	if strings.TrimRight(line, " \t") == line && len(words) > 1 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	var out []string
	for _, w := range p.complete(commands, words[1:], last) {
		if strings.HasPrefix(w, last) && isPlainWord(w) {
			out = append(out, w)
		}
	}
	return out
}

func isPlainWord(w string) bool {
	return w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@+%,=") == ""
}

// complete goes down to the command that the words name, and says what may follow.
func (p *program) complete(commands []*cli.Command, words []string, last string) []string {
	path := ""
	var at *cli.Command
	for len(words) > 0 && commands != nil {
		if at = named(commands, words[0]); at == nil {
			return nil
		}
		path = strings.TrimSpace(path + " " + at.Name)
		commands, words = at.Subcommands, words[1:]
	}
	if len(commands) > 0 {
		return visible(commands)
	}
	if at == nil {
		return nil
	}
	seen, option, value := p.seenArguments(at, words)
	switch {
	case at.Name == "run" && len(seen) > 0:
		return nil // what follows is another program's
	case option != "":
		return p.words(optionKinds[option], value)
	case strings.HasPrefix(last, "-"):
		return optionWords(at)
	}
	kinds := argumentKinds[path]
	switch {
	case len(seen) < len(kinds.kinds):
		return p.words(kinds.kinds[len(seen)], value)
	case kinds.more:
		return p.words(kinds.kinds[len(kinds.kinds)-1], value)
	}
	return nil
}

func visible(commands []*cli.Command) (names []string) {
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

func optionWords(c *cli.Command) []string {
	words := []string{"--help"}
	for _, f := range c.Flags {
		if n := f.Names()[0]; len(n) > 1 && n != "help" {
			words = append(words, "--"+n)
		}
	}
	return words
}

// given is what the words before the last one say that others depend on.
type given struct {
	policy  string
	service string // the first argument
}

// seenArguments parts a command's words into arguments and options. option is the one whose value comes next, by its first
// name.
func (p *program) seenArguments(c *cli.Command, words []string) (seen []string, option string, g given) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" && c.Name == "run" {
			seen = append(seen, w)
		}
		if len(w) < 2 || w[0] != '-' {
			seen = append(seen, w)
			continue
		}
		if !takesValue(c.Flags, w) {
			continue
		}
		name := firstName(c.Flags, strings.TrimLeft(w, "-"))
		if i+1 == len(words) {
			option = name
			break
		}
		if i++; name == "policy" {
			g.policy = words[i]
		}
	}
	if len(seen) > 0 {
		g.service = seen[0]
	}
	return seen, option, g
}

func firstName(flags []cli.Flag, name string) string {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f.Names()[0]
			}
		}
	}
	return ""
}

// words are all of a kind.
func (p *program) words(kind string, g given) []string {
	switch kind {
	case aService:
		return policy.ActionServices()
	case aStarter:
		return policy.StarterServices()
	case aMethod:
		return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	case anEffect:
		return []string{audit.Allow, audit.Deny, audit.Limit, audit.Error}
	case aShell:
		return []string{"bash", "zsh", "fish"}
	case aLevel:
		return sandbox.LevelNames()
	case aRun:
		dir, _ := p.auditDirs()
		runs, _ := audit.Names(dir)
		return runs
	case anAgent:
		dir, _ := p.auditDirs()
		_, agents := audit.Names(dir)
		return agents
	}
	pol := p.quietPolicy(g.policy)
	switch kind {
	case aURL:
		return urls(pol)
	case anAction:
		return actionWords(pol, g.service)
	case aRule:
		return rules(pol)
	case aCredential:
		return credentials(pol)
	}
	return nil
}

// quietPolicy is the policy, if there is one that can be read: not the place to say what is wrong with it.
func (p *program) quietPolicy(file string) *policy.Policy {
	if file, err := p.findPolicy(file); err == nil {
		if pol, err := policy.Load(file); err == nil {
			return pol
		}
	}
	return &policy.Policy{}
}

// services are those that a policy uses, or where there is none all that are built in.
func services(pol *policy.Policy) []string {
	if len(pol.Services) == 0 {
		return policy.ActionServices()
	}
	return sortedKeys(pol.Services)
}

func urls(pol *policy.Policy) (out []string) {
	for _, s := range services(pol) {
		out = append(out, "/proxy/"+s+"/")
	}
	for _, s := range sortedKeys(pol.Services) {
		if base := pol.Services[s].Base; base != "" {
			out = append(out, strings.TrimSuffix(base, "/")+"/")
		}
	}
	return out
}

// actionWords are the names of actions of one service, or of those of the policy, its own ones included.
func actionWords(pol *policy.Policy, service string) (out []string) {
	among := services(pol)
	if list := policy.Actions(service, ""); list != nil {
		among = []string{service}
	}
	seen := map[string]bool{}
	for _, s := range among {
		names := []string{"unknown"}
		if svc := pol.Services[s]; svc != nil {
			names = append(names, svc.ActionNames()...)
		}
		for _, i := range policy.Actions(s, "") {
			names = append(names, i.Name)
		}
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	sort.Strings(out)
	return out
}

func rules(pol *policy.Policy) (out []string) {
	for _, r := range sortedKeys(pol.Allow) {
		out = append(out, pol.Allow[r].Name)
	}
	for _, r := range sortedKeys(pol.Deny) {
		out = append(out, pol.Deny[r].Name)
	}
	return append(out, "network.allow", "network.tunnel")
}

// credentials are the names under which the policy's secrets are stored.
func credentials(pol *policy.Policy) (out []string) {
	for _, name := range sortedKeys(pol.Credentials) {
		if stored, err := parseStored(pol.Credentials[name].From); err == nil {
			out = append(out, stored)
		}
	}
	return out
}
