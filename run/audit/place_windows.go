package audit

import "os"

// inPlace asks nothing: a file that is open cannot be removed there.
func (l *Log) inPlace() error { return nil }

func hold(*os.File) {}

// held cannot tell: who writes a log is not marked there.
func held(*os.File) bool { return true }
