package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"agentguard/run"
	"agentguard/run/child"
)

// checkLimits opens what counts the policy's limits, as a run would. A file that is not there yet is not made.
func checkLimits(ctx context.Context, c *Config) []Finding {
	p := c.usable()
	if p == nil || !p.Limited() {
		return one(Skip, "limits", "no policy of use that limits anything", "")
	}
	where := p.Limits.String()
	if p.Limits.Redis == nil {
		where = filepath.Join(run.LimitsDir(c.StateHome), p.Agent.Name+".limits")
		if _, err := os.Lstat(where); errors.Is(err, os.ErrNotExist) {
			return one(Skip, where, "nothing was counted yet", "")
		}
	}
	l, err := run.OpenLimits(ctx, p, c.Vault, c.StateHome)
	if err != nil {
		f := Finding{Object: where, What: err.Error()}
		if e := (*child.ExitError)(nil); errors.As(err, &e) {
			f.Fix = e.Hint
		}
		return []Finding{f}
	}
	l.Close()
	return one(OK, where, "counts", "")
}
