package sandbox

// Ladder is what this system has, the strongest first.
func Ladder() []Rung { return []Rung{{Filtered, tryFiltered}, scrubbed} }
