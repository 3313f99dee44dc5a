package cmd

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"agentguard/policy/suite"
	"agentguard/run/audit"
	"agentguard/run/live"
)

// policyLive is `policy test --live`.
func (p *program) policyLive(c *cli.Context, files []string) error {
	agents, iterations := c.Int("agents"), c.Int("iterations")
	switch {
	case c.String("junit") != "":
		return usage("agentguard policy test --junit FILE", "--junit and --live exclude each other")
	case agents < 1 || agents > live.MaxAgents:
		return usage("--agents 3", "there can be 1 to %d agents", live.MaxAgents)
	case iterations < 0 || iterations > live.MaxIterations:
		return usage("--iterations 1000", "there can be up to %d iterations", live.MaxIterations)
	}
	return interruptible(c.Context, func(ctx context.Context) error {
		failed := false
		for _, file := range files {
			r, err := p.liveFile(ctx, file, agents, iterations)
			if err == nil {
				failed = failed || r.Violated > 0
				err = p.showLive(r, c.Bool("json"))
			}
			if err != nil {
				return err
			}
		}
		if failed {
			return status(1)
		}
		return nil
	})
}

func (p *program) liveFile(ctx context.Context, file string, agents, iterations int) (*live.Report, error) {
	pol, cases, err := suite.Load(file)
	if err != nil {
		return nil, err
	}
	report, clear := p.progress(file)
	defer clear()
	return live.Run(ctx, live.Config{Policy: pol, Cases: cases, Agents: agents, Iterations: iterations, Progress: report})
}

// The lines of `policy test --live --json`: a violation, the latency of an action, and with Done a whole file.
type (
	violationLine struct {
		File string `json:"file"`
		live.Violation
	}
	latencyLine struct {
		File     string  `json:"file"`
		Action   string  `json:"action"`
		Requests int     `json:"requests"`
		P50      float64 `json:"p50_ms"`
		P90      float64 `json:"p90_ms"`
		P99      float64 `json:"p99_ms"`
	}
	liveLine struct {
		File       string         `json:"file"`
		OK         bool           `json:"ok"`
		Done       bool           `json:"done"`
		Cases      int            `json:"cases"`
		Agents     int            `json:"agents"`
		Requests   int            `json:"requests"`
		Effects    map[string]int `json:"effects"`
		Statuses   map[int]int    `json:"statuses"`
		Protocols  map[string]int `json:"protocols"`
		Searched   int64          `json:"searched_bytes"`
		PerSecond  float64        `json:"requests_per_second"`
		Violations int            `json:"violations"`
	}
)

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func perSecond(r *live.Report) float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(int(float64(r.Iterations)/r.Took.Seconds()*10)) / 10
}

func (p *program) showLive(r *live.Report, asJSON bool) error {
	if asJSON {
		return p.liveJSON(r)
	}
	for _, v := range r.Violations {
		p.print("--- %s: %s\n", p.bad("FAIL"), audit.SafeText(v.Case))
		at := audit.SafeText(fmt.Sprintf("%s:%d", r.File, v.Line))
		p.print("    %s: %s: got  %s\n", at, v.What, audit.SafeText(v.Got))
		if v.Want != "" {
			p.print("    %s: %s: want %s\n", at, v.What, audit.SafeText(v.Want))
		}
	}
	if n := r.Violated - len(r.Violations); n > 0 {
		p.print("    and %d more\n", n)
	}
	rows := [][]string{{"ACTION", "REQUESTS", "P50", "P90", "P99"}}
	for _, l := range r.Latency {
		rows = append(rows, []string{l.Action, strconv.Itoa(l.Requests), inMS(l.P50), inMS(l.P90), inMS(l.P99)})
	}
	if len(rows) > 1 {
		p.table(rows)
	}
	word, came := p.good("ok  "), "nothing refused arrived, no credential came back"
	if r.Violated > 0 {
		word, came = p.bad("FAIL"), fmt.Sprintf("%d times something that must not happen", r.Violated)
	}
	p.print("%s  %s  %s live: %s by %s (%d allowed, %d denied, %d over a limit), %s; %.0f requests/s\n", word, audit.SafeText(r.File),
		plural(r.Cases, "case"), plural(r.Requests, "request"), plural(r.Agents, "agent"), r.Effects["allow"], r.Effects["deny"], r.Effects["limit"], came, perSecond(r))
	return nil
}

func inMS(d time.Duration) string { return fmt.Sprintf("%.2f ms", milliseconds(d)) }

func (p *program) liveJSON(r *live.Report) error {
	for _, v := range r.Violations {
		if err := p.json(violationLine{r.File, v}); err != nil {
			return err
		}
	}
	for _, l := range r.Latency {
		if err := p.json(latencyLine{r.File, l.Action, l.Requests, milliseconds(l.P50), milliseconds(l.P90), milliseconds(l.P99)}); err != nil {
			return err
		}
	}
	return p.json(liveLine{r.File, r.Violated == 0, true, r.Cases, r.Agents, r.Requests, r.Effects, r.Statuses, r.Protocols, r.Bytes, perSecond(r), r.Violated})
}
