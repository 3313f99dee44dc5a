package cmd

import (
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
  agentguard policy actions --match delete --json`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "match", Usage: "only those with `WORD` in any column"}, jsonFlag()},
		Action: func(c *cli.Context) error {
			a, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			services := policy.ActionServices()
			if len(a) == 1 {
				if !slices.Contains(services, a[0]) {
					return &fault{fmt.Errorf("service %q is not built in", a[0]), ours, []string{"the services are " + strings.Join(services, ", ")}}
				}
				services = a
			}
			if len(a) == 0 && c.String("match") == "" && !c.Bool("json") {
				return p.actionCounts(services)
			}
			return p.listActions(services, c.String("match"), c.Bool("json"))
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

func (p *program) listActions(services []string, match string, asJSON bool) error {
	rows := [][]string{{"SERVICE", "NAME", "CLASS", "OPERATION", "BY", "RESOURCE", "PERMISSION"}}
	for _, s := range services {
		for _, i := range policy.Actions(s, match) {
			if asJSON {
				if err := p.json(i); err != nil {
					return err
				}
				continue
			}
			row := []string{i.Service, i.Name, i.Class, i.Operation, i.Transport, orDash(i.Resource), orDash(i.Permission)}
			if !slices.Equal(row, rows[len(rows)-1]) {
				rows = append(rows, row)
			}
		}
	}
	switch {
	case asJSON:
	case len(rows) == 1:
		return &fault{fmt.Errorf("no action of %s matches %q", strings.Join(services, ", "), match), 1, nil}
	default:
		p.table(rows)
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
