package doctor

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"agentguard/run/child"
	"agentguard/run/sandbox"
)

// checkUser says whom a command runs as.
func checkUser(c *Config) []Finding {
	var exit *child.ExitError
	switch {
	case errors.As(c.NoUser, &exit):
		return one(Fail, "user", c.NoUser.Error(), cmp.Or(exit.Hint, "name one that is there"))
	case c.User != "":
		return one(OK, "user", "commands run as "+c.User, "")
	}
	return nil
}

// checkIsolation says which levels work here, what each does not hold, and what makes the others work.
func checkIsolation(_ context.Context, c *Config) []Finding {
	found := checkUser(c)
	taken := false
	for _, t := range c.Levels {
		f := Finding{Object: t.Level.String(), Status: OK, What: "works here"}
		if t.Err == nil && !taken {
			taken = true
			f.What += ", and is what a run takes"
			if t.Level == sandbox.Env {
				f.What = "works here, and is taken only where --isolation env or the policy's isolation.minimum asks for it"
			}
		}
		if len(t.Limits) > 0 {
			f.What += "; not held: " + strings.Join(t.Limits, "; ")
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
