package limit

import "time"

// Reading is what a machine's clocks say at one moment.
type Reading struct {
	Boot string        // which start of the machine Mono is of; "": there is no such clock
	Mono time.Duration // since about then, sleep included: the same for all processes, and nobody sets it
	Wall time.Time
}

// since is the time from an earlier reading to r. Within one start of the machine the wall clock has no say. Across starts,
// and where there is no other clock, it is believed forwards; where it went backwards, no time has passed.
func (r Reading) since(earlier Reading) time.Duration {
	if r.Boot != "" && r.Boot == earlier.Boot {
		return max(r.Mono-earlier.Mono, 0)
	}
	return max(r.Wall.Round(0).Sub(earlier.Wall.Round(0)), 0)
}

// differs says whether time is to be measured from r on: the machine was started again, or the clock went back.
func (r Reading) differs(earlier Reading) bool {
	if r.Boot != "" && r.Boot == earlier.Boot {
		return r.Mono < earlier.Mono
	}
	return r.Boot != earlier.Boot || r.Wall.Round(0).Before(earlier.Wall.Round(0))
}
