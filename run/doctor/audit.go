package doctor

import (
	"context"
	"os"
	"runtime"

	"agentguard/run/audit"
)

// checkAudit writes into both directories of the log, as a run will.
func checkAudit(_ context.Context, c *Config) []Finding {
	const fix = "free space there, or set XDG_STATE_HOME to a directory of yours"
	if c.StateHome == "" {
		return one(Fail, "audit", "there is no home directory for the log", "set HOME or XDG_STATE_HOME")
	}
	logs, anchors := audit.Dirs(c.StateHome)
	for _, dir := range []string{logs, anchors} {
		if err := writable(dir); err != nil {
			return one(Fail, logs, err.Error(), fix)
		}
	}
	info, err := os.Stat(logs)
	if err != nil {
		return one(Fail, logs, err.Error(), fix)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return one(Warn, logs, "others on this machine can look into it ("+info.Mode().Perm().String()+")", "chmod 700 "+logs)
	}
	return one(OK, logs, "writable, and yours alone", "")
}

// writable makes the directory if need be, and a file in it, which it removes again.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("agentguard doctor\n")
	f.Close()
	os.Remove(f.Name())
	return err
}
