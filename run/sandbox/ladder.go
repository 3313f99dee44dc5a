package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// Problem says why a level does not work here.
type Problem struct {
	Step string // what was being done: "restrict the file system"
	Call string // the system call that failed; "" where none did
	Err  error  // its error, as a rule an errno
	Mend string // what a person can do about it; may be ""
}

func (p *Problem) Error() string {
	parts := []string{p.Step}
	if p.Call != "" {
		parts = append(parts, p.Call)
	}
	if p.Err != nil {
		parts = append(parts, errorText(p.Err))
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the system's error.
func (p *Problem) Unwrap() error { return p.Err }

// Rung is one level of this system's ladder.
type Rung struct {
	Level Level
	// Try sets up in earnest, in a thread or a process that is thrown away, what the level needs. The error is as a rule a
	// *Problem. limits are what the level, although it works, does not hold here, each as half a sentence.
	Try func() (limits []string, err error)
	// Late: where it is asked for by name it is not tried first. To start it is to try it, and costs as much.
	Late bool
}

// Tried is what came of trying a rung.
type Tried struct {
	Level  Level
	Limits []string
	Err    error // nil: it works here
}

// Try tries every rung, the strongest first.
func Try(ladder []Rung) []Tried {
	all := make([]Tried, len(ladder))
	for i, r := range ladder {
		limits, err := r.Try()
		all[i] = Tried{r.Level, limits, err}
	}
	return all
}

// Choice is the level that a run gets. The zero Choice is no level: nothing starts with it.
type Choice struct {
	Level  Level
	Limits []string // what it does not hold here
	Above  []Tried  // the stronger ones, none of which works here; empty where the level was asked for by name
}

// WhyNotMore says, for a person, why no stronger level was taken; "" where there is none, or the level was asked for.
func (c Choice) WhyNotMore() string {
	var parts []string
	for _, t := range c.Above {
		parts = append(parts, fmt.Sprintf("%s does not work here: %v", t.Level, t.Err))
	}
	return strings.Join(parts, "; ")
}

// Unmet says that no level which is good enough works here.
type Unmet struct {
	Asked   Level // by name; None: it was the minimum that was not reached
	Minimum Level
	Tried   []Tried
}

func (u *Unmet) Error() string {
	if len(u.Tried) == 0 {
		if u.Asked != None && u.Asked < u.Minimum {
			return fmt.Sprintf("isolation %s is less than the policy's isolation.minimum, which is %s", u.Asked, u.Minimum)
		}
		return fmt.Sprintf("isolation %s: there is no such level on this system", max(u.Asked, u.Minimum))
	}
	var lines []string
	for _, t := range u.Tried {
		lines = append(lines, fmt.Sprintf("isolation %s does not work here: %v", t.Level, t.Err))
	}
	return strings.Join(lines, "\n")
}

// Mends are what makes the levels work that were tried.
func (u *Unmet) Mends() []string {
	var mends []string
	for _, t := range u.Tried {
		var p *Problem
		if errors.As(t.Err, &p) && p.Mend != "" {
			mends = append(mends, p.Mend)
		}
	}
	return mends
}

// Choose takes the level that is asked for by name, or else the strongest that works here. Never does it take one below
// minimum: then, and where the level asked for does not work, the error is an *Unmet.
func Choose(ladder []Rung, asked, minimum Level) (Choice, error) {
	if asked != None && asked < minimum {
		return Choice{}, &Unmet{Asked: asked, Minimum: minimum}
	}
	var failed []Tried
	for _, r := range ladder {
		if asked != None && r.Level != asked || r.Level < minimum {
			continue
		}
		if asked != None && r.Late {
			return Choice{Level: r.Level}, nil
		}
		limits, err := r.Try()
		if err == nil && r.Level != None {
			return Choice{r.Level, limits, failed}, nil
		}
		failed = append(failed, Tried{r.Level, limits, err})
	}
	return Choice{}, &Unmet{asked, minimum, failed}
}

// Scrubbed is the level that works everywhere, chosen.
func Scrubbed() Choice {
	limits, _ := scrubbed.Try()
	return Choice{Level: Env, Limits: limits}
}

// scrubbed is the rung that works everywhere.
var scrubbed = Rung{Level: Env, Try: func() ([]string, error) {
	return []string{"a hostile program can go round the proxy, without credentials"}, nil
}}
