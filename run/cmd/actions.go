package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
)

func (p *program) actionsCommand() *cli.Command {
	return &cli.Command{
		Name:      "actions",
		Usage:     "list the actions that a policy may name",
		ArgsUsage: "[SERVICE]",
		Description: `examples:
  agentguard policy actions
  agentguard policy actions github --match pull_requests:write
  agentguard policy actions --match delete --json
  agentguard policy actions crm                    a service of the policy's own`,
		Flags: []cli.Flag{policyFlag(), &cli.StringFlag{Name: "match", Usage: "only those with `WORD` in any column"}, jsonFlag()},
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			services := policy.ActionServices()
			if len(a) == 1 && !slices.Contains(services, a[0]) {
				return p.ownActions(c, a[0])
			}
			if len(a) == 1 {
				services = a
			}
			if len(a) == 0 && c.String("match") == "" && !c.Bool("json") {
				return p.actionCounts(services)
			}
			return p.listActions(services, policy.Actions, c.String("match"), c.Bool("json"))
		},
	}
}

// actionCounts is the answer to no question in particular: where to look further.
func (p *program) actionCounts(services []string) error {
	rows := [][]string{{"SERVICE", "READ", "WRITE", "ADMIN"}}
	for _, s := range services {
		count := map[string]int{}
		for _, i := range policy.Actions(s, "") {
			count[i.Class]++
		}
		rows = append(rows, []string{s, fmt.Sprint(count["read"]), fmt.Sprint(count["write"]), fmt.Sprint(count["admin"])})
	}
	p.table(rows)
	p.hint("agentguard policy actions SERVICE, or --match WORD")
	return nil
}

// ownActions lists a service of the policy's own.
func (p *program) ownActions(c *cli.Context, service string) error {
	pol, err := p.policyIfAny(c.String("policy"))
	if err != nil {
		return err
	}
	if pol == nil || pol.Services[service] == nil {
		return mended(fmt.Errorf("service %q is neither built in nor in a policy here", service), "built in are "+strings.Join(policy.ActionServices(), ", "))
	}
	return p.listActions([]string{service}, pol.Actions, c.String("match"), c.Bool("json"))
}

func (p *program) listActions(services []string, actions func(service, word string) []policy.Info, match string, asJSON bool) error {
	var list []policy.Info
	for _, s := range services {
		list = append(list, actions(s, match)...)
	}
	if asJSON {
		for _, i := range list {
			if err := p.json(i); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		return &fault{fmt.Errorf("no action of %s matches %q", strings.Join(services, ", "), match), 1, nil}
	}
	rows := [][]string{{"SERVICE", "NAME", "CLASS", "OPERATION", "BY", "RESOURCE", "PERMISSION"}}
	for _, i := range list {
		row := []string{i.Service, i.Name, i.Class, cmp.Or(i.Operation, i.Request), i.Transport, orDash(i.Resource), orDash(i.Permission)}
		if !slices.Equal(row, rows[len(rows)-1]) {
			rows = append(rows, row)
		}
	}
	p.table(rows)
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
