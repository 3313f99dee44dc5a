package doctor

import (
	"context"
	"errors"
	"strings"

	"agentguard/run/sandbox"
)

// checkIsolation says which levels work here, what each does not hold, and what makes the others work.
func checkIsolation(_ context.Context, c *Config) []Finding {
	var found []Finding
	for _, t := range c.Levels {
		f := Finding{Object: t.Level.String(), Status: OK, What: "works here"}
		if len(t.Limits) > 0 {
			f.What = "works here; not held: " + strings.Join(t.Limits, "; ")
		}
		if t.Err != nil {
			var p *sandbox.Problem
			f.Status, f.What = Warn, t.Err.Error()
			if errors.As(t.Err, &p) {
				f.Fix = p.Mend
			}
		}
		found = append(found, f)
	}
	return found
}
