package cmd

import (
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"agentguard/run/audit"
)

func (p *program) auditVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check the hash chain of a run and its anchor",
		ArgsUsage: "[RUN...]",
		Description: `The exit code is 1 where one of them is broken.

examples:
  agentguard audit verify
  agentguard audit verify --all --json`,
		Flags: []cli.Flag{boolFlag("all", "every run"), jsonFlag()},
		Action: func(c *cli.Context) error {
			a := c.Args().Slice()
			if c.Bool("all") && len(a) > 0 {
				return usage("agentguard audit verify --help", "--all and RUN exclude each other")
			}
			paths, lost, err := p.toVerify(a, c.Bool("all"))
			if err != nil {
				return err
			}
			return p.auditVerify(paths, lost, c.Bool("json"))
		},
	}
}

// toVerify gives the files to check: those that are named, all, or the newest. Lost are those among them of which only
// the anchor is left.
func (p *program) toVerify(names []string, all bool) (files, lost []string, err error) {
	if len(names) > 0 {
		files, err = p.findRuns(names)
		return files, nil, err
	}
	runs, dir, err := p.recorded()
	if err != nil {
		return nil, nil, err
	}
	_, anchors := p.auditDirs()
	if lost, err = audit.Lost(dir, anchors); err != nil {
		return nil, nil, err
	}
	if len(runs)+len(lost) == 0 {
		return nil, nil, p.noRuns(dir)
	}
	found := append(paths(runs), lost...)
	slices.Sort(found) // by time, with which the names begin
	if !all {
		found = found[len(found)-1:]
	}
	return found, lost, nil
}

func (p *program) auditVerify(paths, lost []string, asJSON bool) error {
	broken := 0
	for _, path := range paths {
		_, anchors := p.auditDirs()
		report, err := audit.Verify(path, anchors)
		if slices.Contains(lost, path) {
			report.Problems, err = append([]audit.Problem{{What: "the log is gone, or holds no record any more: its anchor knows of some"}}, report.Problems...), nil
		}
		if err != nil {
			return err
		}
		if len(report.Problems) > 0 {
			broken++
		}
		if asJSON {
			if err := p.json(verified{path, len(report.Problems) == 0, report.Records, report.Complete, lines(report.Problems), lines(report.Notes)}); err != nil {
				return err
			}
			continue
		}
		p.showReport(path, report)
	}
	if broken > 0 {
		return status(1)
	}
	return nil
}

// verified is one line of `audit verify --json`.
type verified struct {
	File     string   `json:"file"`
	OK       bool     `json:"ok"`
	Records  int      `json:"records"`
	Complete bool     `json:"complete"`
	Problems []string `json:"problems,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

func lines(problems []audit.Problem) []string {
	var out []string
	for _, l := range problems {
		text := l.What
		if l.Line > 0 {
			text = "line " + strconv.Itoa(l.Line) + ": " + text
		}
		out = append(out, audit.SafeText(text))
	}
	return out
}

func (p *program) showReport(path string, r audit.Report) {
	word := p.good("ok")
	if len(r.Problems) > 0 {
		word = p.bad("BROKEN")
	}
	p.print("%s: %s, %s\n", audit.SafeText(path), word, plural(r.Records, "record"))
	for _, l := range lines(r.Problems) {
		p.print("  %s %s\n", p.bad("problem:"), l)
	}
	for _, l := range lines(r.Notes) {
		p.print("  note: %s\n", l)
	}
}
