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
	// Profile: AppArmor is to blame, and AppArmorProfile mends it.
	Profile bool
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
	// Try sets up in earnest what the level needs: as a rule in a thread or a process that is thrown away. The error is as a
	// rule a *Problem. limits are what the level, although it works, does not hold here, each as half a sentence.
	Try func() (limits []string, err error)
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

// Mends are what makes the stronger levels work.
func (c Choice) Mends() []string { return mendsOf(c.Above) }

// Wish is what is asked of a run's isolation. The zero Wish is for the strongest level that works here, and none below
// Filtered.
type Wish struct {
	Level   Level // by name; None: the strongest that works here
	Minimum Level // never one below it; None: Filtered, unless a level is asked for by name
}

// least is the level below which nothing is taken.
func (w Wish) least() Level {
	if w.Level == None && w.Minimum == None {
		return Filtered
	}
	return w.Minimum
}

// Unmet says that no level which is good enough works here.
type Unmet struct {
	Wish  Wish
	Tried []Tried
}

func (u *Unmet) Error() string {
	w := u.Wish
	if len(u.Tried) == 0 {
		if w.Level != None && w.Level < w.Minimum {
			return fmt.Sprintf("isolation %s is less than the policy's isolation.minimum, which is %s", w.Level, w.Minimum)
		}
		return fmt.Sprintf("isolation %s: there is no such level on this system", max(w.Level, w.least()))
	}
	var lines []string
	for _, t := range u.Tried {
		lines = append(lines, fmt.Sprintf("isolation %s does not work here: %v", t.Level, t.Err))
	}
	return strings.Join(lines, "\n")
}

// Mends are what makes the levels work that were tried, and last how to do with less.
func (u *Unmet) Mends() []string {
	mends := mendsOf(u.Tried)
	switch w := u.Wish; {
	case w.Level != None && w.Level < w.Minimum:
		return append(mends, "leave --isolation out: the strongest level that works here is taken")
	case w.Minimum > Env:
		return append(mends, "isolation.minimum in the policy says how little will do")
	case w.Level == Sealed:
		return append(mends, "--isolation filtered asks for less; without --isolation the strongest level that works here is taken")
	case w.Level == Env:
		return mends
	}
	return append(mends, "--isolation env, or minimum = \"env\" under [isolation] in the policy, runs it with a scrubbed environment alone: a hostile program can go round the proxy")
}

func mendsOf(tried []Tried) (mends []string) {
	for _, t := range tried {
		var p *Problem
		if errors.As(t.Err, &p) && p.Mend != "" {
			mends = append(mends, p.Mend)
		}
	}
	return mends
}

// Choose takes the level that is asked for by name, or else the strongest that works here. Never does it take one below the
// minimum: then, and where the level asked for does not work, the error is an *Unmet.
func Choose(ladder []Rung, w Wish) (Choice, error) {
	if w.Level != None && w.Level < w.Minimum {
		return Choice{}, &Unmet{Wish: w}
	}
	var failed []Tried
	for _, r := range ladder {
		if w.Level != None && r.Level != w.Level || r.Level < w.least() {
			continue
		}
		limits, err := r.Try()
		if err == nil && r.Level != None {
			return Choice{r.Level, limits, failed}, nil
		}
		failed = append(failed, Tried{r.Level, limits, err})
	}
	return Choice{}, &Unmet{w, failed}
}

// scrubbed is the rung that works everywhere.
var scrubbed = Rung{Level: Env, Try: func() ([]string, error) {
	return []string{"a hostile program can go round the proxy, without credentials"}, nil
}}
