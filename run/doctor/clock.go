package doctor

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"agentguard/run/audit"
)

// earliest is before any build of this program: a clock that shows less was never set.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// checkClock has no network to ask, so it looks for what cannot be: a time before this program was built or decades from now,
// a wall clock that runs apart from the monotonic one, and audit logs from the future (the clock was set back since).
func checkClock(_ context.Context, c *Config) []Finding {
	const fix = "set the clock, and keep it set: timedatectl set-ntp true, or your system's time settings"
	now, floor := c.now(), earliest
	if c.Built.After(floor) {
		floor = c.Built
	}
	shown := now.UTC().Format(time.RFC3339)
	switch {
	case now.Before(floor.Add(-24 * time.Hour)):
		return one(Fail, "clock", "it shows "+shown+", which is before this program was built", fix)
	case now.After(earliest.AddDate(25, 0, 0)):
		return one(Fail, "clock", "it shows "+shown, fix)
	}
	if drift := drift(c.now); drift > 100*time.Millisecond || drift < -100*time.Millisecond {
		return one(Warn, "clock", "it moved by "+drift.String()+" against the monotonic clock within 50ms", fix)
	}
	if log := newestLog(c.StateHome); log.After(now.Add(2 * time.Minute)) {
		return one(Warn, "clock", "it shows "+shown+", and there is an audit log of "+log.UTC().Format(time.RFC3339), fix)
	}
	return one(OK, "clock", shown, "")
}

// drift compares the two clocks over a moment (Round(0) takes the monotonic reading off).
func drift(now func() time.Time) time.Duration {
	a := now()
	time.Sleep(50 * time.Millisecond)
	b := now()
	return b.Round(0).Sub(a.Round(0)) - b.Sub(a)
}

func newestLog(stateHome string) (newest time.Time) {
	dir, _ := audit.Dirs(stateHome)
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	return newest
}
