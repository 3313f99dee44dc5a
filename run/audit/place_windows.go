package audit

// inPlace asks nothing: a file that is open cannot be removed there.
func (l *Log) inPlace() error { return nil }
