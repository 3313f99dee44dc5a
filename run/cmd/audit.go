package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/urfave/cli/v2"

	"agentguard/run/audit"
)

func (p *program) auditCommand() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "read the record of what agents did",
		Description: `Each run writes one file of JSON lines with a hash chain. RUN is a run's id, the beginning of one, or a file; without it
the newest run is meant.

examples:
  agentguard audit show
  agentguard audit tail
  agentguard audit verify --all`,
		Subcommands: []*cli.Command{
			p.auditShowCommand(), p.auditTailCommand(), p.auditVerifyCommand(), p.auditListCommand(),
		},
	}
}

func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "agent", Usage: "only of agent `NAME`"},
		&cli.StringFlag{Name: "action", Usage: "only of action `NAME`"},
		&cli.StringFlag{Name: "rule", Usage: "only what rule `NAME` decided, as in deny.dangerous"},
		&cli.StringFlag{Name: "effect", Usage: "only with this `EFFECT`: allow, deny, limit or error"},
		jsonFlag(),
	}
}

func (p *program) auditShowCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show a run, a line for each request",
		ArgsUsage: "[RUN]",
		Description: `examples:
  agentguard audit show
  agentguard audit show --effect deny
  agentguard audit show --action create_pr --json 20261123T07 | jq .resource`,
		Flags: filterFlags(),
		Action: func(c *cli.Context) error {
			return p.overRun(c, func(path string, f filter) error { return p.auditShow(path, f) })
		},
	}
}

func (p *program) auditTailCommand() *cli.Command {
	return &cli.Command{
		Name:      "tail",
		Usage:     "show a run and what it does from now on, until it ends",
		ArgsUsage: "[RUN]",
		Description: `examples:
  agentguard audit tail
  agentguard audit tail --effect deny --json`,
		Flags: filterFlags(),
		Action: func(c *cli.Context) error {
			return interruptible(c.Context, func(ctx context.Context) error {
				return p.overRun(c, func(path string, f filter) error { return p.auditTail(ctx, path, f) })
			})
		},
	}
}

func (p *program) overRun(c *cli.Context, do func(path string, f filter) error) error {
	a, err := arguments(c, 0, 1)
	if err != nil {
		return err
	}
	f := filter{c.String("agent"), c.String("action"), c.String("rule"), c.String("effect"), c.Bool("json")}
	if !slices.Contains([]string{"", audit.Allow, audit.Deny, audit.Limit, audit.Error}, f.effect) {
		return usage("--effect allow|deny|limit|error", "there is no effect %q", f.effect)
	}
	paths, err := p.findRuns(a)
	if err != nil {
		return err
	}
	return do(paths[0], f)
}

// filter says which records are shown, and how.
type filter struct {
	agent, action, rule, effect string
	json                        bool
}

func (f filter) takes(r *audit.Record) bool {
	return (f.agent == "" || r.AgentID == f.agent) &&
		(f.action == "" || r.Action == f.action || slices.Contains(r.Actions, f.action)) &&
		(f.rule == "" || r.Rule == f.rule) &&
		(f.effect == "" || r.Effect == f.effect)
}

func (p *program) auditShow(path string, f filter) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	release := p.out.gather()
	shown := false
	open := map[uint64]string{} // requests whose end is still to come
	err = audit.Read(file, func(_ int, r *audit.Record, raw []byte) error {
		if r.Event == audit.Ended { // also one that is not shown: it may have failed, or another rule have ended it
			delete(open, r.ID)
		}
		if !f.takes(r) {
			return nil
		}
		shown = true
		switch {
		case f.json:
			p.print("%s\n", strings.TrimRight(string(raw), "\n"))
			return nil
		case r.Event == audit.Sent:
			open[r.ID] = r.Line(p.effect)
			return nil
		case r.Event == audit.RunEnd:
			p.printOpen(open)
		}
		p.print("%s\n", r.Line(p.effect))
		return nil
	})
	p.printOpen(open)
	release()
	if err := p.damage(path, err); err != nil {
		return err
	}
	if !shown {
		p.say("nothing in %s matches", path)
	}
	return nil
}

// damage is what came of reading a log, but where its end alone is missing: that is said.
func (p *program) damage(path string, err error) error {
	var torn *audit.TornError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &torn):
		p.warn("%s: the last line was cut off (%d bytes): the run was killed, or is writing", path, torn.Bytes)
		return nil
	}
	return mended(fmt.Errorf("%s: %w", path, err), "agentguard audit verify "+path)
}

// printOpen shows the requests of which no end is on record.
func (p *program) printOpen(open map[uint64]string) {
	for _, id := range sortedKeys(open) {
		p.print("%s\n", open[id])
		delete(open, id)
	}
}

// effect colours a word by what was decided.
func (p *program) effect(effect, s string) string {
	return paint(p.outColour, map[string]color.Attribute{
		audit.Allow: color.FgGreen, audit.Deny: color.FgRed, audit.Limit: color.FgYellow, audit.Error: color.FgMagenta,
	}[effect], s)
}

func (p *program) auditTail(ctx context.Context, path string, f filter) error {
	err := audit.Follow(ctx, path, func(r *audit.Record) error {
		switch {
		case !f.takes(r):
		case f.json:
			return p.json(r)
		default:
			p.print("%s\n", r.Line(p.effect))
		}
		return nil
	})
	if err == audit.ErrNoEnd {
		p.warn("%s: %v", path, err)
		return nil
	}
	return err
}

func (p *program) auditListCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the runs",
		Description: `examples:
  agentguard audit list
  agentguard audit list --json`,
		Flags: []cli.Flag{jsonFlag()},
		Action: withoutArguments(func(c *cli.Context) error {
			return p.auditList(c.Bool("json"))
		}),
	}
}

func (p *program) auditList(asJSON bool) error {
	runs, dir, err := p.recorded()
	if err != nil {
		return err
	}
	list := p.listing(asJSON)
	for _, r := range runs {
		line := struct {
			RunID    string `json:"run_id"`
			AgentID  string `json:"agent_id"`
			Start    string `json:"start"`
			Requests int    `json:"requests"`
			Denied   int    `json:"denied"`
			File     string `json:"file"`
		}{r.RunID, r.AgentID, r.Start.UTC().Format("2006-01-02T15:04:05Z"), r.Requests, r.Denied, r.Path}
		if err := list.add(line, r.RunID, r.AgentID, r.Start.Local().Format(time.DateTime), strconv.Itoa(r.Requests), strconv.Itoa(r.Denied)); err != nil {
			return err
		}
	}
	list.show("RUN", "AGENT", "STARTED", "REQUESTS", "DENIED")
	if len(runs) == 0 && !p.sayInside() {
		p.say("there are no runs in %s", dir)
	}
	return nil
}

func (p *program) auditDirs() (logs, anchors string) { return audit.Dirs(p.env.stateHome()) }

// recorded are the runs in the directory of logs. Where there is none, one that lies here is not taken for it: anybody may have made it.
func (p *program) recorded() (runs []audit.Run, dir string, err error) {
	if p.env.stateHome() == "" {
		return nil, "", mended(errors.New("there is no place that keeps the record of runs"), "set HOME or XDG_STATE_HOME, or name a log by its file")
	}
	dir, _ = p.auditDirs()
	runs, err = audit.Runs(dir)
	return runs, dir, err
}

// findRuns gives the files that the arguments mean: ids, beginnings of ids, files; none at all is the newest run.
func (p *program) findRuns(names []string) ([]string, error) {
	if len(names) == 0 {
		all, err := p.runs()
		if err != nil {
			return nil, err
		}
		newest := slices.MaxFunc(all, func(a, b audit.Run) int { return a.Start.Compare(b.Start) })
		return []string{newest.Path}, nil
	}
	var paths []string
	for _, n := range names {
		path, err := p.findRun(n)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (p *program) findRun(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".jsonl") {
		return name, nil
	}
	all, err := p.runs()
	if err != nil {
		return "", err
	}
	var found []audit.Run
	for _, r := range all {
		if r.RunID == name {
			return r.Path, nil
		}
		if strings.HasPrefix(r.RunID, name) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return "", mended(fmt.Errorf("there is no run %q", name), "agentguard audit list")
	case 1:
		return found[0].Path, nil
	}
	return "", mended(fmt.Errorf("%d runs begin with %q", len(found), name), "agentguard audit list")
}

func (p *program) allRuns() ([]string, error) {
	all, err := p.runs()
	return paths(all), err
}

func paths(runs []audit.Run) (out []string) {
	for _, r := range runs {
		out = append(out, r.Path)
	}
	return out
}

// runs are at least one.
func (p *program) runs() ([]audit.Run, error) {
	all, dir, err := p.recorded()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, p.noRuns(dir)
	}
	return all, nil
}

func (p *program) noRuns(dir string) error {
	err := fmt.Errorf("there are no runs in %s", dir)
	if p.sayInside() {
		return err
	}
	return mended(err, "agentguard run -- CMD")
}
