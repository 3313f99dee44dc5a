package doctor

import "context"

// checkIsolation names the level that runs have here, and what it does not hold.
func checkIsolation(_ context.Context, c *Config) []Finding {
	if c.Isolation != "env" {
		return one(Fail, "isolation", "level "+c.Isolation+" is not available", "--isolation env")
	}
	return one(OK, "env", "scrubbed environment, proxy and run token; a hostile program can go round the proxy, without credentials", "")
}
