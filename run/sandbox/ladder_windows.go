package sandbox

// Ladder is what this system has, the strongest first. It has no boxes.
func Ladder(*User, func() error) []Rung { return []Rung{scrubbed} }
