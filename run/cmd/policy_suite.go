package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"agentguard/policy"
	"agentguard/policy/suite"
	"agentguard/run/audit"
)

func (p *program) policyTestCommand() *cli.Command {
	return &cli.Command{
		Name:      "test",
		Usage:     "ask a policy for what the cases beside it say",
		ArgsUsage: "[FILE...]",
		Description: `NAME.test.toml holds the cases of NAME.toml. Without FILE, the cases beside the policy are run; a folder stands for all
cases in it and below. The exit code is 1 where a case does not hold.

--live sends the cases through the real proxy, over TLS, to a service on loopback that gives away whatever it is sent, with
throw-away credentials: first each case in HTTP/1.1 and HTTP/2, then all of them in turn by several agents at once, whose limits are
used up meanwhile. It checks that each is answered as it says, that nothing refused arrives and that no credential comes back,
and shows how long requests take.

examples:
  agentguard policy test
  agentguard policy test -v examples/
  agentguard policy test --junit report.xml bots/agentguard.test.toml
  agentguard policy test --live --agents 3 --iterations 1000`,
		Flags: []cli.Flag{policyFlag(), jsonFlag(), boolFlag("verbose", "name each case, and the rules without one", "v"),
			&cli.StringFlag{Name: "junit", Usage: "write a JUnit report to `FILE` too"},
			boolFlag("live", "send the cases through the real proxy to a hostile service on loopback"),
			&cli.IntFlag{Name: "agents", Usage: "with --live: `N` agents at once", Value: 3},
			&cli.IntFlag{Name: "iterations", Usage: "with --live: `N` requests of all agents together, after those of the cases", Value: 1000},
		},
		Action: p.testCases,
	}
}

func (p *program) testCases(c *cli.Context) error {
	a, err := arguments(c, 0, -1)
	if err != nil {
		return err
	}
	if len(a) > 0 && c.String("policy") != "" {
		return usage("agentguard policy test FILE", "both --policy and cases are named")
	}
	files, err := p.caseFiles(a, c.String("policy"))
	if err != nil {
		return err
	}
	if c.Bool("live") {
		return p.policyLive(c, files)
	}
	if c.IsSet("agents") || c.IsSet("iterations") {
		return usage("agentguard policy test --live", "--agents and --iterations are of --live")
	}
	return p.policyTest(files, testOutput{c.Bool("json"), c.Bool("verbose"), c.String("junit")})
}

// caseFiles are the files that arguments stand for; without any the one beside the policy.
func (p *program) caseFiles(given []string, policyFile string) ([]string, error) {
	if len(given) == 0 {
		pol, err := p.findPolicy(policyFile)
		return []string{casesOf(pol)}, err
	}
	var files []string
	for _, g := range given {
		info, err := os.Stat(g)
		switch {
		case err != nil:
			return nil, fmt.Errorf("cases: %w", err)
		case !info.IsDir() && isPolicy(g):
			return nil, usage("agentguard policy test "+casesOf(g), "%s is a policy: its cases are in another file", g)
		case !info.IsDir():
			files = append(files, g)
			continue
		}
		below, err := casesBelow(g)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}

// casesOf is where the cases of a policy are.
func casesOf(file string) string { return strings.TrimSuffix(file, ".toml") + policy.CaseSuffix }

func isPolicy(file string) bool {
	if strings.HasSuffix(file, policy.CaseSuffix) {
		return false
	}
	_, err := policy.Load(file)
	return err == nil
}

func casesBelow(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, policy.CaseSuffix) {
			files = append(files, path)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("cases: %w", err)
	case len(files) == 0:
		return nil, fmt.Errorf("%s holds no file whose name ends in %s", dir, policy.CaseSuffix)
	}
	slices.Sort(files)
	return files, nil
}

type testOutput struct {
	json, verbose bool
	junit         string
}

// policyTest runs the files one by one. What is wrong with a file is said, and the next one is run.
func (p *program) policyTest(files []string, out testOutput) error {
	var (
		reports []suite.Report
		took    []time.Duration
		broken  []error
		failed  bool
	)
	for _, file := range files {
		start := time.Now()
		pol, cases, err := suite.Load(file)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = mended(err, "agentguard policy test --help   (says where cases are looked for)")
			}
			broken = append(broken, err)
			continue
		}
		r := suite.Run(pol, cases)
		reports, took = append(reports, r), append(took, time.Since(start))
		failed = failed || r.Failed() > 0
		if err := p.showCases(&r, took[len(took)-1], out); err != nil {
			return err
		}
	}
	if out.junit != "" {
		if err := writeJUnit(out.junit, reports, took); err != nil {
			return err
		}
	}
	for _, err := range broken[:max(0, len(broken)-1)] {
		p.exit(err)
	}
	switch {
	case len(broken) > 0:
		return broken[len(broken)-1]
	case failed:
		return status(1)
	}
	return nil
}

// testLine is one line of `policy test --json`: a case, or with Done a whole file.
type testLine struct {
	File     string          `json:"file"`
	Line     int             `json:"line,omitempty"`
	Case     string          `json:"case,omitempty"`
	OK       bool            `json:"ok"`
	Got      map[string]int  `json:"got,omitempty"`
	Rule     string          `json:"rule,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Failures []suite.Failure `json:"failures,omitempty"`
	Done     bool            `json:"done,omitempty"`
	Cases    int             `json:"cases,omitempty"`
	Failed   int             `json:"failed,omitempty"`
	Rules    int             `json:"rules,omitempty"`
	Untried  []string        `json:"untried,omitempty"`
}

func (p *program) showCases(r *suite.Report, took time.Duration, out testOutput) error {
	if out.json {
		return p.jsonCases(r)
	}
	for i := range r.Results {
		if x := &r.Results[i]; len(x.Failures) > 0 {
			p.showFailure(r.File, x)
		} else if why := x.Idle(); why != "" {
			p.print("    note %s: holds with any policy, unless it names a rule or a reason: %s\n", audit.SafeText(x.Case.Name), audit.SafeText(why))
		} else if out.verbose {
			p.print("    %s %s\n", p.good("ok"), audit.SafeText(x.Case.Name))
		}
	}
	if out.verbose && len(r.Untried) > 0 {
		p.print("    no case is decided by %s\n", audit.SafeText(strings.Join(r.Untried, ", ")))
	}
	word, tally := p.good("ok  "), plural(len(r.Results), "case")
	if n := r.Failed(); n > 0 {
		word, tally = p.bad("FAIL"), fmt.Sprintf("%d of %s failed", n, tally)
	}
	p.print("%s  %s  %s, %d of %s tried, %.3fs\n", word, audit.SafeText(r.File), tally,
		r.Rules-len(r.Untried), plural(r.Rules, "rule"), took.Seconds())
	return nil
}

// showFailure prints a case that does not hold as go test does, each difference with the line to look at.
func (p *program) showFailure(file string, x *suite.Result) {
	p.print("--- %s: %s\n", p.bad("FAIL"), audit.SafeText(x.Case.Name))
	for _, f := range x.Failures {
		at := fmt.Sprintf("%s:%d", file, f.Line)
		if f.Want == "" {
			p.print("    %s: %s: %s\n", audit.SafeText(at), f.Key, audit.SafeText(f.Got))
			continue
		}
		p.print("    %s: %s: got  %s\n", audit.SafeText(at), f.Key, audit.SafeText(f.Got))
		p.print("    %s: %s: want %s\n", audit.SafeText(at), f.Key, audit.SafeText(f.Want))
	}
}

func (p *program) jsonCases(r *suite.Report) error {
	for i := range r.Results {
		x := &r.Results[i]
		l := testLine{File: r.File, Line: x.Case.Line, Case: x.Case.Name, OK: len(x.Failures) == 0, Got: x.Got, Failures: x.Failures}
		if x.Last != nil {
			l.Rule, l.Reason = x.Last.Rule, x.Last.Said()
		}
		if err := p.json(l); err != nil {
			return err
		}
	}
	return p.json(testLine{File: r.File, OK: r.Failed() == 0, Done: true, Cases: len(r.Results), Failed: r.Failed(), Rules: r.Rules, Untried: r.Untried})
}

func writeJUnit(file string, reports []suite.Report, took []time.Duration) error {
	if err := os.WriteFile(file, suite.JUnit(reports, took), 0o666); err != nil {
		return fmt.Errorf("the JUnit report: %w", err)
	}
	return nil
}
