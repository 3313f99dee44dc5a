package sandbox

// Ladder is what this system has, the strongest first.
func Ladder() []Rung { return []Rung{{Level: Filtered, Try: tryFiltered}, scrubbed} }
