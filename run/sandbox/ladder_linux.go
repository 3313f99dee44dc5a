package sandbox

// Ladder is what this system has, the strongest first.
func Ladder() []Rung {
	return []Rung{{Level: Sealed, Try: trySealed, Late: true}, {Level: Filtered, Try: tryFiltered}, scrubbed}
}

// trySealed makes a box and throws it away. It must come before this process is made undumpable.
func trySealed() ([]string, error) {
	b, err := Start(Config{})
	if err != nil {
		return nil, err
	}
	return nil, b.Close()
}
